import { Observable, type Subscriber } from "rxjs";

/**
 * Reads that wait until there is something to read, for backends that know themselves when that is.
 *
 * @typeParam T - What a read is answered with.
 *
 * @example
 * ```ts
 * import { WaitingReads } from "sluice";
 *
 * const stored: string[] = [];
 * const reads = new WaitingReads<string>();
 * const first = reads.read((subscriber) => {
 *   if (stored[0] === undefined) return false;
 *   subscriber.next(stored[0]);
 *   subscriber.complete();
 *   return true;
 * });
 * first.subscribe((text) => console.log(text)); // a
 * stored.push("a");
 * reads.wake();
 * ```
 */
export class WaitingReads<T> {
  readonly #waiting = new Set<() => void>();

  /**
   * A read that is tried when it is subscribed to, and again at each `wake` until it could be answered.
   *
   * @param answer - Answers a subscriber where that is possible. Returns whether it has done so, or will without being woken.
   * @returns An Observable whose subscribers wait until they unsubscribe.
   */
  read(answer: (subscriber: Subscriber<T>) => boolean): Observable<T> {
    return new Observable((subscriber) => {
      const attempt = () => {
        if (answer(subscriber)) this.#waiting.delete(attempt);
        else this.#waiting.add(attempt);
      };
      attempt();
      return () => this.#waiting.delete(attempt);
    });
  }

  /** Tries every read that waits once more: something was stored, or the end has come. */
  wake(): void {
    // The answer to one may be what lets go of another.
    for (const attempt of [...this.#waiting]) if (this.#waiting.has(attempt)) attempt();
  }
}
