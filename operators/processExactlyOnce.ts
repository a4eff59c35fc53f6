import {
  catchError,
  concatMap,
  defer,
  map,
  Observable,
  tap,
  throwError,
  toArray,
  type NextObserver,
  type OperatorFunction,
} from "rxjs";
import { checkAmount, checkFunction, checkInteger } from "../src/model/check.ts";
import { describeValue } from "../src/model/describeValue.ts";
import type { EventInput } from "../src/model/draft.ts";
import { isSluiceError, SluiceError } from "../src/model/errors.ts";
import type { StreamEvent } from "../src/model/event.ts";
import type { Receipt } from "../src/model/receipt.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import { deadLetterEvent, type DeadLetterMetadata } from "./internal/deadLetterEvent.ts";
import { isTransient } from "./internal/exactlyOnce/isTransient.ts";
import { Outlet, packOutputs, placeAll, receiptsOf, type Output } from "./internal/exactlyOnce/outlet.ts";
import { outputsOf, type Outputs } from "./internal/exactlyOnce/outputsOf.ts";
import { Transactions } from "./internal/exactlyOnce/transactions.ts";
import { innerFrom } from "./internal/innerFrom.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";
import { orderedMap } from "./orderedMap.ts";
import { retryWithBackoff, type RetryOptions } from "./retryWithBackoff.ts";

/**
 * What an event is turned into: an event for the target, several, or none, at once or later. It may be called again with the
 * same event, so it should do nothing to the world outside.
 */
export type TransformEvent<M = unknown, I = unknown> = (
  event: StreamEvent<M>,
) => Outputs<I> | PromiseLike<Outputs<I>> | Observable<EventInput<I>>;

/** The options of {@link processExactlyOnce}. */
export interface ProcessExactlyOnceOptions<M = unknown> {
  /** The largest number of events of a partition that one transaction takes. @default 1000 */
  readonly batchSize?: number | undefined;
  /**
   * Milliseconds that a transaction waits for more events, from its first one. What comes while another one is under way
   * gathers anyhow. @default 0
   */
  readonly linger?: number | undefined;
  /** How many events of a partition are transformed at once, where that is asynchronous. @default 1 */
  readonly concurrency?: number | undefined;
  /**
   * Where an event goes that cannot be transformed, or whose outputs the target does not accept: a topic, written in the same
   * transaction. Without one the stream fails with the error. @default none
   */
  readonly deadLetter?: TopicHandle<DeadLetterMetadata<M>> | undefined;
  /**
   * How often and when it starts again after a failure, from the last committed position. @default as often as it takes, after
   * conditions that may pass: an unreachable backend, a partition that was lost to another consumer
   */
  readonly retry?: RetryOptions | undefined;
  /** Told of each failure after which it may start again. @default none */
  readonly failures?: NextObserver<unknown> | undefined;
}

/** What {@link processExactlyOnce} emits for each transaction. */
export interface TransactionReceipt {
  /** The topic that was consumed. */
  readonly topic: string;
  /** Its partition. */
  readonly partition: number;
  /** How many events were consumed. */
  readonly consumed: number;
  /** The id of the last of them. */
  readonly lastId: number;
  /** What was produced. */
  readonly produced: readonly Receipt[];
}

/**
 * Turns the events of a consumer into events of another topic, each exactly once: what is produced and that its cause was
 * consumed are stored in one step, a transaction. After a crash, a lost connection or a rebalance it goes on from the last
 * transaction that was committed, and nothing of the one before it is there.
 *
 * Each transaction takes events of one partition, in their order. It acknowledges them, so nothing else should.
 *
 * @param target - The topic to produce to. It is opened through the same driver as the topic that is consumed.
 * @param transform - What an event is turned into.
 * @param options - The size of transactions, dead letters and retries.
 * @returns An operator for events of `consume` or of a consumer; it emits a receipt for each transaction. It fails with the
 * error of `transform`, of an event that the target does not accept (`ERR_INVALID_METADATA`, `ERR_INVALID_PARTITION`,
 * `ERR_SERIALIZATION`), with `ERR_UNSUPPORTED` when the backend has no transactions or the two topics are not of one driver,
 * and with conditions that do not pass (`ERR_TOPIC_SEALED`, `ERR_TOPIC_NOT_FOUND`, `ERR_DURABILITY`, `ERR_CLOSED`).
 * @throws TypeError or RangeError when an argument is wrong.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { consume, processExactlyOnce } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const orders = await driver.createTopic<{ price: number; count: number }>("orders");
 * const bills = await driver.createTopic<{ total: number }>("bills");
 * await orders.producer().push({ price: 3, count: 4 });
 * const billed$ = consume(orders, "billing", { until: "end" }).pipe(
 *   processExactlyOnce(bills, ({ metadata: { price, count } }) => ({ metadata: { total: price * count } })),
 * );
 * const { consumed, produced } = await lastValueFrom(billed$);
 * console.log(consumed, produced[0]?.id, (await bills.consumer("reader").pull()).metadata.total); // 1 0 12
 * await driver.close();
 * ```
 */
