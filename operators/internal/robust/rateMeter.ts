/** Events a second, as the recent past was: what lies ten seconds back counts a third of what is now. */
export class RateMeter {
  readonly #window = 10_000;
  #rate = 0;
  #time: number;

  /** @param now - In milliseconds. */
  constructor(now: number) {
    this.#time = now;
  }

  /** Counts events. A clock that was set back counts as one that stands still. */
  count(events: number, now: number): void {
    this.#rate = this.at(now) + (events * 1000) / this.#window;
    this.#time = now;
  }

  /** Events a second, at a time. */
  at(now: number): number {
    return this.#rate * Math.exp(-Math.max(0, now - this.#time) / this.#window);
  }
}
