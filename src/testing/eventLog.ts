import {
  concat,
  defer,
  ignoreElements,
  map,
  of,
  ReplaySubject,
  tap,
  type Observable,
  type ObservableInput,
} from "rxjs";
import { Acknowledger } from "../../operators/internal/acknowledger.ts";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import type { Lease, TransactionAppend } from "../model/backend.ts";
import type { Appended } from "../model/batch.ts";
import type { DataDescriptor } from "../model/descriptor.ts";
import type { Future } from "../model/future.ts";
import type { EventPosition } from "./eventPosition.ts";

/** The options of an {@link EventLog}. */
export interface EventLogOptions {
  /**
   * Answers an acknowledgement: it is stored when what this returns completes, and refused when that fails.
   *
   * @default every acknowledgement is stored at once
   */
  readonly store?: ((position: EventPosition) => ObservableInput<unknown>) | undefined;
}

/** A transaction that was made of events of a test: nothing is stored, it is only noted. */
export interface TestTransaction {
  /** The last event that was consumed. */
  readonly position: EventPosition;
  /** What was to be stored. */
  readonly appends: readonly TransactionAppend[];
}

/**
 * What was done with events that a test made: what was acknowledged, what is held, what data was fetched. It follows the
 * rules of a consumer: acknowledgements are cumulative inside a partition, only move forward, and those that are given while
 * one is being stored are stored together.
 *
 * @example
 * ```ts
 * import { isSluiceError } from "sluice";
 * import { EventLog, makeEvent } from "sluice/testing";
 *
 * const log = new EventLog();
 * const [first, second] = [0, 1].map((id) => makeEvent({ id, metadata: "made", log }));
 * await second?.acknowledge();
 * console.log(log.acknowledged); // [ [ 0, 1 ] ]
 * await first?.acknowledge().catch((error) => console.log(isSluiceError(error, "ERR_ALREADY_ACKNOWLEDGED"))); // true
 * ```
 */
export class EventLog {
  /** The acknowledgements that were stored, oldest first: the last event that each covers. */
  readonly acknowledged: EventPosition[] = [];
  /** The same as they are stored; those of before the subscription come at once. */
  readonly acknowledgements: Observable<EventPosition>;
  /** The transactions that were committed, oldest first. */
  readonly transactions: TestTransaction[] = [];
  /** What data was fetched, oldest first. */
  readonly fetched: DataDescriptor[] = [];
  readonly #store: (position: EventPosition) => ObservableInput<unknown>;
  readonly #stored = new ReplaySubject<EventPosition>();
  /** How many events went to each partition. */
  readonly #ends = new Map<string, number>();
  readonly #acknowledgers = new Map<number, Acknowledger>();
  #held = 0;

  constructor({ store = of }: EventLogOptions = {}) {
    this.#store = store;
    this.acknowledgements = this.#stored.asObservable();
  }

  /** How many holds there are now that have not ended. */
  get held(): number {
    return this.#held;
  }

  /** Notes that an event was delivered, without which it cannot be acknowledged. @internal */
  delivered(partition: number, id: number): void {
    const acknowledger = this.#acknowledgerOf(partition);
    acknowledger.delivered = Math.max(acknowledger.delivered, id);
  }

  /** @internal */
  acknowledge(partition: number, id: number): Future<void> {
    return this.#acknowledgerOf(partition).acknowledge(id);
  }

  /** @internal */
  transact(partition: number, id: number, appends: readonly TransactionAppend[]): Future<readonly Appended[]> {
    return this.#acknowledgerOf(partition).transact(id, appends);
  }

  /** @internal */
  hold(): () => void {
    let released = false;
    this.#held++;
    return () => {
      if (!released) this.#held--;
      released = true;
    };
  }

  #acknowledgerOf(partition: number): Acknowledger {
    const acknowledger = this.#acknowledgers.get(partition) ?? new Acknowledger(this.#leaseOf(partition), () => {});
    this.#acknowledgers.set(partition, acknowledger);
    return acknowledger;
  }

  #leaseOf(partition: number): Lease {
    return {
      partition,
      epoch: 1,
      position: undefined,
      revoked: [],
      acknowledge: (position) => this.#acknowledge([partition, position - 1]),
      transact: (position, appends) => this.#transact([partition, position - 1], appends),
      release: () => {},
    };
  }

  #transact(position: EventPosition, appends: readonly TransactionAppend[]): Observable<readonly Appended[]> {
    return this.#acknowledge(position).pipe(
      map(() => {
        this.transactions.push({ position, appends });
        return appends.map((append) => this.#append(append));
      }),
    );
  }

  #append({ topic, partition, batch }: TransactionAppend): Appended {
    const key = `${topic.name}/${partition}`;
    const firstId = this.#ends.get(key) ?? 0;
    this.#ends.set(key, firstId + batch.count);
    return { firstId };
  }

  #acknowledge(position: EventPosition): Observable<void> {
    const store = defer(() => innerFrom(this.#store(position))).pipe(ignoreElements());
    const note = () => {
      this.acknowledged.push(position);
      this.#stored.next(position);
    };
    return concat(store, of(undefined)).pipe(tap(note));
  }
}
