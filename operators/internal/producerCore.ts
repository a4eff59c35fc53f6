import { asyncScheduler, Subject, type Observable, type Subscription } from "rxjs";
import { idAt } from "../../src/model/batch.ts";
import { checkAmount, checkChoice } from "../../src/model/check.ts";
import { checksum } from "../../src/model/checksum.ts";
import { EventData, type DataInput } from "../../src/model/data.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { draftOverhead, EventDraft, type EventInput } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { Future, Promised } from "../../src/model/future.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { producerPipeline, type PipelineOptions, type StoredDrafts } from "./producerPipeline.ts";

/** The options that `produce` and `Producer` share. */
export interface ProducerCoreOptions extends PipelineOptions {
  /**
   * Bytes that may be waiting or in flight, payload and data and about 256 bytes for each event. At half of it the
   * producer is not ready any more; beyond it `overflow` says what becomes of an event. @default 128 MiB
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * What becomes of an event that comes while `maxBufferedBytes` are waiting: `"fail"` fails it with `ERR_OVERFLOW` (and
   * ends a stream), `"drop"` leaves it out and tells those who are told of rejected events, `"buffer"` keeps it all the
   * same, without a bound. @default "fail"
   */
  readonly overflow?: OverflowPolicy | undefined;
  /**
   * `"off"`, or `"checksum"` to find out callers that change data before its event is stored. Such an event fails with
   * `ERR_DATA_CHANGED`. For debugging: it reads all data two more times. @default "off"
   */
  readonly changeDetection?: "off" | "checksum" | undefined;
}

/** What becomes of an event for which there is no room. */
export type OverflowPolicy = "fail" | "drop" | "buffer";

/** An event between its push and its receipt. @internal */
export class OutstandingDraft<M> extends EventDraft<M> {
  promised: Promised<number> | undefined = undefined;
  epoch: Epoch | undefined = undefined;
  held = 0;
  checksum = 0;
  inSteps = true;
}

/** The events between two flushes. */
interface Epoch {
  outstanding: number;
  failed: number;
  readonly errors: unknown[];
}

interface Flush {
  readonly epoch: Epoch;
  readonly promised: Promised<void>;
}

/** How many errors a flush keeps to show. The others are counted. */
const keptErrors = 16;

/** An event that did not make it. @internal */
export interface Failure<M> {
  readonly draft: OutstandingDraft<M>;
  readonly error: unknown;
}

/**
 * What every producer does besides the pipeline: it counts what is outstanding in events and bytes, tells whether there
 * is room, knows when a flush is done, and settles the future of each event.
 *
 * @internal
 */
export class ProducerCore<M> {
  /** Batches as they are stored. Ends when the producer has been completed and all is stored. */
  readonly stored: Observable<StoredDrafts<OutstandingDraft<M>>>;
  /** Events that failed, one by one. */
  readonly failures = new Subject<Failure<M>>();
  /** Emits when there is room again. */
  readonly room = new Subject<void>();
  readonly #input = new Subject<OutstandingDraft<M>>();
  readonly #flushes: Flush[] = [];
  readonly #flush = new Subject<void>();
  readonly #maxBufferedBytes: number;
  readonly #maxInSteps: number;
  readonly #overflow: OverflowPolicy;
  readonly #detectsChanges: boolean;
  #epoch: Epoch = newEpoch();
  #bytes = 0;
  #inSteps = 0;
  #pressed = false;
  #wasReady = true;
  #ended = false;

