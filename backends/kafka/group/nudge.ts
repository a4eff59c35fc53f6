/** Why somebody is woken: to join again, or only to look at the topic. */
export type Reason = "join" | "look";

/** Lets a loop wait for some time, or until it is woken. What happens while nobody waits is kept. */
export class Nudge {
  #pending: Reason | undefined;
  #wake: ((reason: Reason) => void) | undefined;

  wake(reason: Reason): void {
    if (this.#pending !== "join") this.#pending = reason;
    this.#wake?.(reason);
  }

  /** @returns Why it was woken; undefined when the time is over. */
  async wait(milliseconds: number): Promise<Reason | undefined> {
    if (this.#pending === undefined) {
      await new Promise<void>((resolve) => {
        const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    const reason = this.#pending;
    this.#pending = undefined;
    return reason;
  }

  /** Waits, whoever is woken meanwhile. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
}
