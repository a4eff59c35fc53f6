/** Tells when a group may have given a member up without the member having heard of it. */
export class Liveness {
  readonly #sessionTimeout: number;
  readonly #now: () => number;
  /** When the group has heard of the member for the last time, as far as is known: the time at which a request was sent. */
  #heard: number;
  /** When the clock has ticked for the last time: that of a process which was stopped ticks late. */
  #ticked: number;
  #excuses = 0;

  /**
   * @param sessionTimeout - Milliseconds without a heartbeat after which a group gives a member up.
   * @param now - The clock, one that goes on while the machine sleeps.
   */
  constructor(sessionTimeout: number, now: () => number = Date.now) {
    this.#sessionTimeout = sessionTimeout;
    this.#now = now;
    this.#heard = this.#ticked = now();
  }

  /** Whether so much time has gone by that others may own what the member had. */
  get isInDoubt(): boolean {
    const hasSlept = this.#now() - this.#ticked > this.#sessionTimeout;
    return hasSlept || (this.#excuses === 0 && this.isUnheard);
  }

  /** Whether the group has not heard of it for as long as a session lasts. */
  get isUnheard(): boolean {
    return this.#now() - this.#heard > this.#sessionTimeout;
  }

  /** The group has answered a request. */
  heard(sentAt: number): void {
    this.#heard = sentAt;
  }

  /** Who waits for the others to join is not given up meanwhile. */
  async excuse<T>(waiting: Promise<T>): Promise<T> {
    this.#excuses++;
    try {
      return await waiting;
    } finally {
      this.#excuses--;
      this.#heard = this.#now();
    }
  }

  tick(): void {
    this.#ticked = this.#now();
  }
}