  constructor(topic: TopicHandle<M, never>, options: ProducerCoreOptions) {
    const { maxBufferedBytes = 128 << 20, overflow = "fail", changeDetection = "off", concurrency = 64 } = options;
    checkAmount("maxBufferedBytes", maxBufferedBytes, 1);
    checkChoice("overflow", overflow, ["fail", "drop", "buffer"]);
    checkChoice("changeDetection", changeDetection, ["off", "checksum"]);
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#maxInSteps = 2 * concurrency;
    this.#overflow = overflow;
    this.#detectsChanges = changeDetection === "checksum";
    const pipeline = producerPipeline<M, OutstandingDraft<M>>(topic, options, {
      rejected: (draft, error) => this.#fail(draft, error),
      failed: (drafts, error) => {
        for (const draft of drafts) this.#fail(draft, error);
      },
      serialized: (draft) => this.#serialized(draft),
      ...(this.#detectsChanges && { sending: (drafts) => drafts.filter((draft) => this.#isUnchanged(draft)) }),
      flushing: () => this.#flushes.length > 0,
      flush: this.#flush,
      pressure: {
        next: (pressed) => {
          this.#pressed = pressed;
          this.#tellRoom();
        },
      },
    });
    this.stored = pipeline(this.#input);
  }

  /** Whether there is room for more. */
  get isReady(): boolean {
    return !this.#pressed && this.#bytes < this.#maxBufferedBytes / 2 && this.#inSteps < this.#maxInSteps;
  }

  /** How many bytes are waiting or in flight. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** Whether it takes no more events. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /**
   * Takes an event on its way.
   *
   * @param promised - Settled when the event has been stored or has failed.
   * @throws TypeError or RangeError when the event is not one.
   */
  push(metadata: M, data: DataInput | null | undefined, partition: number | undefined, promised?: Promised<number>): void {
    if (partition !== undefined) checkPartitionNumber(partition);
    const draft = new OutstandingDraft<M>(metadata, EventData.from(data), partition, asyncScheduler.now());
    draft.promised = promised;
    draft.epoch = this.#epoch;
    draft.held = draftOverhead + draft.data.size;
    this.#epoch.outstanding++;
    this.#bytes += draft.held;
    this.#inSteps++;
    if (this.#ended) return this.#fail(draft, new SluiceError("ERR_CLOSED", "The producer is closed and takes no more events"));
    if (this.#bytes > this.#maxBufferedBytes && this.#overflow !== "buffer") return this.#fail(draft, this.#overflowError());
    if (this.#detectsChanges) draft.checksum = checksum(draft.data.segments);
    this.#input.next(draft);
  }

  /** Takes an event from a stream. One that is not an event fails, without ending the stream by an exception. */
  pushInput(input: EventInput<M>): void {
    try {
      if (typeof input !== "object" || input === null || !("metadata" in input)) {
        throw new TypeError(`An event must be { metadata, data?, partition? }: current value is ${describeValue(input)}`);
      }
      this.push(input.metadata, input.data, input.partition);
    } catch (error) {
      const draft = new OutstandingDraft<M>((input as Partial<EventInput<M>> | undefined)?.metadata as M);
      draft.epoch = this.#epoch;
      draft.inSteps = false;
      this.#epoch.outstanding++;
      this.#fail(draft, error);
    }
  }

  /** A future that resolves when all that was pushed so far is stored, and rejects when any of it was not. */
  flush(): Future<void> {
    const promised = new Promised<void>();
    this.#flushes.push({ epoch: this.#epoch, promised });
    this.#epoch = newEpoch();
    this.#flush.next();
    this.#settleFlushes();
    return promised;
  }

  /** Takes no more events; what was taken is stored. */
  complete(): void {
    this.#ended = true;
    this.#input.complete();
    this.#tellRoom();
  }

  /** Takes no more events; what was taken is stored, then `stored` fails with the error. */
  error(error: unknown): void {
    this.#ended = true;
    this.#input.error(error);
    this.#tellRoom();
  }

  /** Settles the futures of a stored batch. To be called for each emission of `stored`. */
  settle({ drafts, appended }: StoredDrafts<OutstandingDraft<M>>): void {
    for (let i = 0; i < drafts.length; i++) {
      const draft = drafts[i]!;
      if (this.#detectsChanges && !this.#isUnchanged(draft)) continue;
      this.#bytes -= draft.held;
      draft.epoch!.outstanding--;
      draft.promised?.resolve(idAt(appended, i));
    }
    this.#settled();
  }

  /** Fails every flush that is waiting, when nothing more will be stored. */
  abandon(error: unknown): void {
    this.#ended = true;
    for (const { promised } of this.#flushes.splice(0)) promised.reject(error);
    this.#tellRoom();
  }

  #serialized(draft: OutstandingDraft<M>): void {
    const bytes = draft.payload?.length ?? 0;
    draft.held += bytes;
    draft.inSteps = false;
    this.#bytes += bytes;
    this.#inSteps--;
  }

  #fail(draft: OutstandingDraft<M>, error: unknown): void {
    const epoch = draft.epoch!;
    epoch.outstanding--;
    epoch.failed++;
    if (epoch.errors.length < keptErrors) epoch.errors.push(error);
    this.#bytes -= draft.held;
    if (draft.inSteps) this.#inSteps--;
    draft.promised?.reject(error);
    this.failures.next({ draft, error });
    this.#settled();
  }

  #isUnchanged(draft: OutstandingDraft<M>): boolean {
    if (checksum(draft.data.segments) === draft.checksum) return true;
    this.#fail(draft, new SluiceError("ERR_DATA_CHANGED", "The data of an event was changed before the event was stored"));
    return false;
  }

  #overflowError(): SluiceError {
    return new SluiceError(
      "ERR_OVERFLOW",
      `The source is faster than the backend: ${this.#bytes} bytes are waiting while 'maxBufferedBytes' is ${this.#maxBufferedBytes}. ` +
        `Wait for 'ready', produce from an async iterable, or choose another 'overflow' policy`,
      { details: { bufferedBytes: this.#bytes, maxBufferedBytes: this.#maxBufferedBytes } },
    );
  }

  #settled(): void {
    this.#settleFlushes();
    this.#tellRoom();
  }

  #settleFlushes(): void {
    while (this.#flushes[0]?.epoch.outstanding === 0) {
      const { epoch, promised } = this.#flushes.shift()!;
      if (epoch.failed === 0) promised.resolve();
      else promised.reject(flushError(epoch));
    }
  }

  #tellRoom(): void {
    const isReady = this.isReady || this.#ended;
    if (isReady && !this.#wasReady) this.room.next();
    this.#wasReady = isReady;
  }
}

/** Tells a core what is stored, and a subscriber after it. @internal */
export function settling<M>(
  core: ProducerCore<M>,
  next: (stored: StoredDrafts<OutstandingDraft<M>>) => void,
  end: { readonly error: (error: unknown) => void; readonly complete: () => void },
): Subscription {
  return core.stored.subscribe({
    next: (stored) => {
      core.settle(stored);
      next(stored);
    },
    ...end,
  });
}

function newEpoch(): Epoch {
  return { outstanding: 0, failed: 0, errors: [] };
}

function flushError({ failed, errors }: Epoch): unknown {
  const [first] = errors;
  if (failed === 1) return first;
  const reason = first instanceof Error ? first.message : String(first);
  return new SluiceError(
    first instanceof SluiceError ? first.code : "ERR_STORAGE",
    `${failed} of the events pushed since the last flush were not stored. The first: ${reason}`,
    { cause: new AggregateError(errors), details: { failed } },
  );
}

function checkPartitionNumber(partition: number): void {
  if (typeof partition !== "number") {
    throw new TypeError(`'partition' must be a number: current value is ${describeValue(partition)}`);
  }
}
