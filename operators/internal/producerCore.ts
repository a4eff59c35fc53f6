import { Subject, type NextObserver, type Observer, type TeardownLogic } from "rxjs";
import { idAt } from "../../src/model/batch.ts";
import { checkAmount, checkChoice } from "../../src/model/check.ts";
import { checksum } from "../../src/model/checksum.ts";
import { EventData, type DataInput } from "../../src/model/data.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { draftOverhead, sizeOfDraft, type EventDraft, type EventInput } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { Promised, type Future } from "../../src/model/future.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { TurnClock } from "../../src/model/turnClock.ts";
import type { Downstream } from "./downstream.ts";
import {
  checkPipelineOptions,
  openPipeline,
  type BatchReport,
  type PipelineHooks,
  type PipelineOptions,
  type StoredDrafts,
} from "./producerPipeline.ts";

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
  /** Told of each batch that has been stored: how large it was and how long that took. @default none */
  readonly batches?: NextObserver<BatchReport> | undefined;
}

/** What becomes of an event for which there is no room. */
export type OverflowPolicy = "fail" | "drop" | "buffer";

/**
 * An event between its push and its receipt. It is the draft that goes down the pipeline and at the same time the future
 * that `push` returns, so that the hot path makes one object an event.
 *
 * @internal
 */
export class OutstandingDraft<M> extends Promised<number> implements EventDraft<M> {
  metadata: M;
  data: EventData;
  readonly requested: number | undefined;
  readonly timestamp: number;
  partition = -1;
  payload: string | Uint8Array | undefined = undefined;
  readonly epoch: Epoch;

  constructor(metadata: M, data: EventData, requested: number | undefined, timestamp: number, epoch: Epoch) {
    super();
    this.metadata = metadata;
    this.data = data;
    this.requested = requested;
    this.timestamp = timestamp;
    this.epoch = epoch;
  }

  protected override firstWatched(): void {
    if (this.state === "rejected") this.epoch.seen++;
  }

  /** Lets go of what it carried, since its caller may keep the future for long. */
  release(): void {
    this.metadata = undefined as M;
    this.data = EventData.empty;
    this.payload = undefined;
  }
}

/** The events between two flushes. */
interface Epoch {
  outstanding: number;
  failed: number;
  /** How many of those that failed have had somebody look at their futures. */
  seen: number;
  /** The errors of the first few that failed. */
  readonly errors: unknown[];
}

interface Flush {
  readonly epoch: Epoch;
  readonly promised: Promised<void>;
  readonly tells: FlushScope;
}

/** Which failures a flush rejects for: all of them, or those whose future nobody has looked at. */
type FlushScope = "all" | "unseen";

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
export class ProducerCore<M> implements Downstream<StoredDrafts<OutstandingDraft<M>>> {
  /** Events that failed, one by one. */
  readonly failures = new Subject<Failure<M>>();
  /** Emits when there is room and somebody waits for it. */
  readonly room = new Subject<void>();
  readonly #input: Observer<OutstandingDraft<M>>;
  readonly #downstream: Downstream<StoredDrafts<OutstandingDraft<M>>>;
  readonly #clock = new TurnClock();
  readonly #flushes: Flush[] = [];
  readonly #flush = new Subject<void>();
  readonly #maxBufferedBytes: number;
  readonly #maxInSteps: number;
  readonly #overflow: OverflowPolicy;
  readonly #batches: NextObserver<BatchReport> | undefined;
  /** What the data of each event was at its push; only where changes are to be detected. */
  readonly #checksums: WeakMap<OutstandingDraft<M>, number> | undefined;
  #epoch: Epoch = newEpoch();
  #bytes = 0;
  #inSteps = 0;
  #pressed = false;
  #ended = false;
  /** Why events fail that are still under way when the producer is given up. */
  #givenUp: unknown = new SluiceError("ERR_CLOSED", "The producer was closed before the event was stored");

