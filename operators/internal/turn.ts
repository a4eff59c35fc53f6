import { asyncScheduler } from "rxjs";

/** Milliseconds of work without a pause after which timers and input are to have their turn. */
const turnMs = 20;
/** How many times it is asked before the clock is looked at again, which costs more than the asking. */
const asksPerLook = 64;

/**
 * Keeps work that never waits for anything outside from starving the rest of the program: a backend in memory answers in
 * microtasks, and timers do not fire between those.
 *
 * @internal
 */
export class Turn {
  #asks = 0;
  #end = asyncScheduler.now() + turnMs;

  /** Whether the others should have their turn now. */
  get isOver(): boolean {
    if (++this.#asks < asksPerLook) return false;
    this.#asks = 0;
    return asyncScheduler.now() > this.#end;
  }

  /** Resolves when the others have had their turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      asyncScheduler.schedule(() => {
        this.#end = asyncScheduler.now() + turnMs;
        resolve();
      });
    });
  }
}
