import { Subject, type NextObserver, type Observer, type TeardownLogic } from "rxjs";
import { idAt, type ProducerSequence } from "../../src/model/batch.ts";
import { checkInteger } from "../../src/model/check.ts";
import { EventData, type DataInput } from "../../src/model/data.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { draftOverhead, sizeOfDraft, type EventDraft, type EventInput } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { Future } from "../../src/model/future.ts";
import type { PushTrace } from "../../src/model/pushTracer.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { TurnClock } from "../../src/model/turnClock.ts";
import { DataWatch } from "./dataWatch.ts";
import type { Downstream } from "./downstream.ts";
import { Flushes, type FlushScope } from "./flushes.ts";
import { OutstandingDraft, type Moment } from "./outstandingDraft.ts";
import { checkProducerOptions, type ProducerCoreOptions, type ProducerRules } from "./producerOptions.ts";
import type { BatchReport, PipelineHost, StoredDrafts } from "./pipelineHost.ts";
import { openPipeline } from "./producerPipeline.ts";

/** What is known already of an event that is pushed. @internal */
export interface PushedAs {
  readonly timestamp?: number | undefined;
  readonly producer?: ProducerSequence | undefined;
}

const nothingMore: PushedAs = {};

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
export class ProducerCore<M> implements PipelineHost<OutstandingDraft<M>> {
  /** Events that failed, one by one. */
  readonly failures = new Subject<Failure<M>>();
  /** Emits when there is room and somebody waits for it. */
  readonly room = new Subject<void>();
  /** Emits when what has been gathered is to be sent. */
  readonly flushes = new Subject<void>();
  readonly #input: Observer<OutstandingDraft<M>>;
  readonly #downstream: Downstream<StoredDrafts<OutstandingDraft<M>>>;
  readonly #clock = new TurnClock();
  readonly #epochs = new Flushes();
  readonly #batches: NextObserver<BatchReport> | undefined;
  readonly #rules: ProducerRules;
  /** Begins to follow an event; only where that is asked for. */
  readonly #follow: ((metadata: M, data: EventData) => PushTrace) | undefined;
  /** Only where changes of data are to be detected. */
  readonly #watch: DataWatch<OutstandingDraft<M>> | undefined;
  #moment: Moment = { time: 0, epoch: this.#epochs.epoch };
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
    this.#rules = checkProducerOptions(topic, options);
    if (this.#rules.changeDetection === "checksum")
      this.#watch = new DataWatch((draft, error) => this.#fail(draft, error));
    this.#downstream = downstream;
    this.#batches = options.batches;
    const { trace, name: producer } = options;
    if (trace !== undefined) {
      this.#follow = (metadata, { size }) => trace.begin({ topic: topic.name, producer, metadata, dataSize: size });
    }
    this.#input = openPipeline<M, OutstandingDraft<M>>(topic, options, this);
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
    const { maxBufferedBytes, concurrency } = this.#rules;
    return !this.#pressed && this.#bytes < maxBufferedBytes / 2 && this.#inSteps < 2 * concurrency;
  }

