import { Promised } from "./model/future.ts";

/** Where pulls wait for their turn. @internal */
export interface PullQueue<T> {
  /** Gives a future an event, or a place behind those that wait. */
  enter(future: PullFuture<T>): void;
  /** Takes its place away. */
  leave(future: PullFuture<T>): void;
}

/**
 * The future of a pulled event. When a wait for it has run out and nobody else is waiting, it gives up its place, so that
 * an event never goes to a future that its caller has let go of; waiting again takes a place again.
 *
 * @internal
 */
export class PullFuture<T> extends Promised<T> {
  readonly #queue: PullQueue<T>;
  #hasPlace = false;

  constructor(queue: PullQueue<T>) {
    super();
    this.#queue = queue;
    this.waiting();
  }

  protected override waiting(): void {
    if (this.#hasPlace || this.completed) return;
    this.#hasPlace = true;
    this.#queue.enter(this);
  }

  protected override timedOut(): void {
    if (this.isWatched) return;
    this.#hasPlace = false;
    this.#queue.leave(this);
  }
}
