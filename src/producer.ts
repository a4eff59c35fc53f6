import { map, mergeMap, Subject, Subscription, type Observable, type Observer } from "rxjs";
import type { OutstandingDraft } from "../operators/internal/outstandingDraft.ts";
import { ProducerCore } from "../operators/internal/producerCore.ts";
import type { ProducerCoreOptions } from "../operators/internal/producerOptions.ts";
import type { BatchReport, StoredDrafts } from "../operators/internal/pipelineHost.ts";
import { after } from "./model/after.ts";
import { idAt, type ProducerSequence } from "./model/batch.ts";
import { checkAmount } from "./model/check.ts";
import type { DataInput } from "./model/data.ts";
import type { EventInput } from "./model/draft.ts";
import { SluiceError } from "./model/errors.ts";
import { Promised, type Future } from "./model/future.ts";
import type { Receipt } from "./model/receipt.ts";
import type { Rejection } from "./model/rejection.ts";
import type { CloseOptions, TopicHandle } from "./model/topicHandle.ts";
import { producerStatistics, type ProducerStatistics } from "./statistics/producerStatistics.ts";
import type { StatisticsOptions } from "./statistics/sampled.ts";
import type { ThreadPool } from "./threads/threadPool.ts";

/** The options of a producer. */
export interface ProducerOptions extends ProducerCoreOptions {
  /** Runs components that the topic has by module. @default the driver's `defaultThreadPool`, which runs them inline */
  readonly threadPool?: ThreadPool | undefined;
  /** The priority of this producer's work in the pool; higher goes first. @default 0 */
  readonly priority?: number | undefined;
}

/** Where one event is to go, and what is known of it already, as for one that comes from somewhere else. */
export interface PushOptions {
  /** The partition; the topic's partition selector decides when it is left out. */
  readonly partition?: number | undefined;
  /** When it happened, in milliseconds since 1970. @default the time of the push */
  readonly timestamp?: number | undefined;
  /**
   * Whom it counts as sent by, and its number among all that this producer sends to the partition, from 0 and without a gap. Where
   * the backend can, it is stored once however often it is pushed, also by another process; the caller keeps the numbers. Behind a
   * gap an event is refused with `ERR_OUT_OF_SEQUENCE`. @default the producer itself, where it has a name
   */
  readonly producer?: ProducerSequence | undefined;
}

const noOptions: PushOptions = {};

/**
 * Stores events in a topic. It is an Observer, so `source$.subscribe(producer)` produces a stream of
 * `{ metadata, data?, partition? }`; and `push` stores one event and returns a future of its id.
 *
 * @typeParam I - The metadata that it takes.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions");
 * const producer = topic.producer({ name: "app1" });
 * producer.push({ energy: 42 }, new Uint8Array([1, 2, 3]));
 * await producer.flush();
 * await driver.close();
 * ```
 */
