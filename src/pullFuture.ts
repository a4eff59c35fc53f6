import { Promised } from "./model/future.ts";

/**
 * The future of a pulled event. When a wait for it has run out and nobody else is waiting, it gives up its place, so that
 * an event never goes to a future that its caller has let go of; waiting again takes a place again.
 *
 * @internal
 */
export class PullFuture<T> extends Promised<T> {
  /** Whether it has given up its place. */
  expired = false;
  readonly #claim: (future: PullFuture<T>) => void;

  /** @param claim - Called when somebody waits for a future that had given up its place. */
  constructor(claim: (future: PullFuture<T>) => void) {
    super();
    this.#claim = claim;
  }

  protected override waiting(): void {
    if (!this.expired) return;
    this.expired = false;
    this.#claim(this);
  }

  protected override timedOut(): void {
    if (!this.isWatched) this.expired = true;
  }
}
