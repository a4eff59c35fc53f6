import { catchError, EMPTY, map, merge, Observable, of, Subject, type NextObserver, type ObservableInput } from "rxjs";
import { v7 as uuid } from "uuid";
import type { BackendPartition } from "../../src/model/backend.ts";
import type { Appended, ProducerSequence } from "../../src/model/batch.ts";
import { sizeOfDraft, type EventDraft } from "../../src/model/draft.ts";
import { checkName } from "../../src/model/names.ts";
import { packBatch } from "../../src/model/packBatch.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { batch, checkBatchOptions, type BatchOptions, type BatchSize } from "../batch.ts";
import { selectPartition } from "../selectPartition.ts";
import { send } from "../send.ts";
import { serialize } from "../serialize.ts";
import { validate } from "../validate.ts";
import type { DraftRejection, Ordering } from "./mapDrafts.ts";

/** The options of a producer that its pipeline obeys. */
export interface PipelineOptions {
  /**
   * The producer's name. A named producer is idempotent where the backend can store its sequence: a batch that is sent
   * again is stored once. @default none
   */
  readonly name?: string | undefined;
  /**
   * How many events make a batch. `"adaptive"`: with nothing in flight for the partition the first event goes at once;
   * otherwise what gathers meanwhile makes the next batch. @default "adaptive"
   */
  readonly batchSize?: BatchSize | undefined;
  /** The largest number of events of an adaptive batch. @default 8192 */
  readonly maxBatchEvents?: number | undefined;
  /** Bytes that send a batch before it is full. A larger event goes alone. @default 1 MiB */
  readonly maxBatchBytes?: number | undefined;
  /** Milliseconds after its first event at which a batch goes that is not full. @default 10 */
  readonly linger?: number | undefined;
  /** Batches of a partition that may be filling or in flight before the producer exerts back-pressure. @default 2 */
  readonly maxBatches?: number | undefined;
  /** `"strict"` stores the events of a partition as they were pushed, `"loose"` as they become ready. @default "strict" */
  readonly ordering?: Ordering | undefined;
  /** How many events may be validated, selected for and serialized at once, where that is asynchronous. @default 64 */
  readonly concurrency?: number | undefined;
  /** Milliseconds that a validator, selector or serializer may take for one event. @default Infinity */
  readonly componentTimeout?: number | undefined;
}

/** Drafts of one partition that have been stored together. @internal */
export interface StoredDrafts<D extends EventDraft> {
  readonly partition: number;
  readonly drafts: readonly D[];
  readonly appended: Appended;
}

/** What a pipeline tells its producer. @internal */
export interface PipelineHooks<D extends EventDraft> {
  /** An event was not accepted. */
  readonly rejected: (draft: D, error: unknown) => void;
  /** A batch could not be stored. */
  readonly failed: (drafts: readonly D[], error: unknown) => void;
  /** An event was serialized, so that its size is known. */
  readonly serialized?: (draft: D) => void;
  /** Called just before a batch is packed; returns the drafts that still may go. */
  readonly sending?: (drafts: readonly D[]) => readonly D[];
  /** Whether batches go without waiting to be full. */
  readonly flushing?: () => boolean;
  /** Each emission sends what has been gathered. */
  readonly flush?: Observable<unknown>;
  /** Told whether any partition has reached its bound. */
  readonly pressure?: NextObserver<boolean>;
}

/**
 * The way of an event from a producer to its backend: validate, select a partition, serialize, gather into a batch of
 * the partition, send. `produce` and `Producer` differ only in what they do with the answers.
 *
 * @internal
 */
export function producerPipeline<M, D extends EventDraft<M>>(
  topic: TopicHandle<M>,
  options: PipelineOptions,
  hooks: PipelineHooks<D>,
): (drafts: Observable<D>) => Observable<StoredDrafts<D>> {
  checkPipelineOptions(options);
  const { validator, partitionSelector, serializer } = topic.components;
  const { ordering, concurrency, componentTimeout: timeout } = options;
  const step = {
    ordering,
    concurrency,
    timeout,
    rejected: { next: (rejection: unknown) => hooks.rejected((rejection as DraftRejection).draft as D, (rejection as DraftRejection).error) },
  };
  return (drafts) =>
    drafts.pipe(
      validate<M, D>(validator, step),
      selectPartition<M, D>(partitionSelector, () => partitionsOf(topic), step),
      serialize<M, D>(serializer, step),
      sendByPartition(topic, options, hooks),
    );
}

/** Checks what the pipeline obeys before anything is subscribed to. @internal */
export function checkPipelineOptions(options: PipelineOptions): void {
  if (options.name !== undefined) checkName("producer", options.name);
  checkBatchOptions(options);
}

