import { asyncScheduler } from "rxjs";

/** How many times one reading of the clock is handed out at the most. */
const maxUses = 16;
/** A time below this one (1973) is virtual: a test's clock begins at 0. */
const firstRealTime = 1e11;

/**
 * The time of RxJS, read once for up to 16 calls in one turn of the event loop. Reading the system's clock costs as much as
 * a good part of a push, and within one turn no time is seen to pass anyway. Virtual time is read at each call.
 *
 * @internal
 */
export class TurnClock {
  #time = 0;
  #uses = 0;
  #isWaiting = false;

  /** Milliseconds since 1970, or since the start of a test. */
  now(): number {
    if (this.#uses > 0) {
      this.#uses--;
      return this.#time;
    }
    this.#time = asyncScheduler.now();
    if (this.#time >= firstRealTime) this.#keepForThisTurn();
    return this.#time;
  }

  #keepForThisTurn(): void {
    this.#uses = maxUses - 1;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    queueMicrotask(() => {
      this.#isWaiting = false;
      this.#uses = 0;
    });
  }
}