  /** @param downstream - Gets each batch once its futures are settled, and the end when all is stored. */
  constructor(
    topic: TopicHandle<M, never>,
    options: ProducerCoreOptions,
    downstream: Downstream<StoredDrafts<OutstandingDraft<M>>>,
  ) {
    const { maxBufferedBytes, overflow, changeDetection, concurrency } = checkProducerOptions(options);
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#maxInSteps = 2 * concurrency;
    this.#overflow = overflow;
    this.#batches = options.batches;
    this.#checksums = changeDetection === "checksum" ? new WeakMap() : undefined;
    this.#downstream = downstream;
    this.#input = openPipeline<M, OutstandingDraft<M>>(topic, options, this.#hooks(), this);
  }

  /** Whether those who watch have gone. */
  get closed(): boolean {
    return this.#downstream.closed;
  }

  /** Something to be done when those who watch have gone. */
  add(teardown: TeardownLogic): void {
    this.#downstream.add(teardown);
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
   * @returns A future of its id.
   * @throws TypeError when the event is not one.
   */
  push(metadata: M, data: DataInput | null | undefined, partition: number | undefined): Future<number> {
    if (partition !== undefined) checkPartitionNumber(partition);
    const draft = new OutstandingDraft<M>(metadata, EventData.from(data), partition, this.#clock.now(), this.#epoch);
    this.#epoch.outstanding++;
    this.#bytes += heldBy(draft);
    this.#inSteps++;
    if (this.#ended)
      this.#fail(draft, new SluiceError("ERR_CLOSED", "The producer is closed and takes no more events"));
    else if (this.#bytes > this.#maxBufferedBytes && this.#overflow !== "buffer")
      this.#fail(draft, this.#overflowError());
    else this.#begin(draft);
    return draft;
  }

  /** Takes an event from a stream. One that is not an event fails, without ending the stream by an exception. */
  pushInput(input: EventInput<M>): void {
    let metadata: M | undefined;
    try {
      if (typeof input !== "object" || input === null || !("metadata" in input)) {
        throw new TypeError(
          `An event must be { metadata, data?, partition? }: current value is ${describeValue(input)}`,
        );
      }
      metadata = input.metadata;
      this.push(metadata, input.data, input.partition);
    } catch (error) {
      const draft = new OutstandingDraft<M>(metadata as M, EventData.empty, undefined, this.#clock.now(), this.#epoch);
      this.#epoch.outstanding++;
      this.#bytes += heldBy(draft);
      this.#inSteps++;
      this.#fail(draft, error);
    }
  }

  /** A future that resolves when all that was pushed so far is stored, and rejects when any of it was not. */
  flush(tells: FlushScope = "all"): Future<void> {
    const promised = new Promised<void>();
    this.#flushes.push({ epoch: this.#epoch, promised, tells });
    this.#epoch = newEpoch();
    this.#flush.next();
    this.#settleFlushes();
    return promised;
  }

  /** Takes no more events; what was taken is stored, then the end is told: with an error when there is one. */
  end(failure?: { readonly error: unknown }): void {
    this.#ended = true;
    if (failure === undefined) this.#input.complete();
    else this.#input.error(failure.error);
    this.#tellRoom();
  }

  /** A batch has been stored. */
  next(stored: StoredDrafts<OutstandingDraft<M>>): void {
    const settled = this.#checksums === undefined ? stored : this.#withoutChanged(stored);
    this.#settle(settled);
    this.#downstream.next(settled);
  }

  /** All has been stored, and the source has failed. */
  error(error: unknown): void {
    this.#downstream.error(error);
  }

  /** All has been stored. */
  complete(): void {
    this.#downstream.complete();
  }

  /** Fails every flush that is waiting, and whatever is still under way when those who watch have gone. */
  abandon(error: unknown): void {
    this.#ended = true;
    this.#givenUp = error;
    for (const { promised } of this.#flushes.splice(0)) promised.reject(error);
    this.#tellRoom();
  }

  #hooks(): PipelineHooks<OutstandingDraft<M>> {
    return {
      rejected: (draft, error) => this.#fail(draft, error),
      failed: (drafts, error) => {
        for (const draft of drafts) this.#fail(draft, error);
      },
      abandoned: (drafts) => {
        for (const draft of drafts) if (!draft.completed) this.#fail(draft, this.#givenUp);
      },
      serialized: (draft) => this.#serialized(draft),
      ...(this.#checksums !== undefined && { sending: (drafts) => drafts.filter((draft) => this.#isUnchanged(draft)) }),
      flushing: () => this.#flushes.length > 0,
      flush: this.#flush,
      ...(this.#batches !== undefined && { report: this.#batches }),
      pressure: {
        next: (pressed) => {
          this.#pressed = pressed;
          this.#tellRoom();
        },
      },
    };
  }

  #begin(draft: OutstandingDraft<M>): void {
    if (this.#checksums !== undefined) this.#checksums.set(draft, checksum(draft.data.segments));
    this.#input.next(draft);
  }

  /** Settles the futures of a stored batch. */
  #settle({ drafts, appended }: StoredDrafts<OutstandingDraft<M>>): void {
    let bytes = 0;
    for (let i = 0; i < drafts.length; i++) {
      const draft = drafts[i]!;
      bytes += heldBy(draft);
      draft.epoch.outstanding--;
      draft.release();
      draft.resolve(idAt(appended, i));
    }
    this.#bytes -= bytes;
    this.#settled();
  }

  #serialized(draft: OutstandingDraft<M>): void {
    this.#bytes += draft.payload!.length;
    this.#inSteps--;
    this.#tellRoom();
  }

  #fail(draft: OutstandingDraft<M>, error: unknown): void {
    const { epoch } = draft;
    epoch.outstanding--;
    epoch.failed++;
    if (draft.wasWatched) epoch.seen++;
    if (epoch.errors.length < keptErrors) epoch.errors.push(error);
    this.#bytes -= heldBy(draft);
    if (draft.payload === undefined) this.#inSteps--;
    this.failures.next({ draft, error });
    draft.release();
    draft.reject(error);
    this.#settled();
  }

  #withoutChanged(stored: StoredDrafts<OutstandingDraft<M>>): StoredDrafts<OutstandingDraft<M>> {
    const { drafts, appended } = stored;
    const ids = drafts.map((_, i) => idAt(appended, i));
    const isUnchanged = drafts.map((draft) => this.#isUnchanged(draft));
    const left = Float64Array.from(ids.filter((_, i) => isUnchanged[i]));
    return {
      ...stored,
      drafts: drafts.filter((_, i) => isUnchanged[i]),
      appended: { firstId: left[0] ?? 0, ids: left },
    };
  }

  #isUnchanged(draft: OutstandingDraft<M>): boolean {
    if (checksum(draft.data.segments) === this.#checksums!.get(draft)) return true;
    this.#fail(
      draft,
      new SluiceError("ERR_DATA_CHANGED", "The data of an event was changed before the event was stored"),
    );
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
      const { epoch, promised, tells } = this.#flushes.shift()!;
      if (epoch.failed === 0 || (tells === "unseen" && isSeen(epoch))) promised.resolve();
      else promised.reject(flushError(epoch));
    }
  }

  #tellRoom(): void {
    if (this.room.observed && (this.isReady || this.#ended)) this.room.next();
  }
}

/** Checks the options of a producer and fills in the defaults of its own. @internal */
export function checkProducerOptions(options: ProducerCoreOptions): {
  readonly [K in "maxBufferedBytes" | "overflow" | "changeDetection" | "concurrency"]: NonNullable<
    ProducerCoreOptions[K]
  >;
} {
  const { maxBufferedBytes = 128 << 20, overflow = "fail", changeDetection = "off", concurrency = 64 } = options;
  checkAmount("maxBufferedBytes", maxBufferedBytes, 1);
  checkChoice("overflow", overflow, ["fail", "drop", "buffer"]);
  checkChoice("changeDetection", changeDetection, ["off", "checksum"]);
  checkPipelineOptions(options);
  return { maxBufferedBytes, overflow, changeDetection, concurrency };
}

/** How many bytes a draft counts for. */
function heldBy(draft: EventDraft): number {
  return draftOverhead + sizeOfDraft(draft);
}

function newEpoch(): Epoch {
  return { outstanding: 0, failed: 0, seen: 0, errors: [] };
}

/** Whether somebody has looked at the future of each event that failed. */
function isSeen({ failed, seen }: Epoch): boolean {
  return failed === seen;
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