export function processExactlyOnce<M, T, I = T>(
  target: TopicHandle<T, I>,
  transform: TransformEvent<M, I>,
  options: ProcessExactlyOnceOptions<M> = {},
): OperatorFunction<StreamEvent<M>, TransactionReceipt> {
  const { batchSize = 1000, linger = 0, concurrency = 1, deadLetter, retry = {}, failures } = options;
  checkTopic("target", target);
  checkFunction("transform", transform);
  checkInteger("batchSize", batchSize, 1);
  checkAmount("linger", linger);
  checkInteger("concurrency", concurrency, 1);
  if (deadLetter !== undefined) checkTopic("deadLetter", deadLetter);
  const { isRetriable = isTransient } = retry;
  const persistence = { count: Infinity, counting: "in-a-row", ...retry, isRetriable } as const;
  const again = retryWithBackoff<TransactionReceipt>(persistence);
  return (source) =>
    new Observable<TransactionReceipt>((subscriber) => {
      const work = new Work<M, I>(target as unknown as TopicHandle<I, never>, transform, concurrency, deadLetter);
      const rules = { batchSize, linger, commit: (events: readonly StreamEvent<M>[]) => work.commit(events) };
      subscribeWithin(subscriber, source, new Transactions<M, TransactionReceipt>(subscriber, rules));
    }).pipe(
      tap({
        error: (error: unknown) => {
          if (isRetriable(error)) failures?.next(error);
        },
      }),
      again,
    );
}

/** The work of one subscription: its outlets, whose partition selectors have a state of their own. */
class Work<M, I> {
  readonly #target: Outlet<I>;
  readonly #letters: Outlet<DeadLetterMetadata<M>> | undefined;
  readonly #transform: TransformEvent<M, I>;
  readonly #concurrency: number;

  constructor(
    target: TopicHandle<I, never>,
    transform: TransformEvent<M, I>,
    concurrency: number,
    deadLetter: TopicHandle<DeadLetterMetadata<M>> | undefined,
  ) {
    this.#target = new Outlet(target);
    this.#letters = deadLetter && new Outlet(deadLetter as TopicHandle<DeadLetterMetadata<M>, never>);
    this.#transform = transform;
    this.#concurrency = concurrency;
  }

  /** Transforms events of one partition, and commits what they were turned into. */
  commit(events: readonly StreamEvent<M>[]): Observable<TransactionReceipt> {
    return innerFrom(events).pipe(
      orderedMap((event) => this.#outputs(event), { concurrency: this.#concurrency }),
      concatMap(({ event, outputs }) => this.#placed(event, outputs)),
      toArray(),
      concatMap((outputs) => transact(events, outputs.flat())),
    );
  }

  #outputs(event: StreamEvent<M>): Observable<{ readonly event: StreamEvent<M>; readonly outputs: readonly Output[] }> {
    return defer(() => outputsOf(this.#transform(event))).pipe(
      concatMap((input) => this.#target.accept(input)),
      toArray(),
      catchError((error: unknown) => this.#letter(event, error)),
      map((outputs) => ({ event, outputs })),
    );
  }

  #placed(event: StreamEvent<M>, outputs: readonly Output[]): Observable<readonly Output[]> {
    return placeAll(outputs).pipe(
      toArray(),
      catchError((error: unknown) => this.#letter(event, error).pipe(concatMap(placeAll), toArray())),
    );
  }

  /** What takes the place of the outputs of an event that cannot be handled. */
  #letter(event: StreamEvent<M>, error: unknown): Observable<readonly Output[]> {
    const letters = this.#letters;
    if (letters === undefined || isTransient(error)) return throwError(() => error);
    return deadLetterEvent({ event, error }).pipe(
      concatMap((letter) => letters.accept(letter)),
      toArray(),
    );
  }
}

function transact<M>(events: readonly StreamEvent<M>[], outputs: readonly Output[]): Observable<TransactionReceipt> {
  const batches = packOutputs(outputs);
  const { topic, partition, id: lastId, source } = events.at(-1)!;
  return defer(() =>
    innerFrom(
      source.transact(
        lastId,
        batches.map(({ append }) => append),
      ),
    ),
  ).pipe(
    catchError((error: unknown) => throwError(() => storeError(error))),
    map((appended) => ({
      topic,
      partition,
      consumed: events.length,
      lastId,
      produced: receiptsOf(batches, appended),
    })),
  );
}

/** Whatever a backend fails with has a code. */
function storeError(error: unknown): unknown {
  if (isSluiceError(error) || error instanceof TypeError || error instanceof RangeError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError("ERR_STORAGE", `A transaction could not be committed: ${reason}`, { cause: error });
}

function checkTopic(name: string, topic: unknown): void {
  const { backend, components } = (topic ?? {}) as Partial<TopicHandle>;
  if (backend !== undefined && components !== undefined) return;
  throw new TypeError(`'${name}' must be a topic: current value is ${describeValue(topic)}`);
}