export class Producer<I = unknown> implements Observer<EventInput<I>> {
  /** The name of its topic. */
  readonly topic: string;
  /** A receipt for each event that is stored from now on. Completes when the producer is closed. */
  readonly receipts: Observable<Receipt>;
  /** Each batch that is stored from now on: how large it was, and how long that took. Completes when the producer is closed. */
  readonly batches: Observable<BatchReport>;
  /** Each event that fails from now on, with its error, whether or not anybody keeps its future. */
  readonly errors: Observable<Rejection<I>>;
  readonly #core: ProducerCore<I>;
  readonly #stored = new Subject<StoredDrafts<OutstandingDraft<I>>>();
  readonly #failed = new Subject<Rejection<I>>();
  readonly #ended = new Promised<void>();
  readonly #running: Subscription;
  /** What the source has failed with. */
  #failure: { readonly error: unknown } | undefined;
  #ready: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(topic: TopicHandle<I, never>, options: ProducerCoreOptions = {}) {
    this.topic = topic.name;
    const running = new Subscription();
    this.#core = new ProducerCore<I>(topic, options, {
      next: (stored) => this.#stored.next(stored),
      error: (error) => this.#end(error),
      complete: () => this.#end(),
      get closed() {
        return running.closed;
      },
      add: (teardown) => running.add(teardown),
    });
    this.#running = running;
    const detach = topic.attach?.(this);
    running.add(detach);
    this.receipts = this.#stored.pipe(mergeMap((stored) => receiptsOf(topic.name, stored)));
    this.batches = this.#stored.pipe(map(({ report }) => report));
    this.errors = this.#failed.asObservable();
    this.#core.failures
      .pipe(map(({ draft, error }) => ({ metadata: draft.metadata, data: draft.data, error })))
      .subscribe(this.#failed);
  }

  /**
   * Stores one event.
   *
   * @param metadata - What the event says, as the topic's schema wants it.
   * @param data - Its bytes, not copied. They belong to the producer until the future settles.
   * @param options - The partition, when it must be a certain one; its time and its number, when it has come from somewhere else.
   * @returns A future of the event's id, resolved when the backend has stored it at its durability. It rejects with
   * `ERR_INVALID_METADATA`, `ERR_INVALID_PARTITION`, `ERR_SERIALIZATION`, `ERR_TIMEOUT`, `ERR_OVERFLOW`, `ERR_CLOSED`,
   * `ERR_DATA_CHANGED`, `ERR_OUT_OF_SEQUENCE`, `ERR_STORAGE`, or with an error of the backend. Nobody has to keep it: an error reaches the next
   * `flush()` and `errors` all the same.
   * @throws TypeError or RangeError when the data is not bytes, the partition or time not a number, or the producer none.
   */
  push(metadata: I, data?: DataInput | null, options: PushOptions = noOptions): Future<number> {
    return this.#core.push(metadata, data, options.partition, options);
  }

  /** Stores one event of a stream. Its failure reaches `errors` and the next `flush()`. */
  next(input: EventInput<I>): void {
    this.#core.pushInput(input);
  }

  /** Stores what was pushed, then closes the producer and tells the error to those who watch `errors`. */
  error(error: unknown): void {
    this.#core.end({ error });
  }

  /** Stores what was pushed, then closes the producer. */
  complete(): void {
    this.#core.end();
  }

  /** Whether there is room: `false` once `maxBatches` or half of `maxBufferedBytes` are reached. */
  get isReady(): boolean {
    return this.#core.isReady;
  }

  /** Resolves when there is room for more. Whoever awaits it between pushes keeps memory flat. */
  get ready(): Promise<void> {
    if (this.#core.isReady || this.#core.isEnded) return alreadyReady;
    return (this.#ready ??= new Promise((resolve) => {
      const waiting = this.#core.room.subscribe(() => {
        waiting.unsubscribe();
        this.#ready = undefined;
        resolve();
      });
    }));
  }

  /** Bytes that are waiting or in flight. */
  get bufferedBytes(): number {
    return this.#core.bufferedBytes;
  }

  /**
   * What the producer does, in numbers: events, bytes, batches and their sizes, rates, latencies, and what it holds. Each
   * subscription counts for itself, and nothing is counted while there is none.
   *
   * @param options - How often a sample is taken.
   * @returns A sample for each period. Completes after the last one when the producer is closed.
   * @throws TypeError or RangeError when the period is wrong.
   *
   * @example
   * ```ts
   * import { firstValueFrom } from "rxjs";
   * import { connect } from "sluice";
   *
   * const driver = await connect("memory:");
   * const topic = await driver.createTopic<{ energy: number }>("collisions");
   * const producer = topic.producer();
   * const sample = firstValueFrom(producer.statistics({ every: 50 }));
   * await producer.push({ energy: 42 });
   * const { events, bytes, outstanding } = await sample;
   * console.log(events, bytes, outstanding); // 1 13 0
   * await driver.close();
   * ```
   */
  statistics(options: StatisticsOptions = {}): Observable<ProducerStatistics> {
    return producerStatistics(this.#stored, this.#failed, this.#core, options);
  }

  /**
   * Sends everything that waits for a batch to fill.
   *
   * @returns A future that resolves when all that was pushed before is stored. It rejects when any of it was not: with the
   * error of that event, or with one whose `details.failed` counts them and whose cause has the first few.
   */
  flush(): Future<void> {
    return this.#core.flush();
  }

  /**
   * Stores what was pushed and closes. May be called twice, and from a callback.
   *
   * @returns A promise that resolves when all is stored. It rejects with `ERR_TIMEOUT` when that took longer than the
   * deadline, as `flush()` does for events whose futures nobody has looked at, and with the error that its source has
   * failed with.
   */
  close({ deadline = 5000 }: CloseOptions = {}): Promise<void> {
    checkAmount("deadline", deadline);
    return (this.#closing ??= this.#close(deadline));
  }

  /** As `close()`, so that `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadline: number): Promise<void> {
    const flushed = this.#core.flush("unseen");
    if (!this.#core.isEnded) this.#core.end();
    const late = after(deadline).subscribe(() => this.#giveUp(deadline));
    try {
      await flushed;
    } finally {
      await this.#ended;
      late.unsubscribe();
    }
    if (this.#failure !== undefined) throw this.#failure.error as Error;
  }

  #giveUp(deadline: number): void {
    this.#core.abandon(
      new SluiceError("ERR_TIMEOUT", `The producer could not store all that was pushed within ${deadline} ms`),
    );
    this.#end();
  }

  #end(error?: unknown): void {
    this.#running.unsubscribe();
    this.#core.abandon(error ?? new SluiceError("ERR_CLOSED", "The producer was closed"));
    this.#stored.complete();
    if (error !== undefined) this.#failure = { error };
    if (error === undefined) this.#failed.complete();
    else this.#failed.error(error);
    this.#ended.resolve();
  }
}

const alreadyReady = Promise.resolve();

function receiptsOf<I>(topic: string, { partition, drafts, appended }: StoredDrafts<OutstandingDraft<I>>): Receipt[] {
  return drafts.map(({ timestamp }, i) => ({ topic, partition, id: idAt(appended, i), timestamp }));
}