  /** How many events are waiting or in flight. */
  get outstanding(): number {
    return this.#epochs.outstanding;
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
  push(
    metadata: M,
    data: DataInput | null | undefined,
    partition: number | undefined,
    { timestamp, producer }: PushedAs = nothingMore,
  ): Future<number> {
    if (partition !== undefined) checkPartitionNumber(partition);
    if (producer !== undefined) checkProducer(producer);
    const moment = timestamp === undefined ? this.#now() : this.#momentAt(timestamp);
    const draft = this.#count(new OutstandingDraft<M>(metadata, EventData.from(data), partition, moment));
    if (producer !== undefined) draft.producer = producer;
    if (this.#follow !== undefined) draft.trace = this.#follow(metadata, draft.data);
    if (this.#ended)
      this.#fail(draft, new SluiceError("ERR_CLOSED", "The producer is closed and takes no more events"));
    else if (this.#bytes > this.#rules.maxBufferedBytes && this.#rules.overflow !== "buffer")
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
      const draft = new OutstandingDraft<M>(metadata as M, EventData.empty, undefined, this.#now());
      this.#fail(this.#count(draft), error);
    }
  }

  /** A future that resolves when all that was pushed so far is stored, and rejects when any of it was not. */
  flush(tells: FlushScope = "all"): Future<void> {
    const flushed = this.#epochs.begin(tells);
    this.flushes.next();
    this.#epochs.settle();
    return flushed;
  }

  /** Takes no more events; what was taken is stored, then the end is told: with an error when there is one. */
  end(failure?: { readonly error: unknown }): void {
    this.#ended = true;
    if (failure === undefined) this.#input.complete();
    else this.#input.error(failure.error);
    this.#tellRoom();
  }

  /** A batch has been stored. Its events are settled first, so that an observer of batches that throws fails none of them. */
  next(stored: StoredDrafts<OutstandingDraft<M>>): void {
    const settled = this.#watch === undefined ? stored : withoutChanged(stored, this.#watch);
    this.#settle(settled);
    this.#downstream.next(settled);
    try {
      this.#batches?.next(stored.report);
    } catch (error) {
      this.#downstream.error(error);
    }
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
    this.#epochs.abandon(error);
    this.#tellRoom();
  }

  /** Whether batches go without waiting to be full. */
  get isFlushing(): boolean {
    return this.#epochs.isWaiting;
  }

  /** An event was not accepted. */
  rejected(draft: OutstandingDraft<M>, error: unknown): void {
    this.#fail(draft, error);
  }

  /** An event was serialized, so that its size is known. */
  serialized(draft: OutstandingDraft<M>): void {
    this.#bytes += draft.payload!.length;
    this.#inSteps--;
    this.#tellRoom();
  }

  /** Some partition has reached its bound, or none has any more. */
  press(isPressed: boolean): void {
    this.#pressed = isPressed;
    this.#tellRoom();
  }

  /** The events of a batch that still may go. */
  sending(drafts: readonly OutstandingDraft<M>[]): readonly OutstandingDraft<M>[] {
    const watch = this.#watch;
    return watch === undefined ? drafts : drafts.filter((draft) => watch.isUnchanged(draft));
  }

  /** A batch could not be stored. */
  failed(drafts: readonly OutstandingDraft<M>[], error: unknown): void {
    for (const draft of drafts) this.#fail(draft, error);
  }

  /** Fails what was still under way when those who watch have gone. */
  abandoned(drafts: readonly OutstandingDraft<M>[]): void {
    for (const draft of drafts) if (!draft.completed) this.#fail(draft, this.#givenUp);
  }

  #begin(draft: OutstandingDraft<M>): void {
    this.#watch?.remember(draft);
    this.#input.next(draft);
  }

  #now(): Moment {
    const time = this.#clock.now();
    const { epoch } = this.#epochs;
    if (time !== this.#moment.time || epoch !== this.#moment.epoch) this.#moment = { time, epoch };
    return this.#moment;
  }

  #momentAt(time: number): Moment {
    if (typeof time !== "number") throw notOf("timestamp", "a number", time);
    if (!Number.isFinite(time)) throw new RangeError(`'timestamp' must be a finite number: current value is ${time}`);
    return { time, epoch: this.#epochs.epoch };
  }

  #count(draft: OutstandingDraft<M>): OutstandingDraft<M> {
    draft.moment.epoch.outstanding++;
    this.#bytes += heldBy(draft);
    this.#inSteps++;
    return draft;
  }

  /** Settles the futures of a stored batch. Its room is free before anybody is told, since who is may push at once. */
  #settle({ partition, drafts, appended }: StoredDrafts<OutstandingDraft<M>>): void {
    let bytes = 0;
    for (const draft of drafts) bytes += heldBy(draft);
    this.#bytes -= bytes;
    for (let i = 0; i < drafts.length; i++) {
      const draft = drafts[i]!;
      const id = idAt(appended, i);
      draft.moment.epoch.outstanding--;
      draft.trace?.stored(partition, id);
      draft.release();
      draft.resolve(id);
    }
    this.#settled();
  }

  #fail(draft: OutstandingDraft<M>, error: unknown): void {
    const { epoch } = draft.moment;
    this.#epochs.failed(epoch, error);
    if (draft.wasWatched) epoch.seen++;
    this.#bytes -= heldBy(draft);
    if (draft.payload === undefined) this.#inSteps--;
    draft.trace?.failed(error);
    this.failures.next({ draft, error });
    draft.release();
    draft.reject(error);
    this.#settled();
  }

  #overflowError(): SluiceError {
    const { maxBufferedBytes } = this.#rules;
    return new SluiceError(
      "ERR_OVERFLOW",
      `The source is faster than the backend: ${this.#bytes} bytes are waiting while 'maxBufferedBytes' is ${maxBufferedBytes}. ` +
        `Wait for 'ready', produce from an async iterable, or choose another 'overflow' policy`,
      { details: { bufferedBytes: this.#bytes, maxBufferedBytes } },
    );
  }

  #settled(): void {
    this.#epochs.settle();
    this.#tellRoom();
  }

  #tellRoom(): void {
    if (this.room.observed && (this.isReady || this.#ended)) this.room.next();
  }
}

/** What was stored, less the events whose data was changed meanwhile: those have failed. */
function withoutChanged<D extends EventDraft>(stored: StoredDrafts<D>, watch: DataWatch<D>): StoredDrafts<D> {
  const { drafts, appended } = stored;
  const isUnchanged = drafts.map((draft) => watch.isUnchanged(draft));
  const ids = drafts.map((_, i) => idAt(appended, i)).filter((_, i) => isUnchanged[i]);
  return {
    ...stored,
    drafts: drafts.filter((_, i) => isUnchanged[i]),
    appended: { firstId: ids[0] ?? 0, ids: Float64Array.from(ids) },
  };
}

/** How many bytes a draft counts for. */
function heldBy(draft: EventDraft): number {
  return draftOverhead + sizeOfDraft(draft);
}

function checkPartitionNumber(partition: number): void {
  if (typeof partition !== "number") throw notOf("partition", "a number", partition);
}

/** The longest identity that every backend takes. */
const maxProducerId = 512;

function checkProducer({ id, sequence }: ProducerSequence): void {
  if (typeof id !== "string") throw notOf("producer.id", `text of 1 to ${maxProducerId} characters`, id);
  if (id === "" || id.length > maxProducerId) {
    throw new RangeError(
      `'producer.id' must be text of 1 to ${maxProducerId} characters: current value has ${id.length}`,
    );
  }
  checkInteger("producer.sequence", sequence, 0);
}

function notOf(name: string, what: string, value: unknown): TypeError {
  return new TypeError(`'${name}' must be ${what}: current value is ${describeValue(value)}`);
}