const infos = new WeakMap<object, { count: number; list: readonly { partition: number }[] }>();

/** The partitions of a topic as a selector sees them: a list that is made anew only when one was added. */
function partitionsOf(topic: Pick<TopicHandle, "backend">): readonly { partition: number }[] {
  const { partitions } = topic.backend;
  const known = infos.get(topic.backend);
  if (known?.count === partitions.length) return known.list;
  const list = partitions.map(({ index }) => ({ partition: index }));
  infos.set(topic.backend, { count: list.length, list });
  return list;
}

/** One lane a partition, made when its first event comes. */
function sendByPartition<M, D extends EventDraft<M>>(
  topic: TopicHandle<M>,
  options: PipelineOptions,
  hooks: PipelineHooks<D>,
): (drafts: Observable<D>) => Observable<StoredDrafts<D>> {
  return (drafts) =>
    new Observable((subscriber) => {
      const lanes: (Lane<D> | undefined)[] = [];
      const pressed = new Set<number>();
      let open = 1; // The source counts as one, so that the stream completes after the source and every lane have.

      let failure: { readonly error: unknown } | undefined;

      const settle = () => {
        if (--open > 0) return;
        if (failure === undefined) subscriber.complete();
        else subscriber.error(failure.error);
      };
      const pressure = (partition: number): NextObserver<boolean> => ({
        next: (isPressed) => {
          if (isPressed) pressed.add(partition);
          else pressed.delete(partition);
          hooks.pressure?.next(pressed.size > 0);
        },
      });
      const openLane = (partition: number): Lane<D> => {
        open++;
        const lane = new Lane<D>(topic.backend.partitions[partition]!, options, hooks, pressure(partition));
        lanes[partition] = lane;
        subscriber.add(
          lane.stored.subscribe({
            next: (stored) => subscriber.next(stored),
            error: (error: unknown) => subscriber.error(error),
            complete: settle,
          }),
        );
        return lane;
      };
      const end = () => {
        for (const lane of lanes) lane?.complete();
        settle();
      };
      return drafts.subscribe({
        next: (draft) => {
          hooks.serialized?.(draft);
          (lanes[draft.partition] ?? openLane(draft.partition)).push(draft);
        },
        error: (error: unknown) => {
          failure = { error }; // It is told once what was accepted before it has been stored.
          end();
        },
        complete: end,
      });
    });
}

/** The batches of one partition. */
class Lane<D extends EventDraft> {
  readonly stored: Observable<StoredDrafts<D>>;
  readonly #input = new Subject<D>();
  readonly #flush = new Subject<void>();
  readonly #flushing: () => boolean;

  constructor(sink: BackendPartition, options: PipelineOptions, hooks: PipelineHooks<D>, pressure: NextObserver<boolean>) {
    this.#flushing = hooks.flushing ?? (() => false);
    const identity = new SequenceOf(options.name);
    const flush = hooks.flush === undefined ? this.#flush : merge(this.#flush, hooks.flush);
    const rules: BatchOptions<D> = { ...options, sizeOf: sizeOfDraft, flush, pressure };
    const sendBatch = (gathered: readonly D[]): ObservableInput<StoredDrafts<D>> => {
      const drafts = hooks.sending?.(gathered) ?? gathered;
      if (drafts.length === 0) return EMPTY;
      return of(packBatch(drafts, identity.next(drafts.length))).pipe(
        send(sink),
        map(({ appended }) => ({ partition: sink.index, drafts, appended })),
        catchError((error: unknown) => {
          identity.renew();
          hooks.failed(drafts, error);
          return EMPTY;
        }),
      );
    };
    this.stored = this.#input.pipe(batch(rules, sendBatch));
  }

  push(draft: D): void {
    this.#input.next(draft);
    if (this.#flushing()) this.#flush.next();
  }

  complete(): void {
    this.#input.complete();
  }
}

/**
 * The identity under which a named producer sends to one partition. It is renewed when a batch has failed, since nobody
 * knows then whether it was stored: under the old one a backend would refuse, or silently drop, what follows.
 */
class SequenceOf {
  readonly #name: string | undefined;
  #id = "";
  #sequence = 0;

  constructor(name: string | undefined) {
    this.#name = name;
    this.renew();
  }

  next(count: number): ProducerSequence | undefined {
    if (this.#name === undefined) return undefined;
    const sequence = this.#sequence;
    this.#sequence += count;
    return { id: this.#id, sequence };
  }

  renew(): void {
    if (this.#name === undefined) return;
    this.#id = `${this.#name}/${uuid()}`;
    this.#sequence = 0;
  }
}
