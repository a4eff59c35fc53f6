import { idAt, type Appended } from "../../../src/model/batch.ts";
import type { Future, Promised } from "../../../src/model/future.ts";

/** How many of the last batches are remembered, for those who ask late. */
const remembered = 64;

/** What became of events that were sent together. */
interface Outcome {
  readonly position: number;
  readonly count: number;
  readonly appended: Appended | undefined;
  readonly error: unknown;
}

/**
 * The futures of the ids that the events of one partition will get. There is one only for an event that somebody has asked
 * about, so a backlog costs no memory.
 */
export class DeliveredFutures {
  readonly #waiting = new Map<number, Promised<number>>();
  readonly #last: Outcome[] = [];

  /** Has a future told what becomes of an event. @param next - The position of the next event that is to be sent. */
  tell(promised: Promised<number>, position: number, next: number): void {
    if (position >= next) {
      const known = this.#waiting.get(position);
      if (known === undefined) this.#waiting.set(position, promised);
      else pass(known, promised);
      return;
    }
    const outcome = this.#last.find((each) => position >= each.position && position < each.position + each.count);
    if (outcome === undefined) promised.resolve(-1);
    else if (outcome.appended === undefined) promised.reject(outcome.error);
    else promised.resolve(idAt(outcome.appended, position - outcome.position));
  }

  /** Events are stored. */
  resolve(position: number, count: number, appended: Appended): void {
    this.#remember({ position, count, appended, error: undefined });
    if (this.#waiting.size === 0) return;
    for (let i = 0; i < count; i++) this.#take(position + i)?.resolve(idAt(appended, i));
  }

  /** An event was put aside. */
  reject(position: number, error: unknown): void {
    this.#remember({ position, count: 1, appended: undefined, error });
    this.#take(position)?.reject(error);
  }

  /** None of those that wait will be told anything else. */
  abandon(error: unknown): void {
    for (const promised of this.#waiting.values()) promised.reject(error);
    this.#waiting.clear();
  }

  #take(position: number): Promised<number> | undefined {
    const promised = this.#waiting.get(position);
    if (promised !== undefined) this.#waiting.delete(position);
    return promised;
  }

  #remember(outcome: Outcome): void {
    this.#last.push(outcome);
    if (this.#last.length > remembered) this.#last.shift();
  }
}

/** Both futures of one event say the same. */
function pass(from: Future<number>, to: Promised<number>): void {
  from.then(
    (id) => to.resolve(id),
    (error: unknown) => to.reject(error),
  );
}
