import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  map,
  of,
  type NextObserver,
  type Observable,
  type ObservableInput,
  type Observer,
  type TeardownLogic,
} from "rxjs";
import { v7 as uuid } from "uuid";
import type { BackendPartition, BackendTopic } from "../../src/model/backend.ts";
import { dataSizeOf, type Appended, type EventBatch, type ProducerSequence } from "../../src/model/batch.ts";
import { sizeOfDraft, type EventDraft } from "../../src/model/draft.ts";
import type { PartitionInfo } from "../../src/model/partition.ts";
import { checkAmount } from "../../src/model/check.ts";
import { checkName } from "../../src/model/names.ts";
import { packBatch } from "../../src/model/packBatch.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { send } from "../send.ts";
import { Batcher, checkBatchOptions, type BatchSize } from "./batcher.ts";
import type { Downstream } from "./downstream.ts";
import { inSequence, selectDraftPartition, serializeDraft, validateDraft } from "./draftSteps.ts";
import {
  checkDraftStepOptions,
  DraftMapper,
  type DraftRejection,
  type DraftStepRules,
  type Ordering,
} from "./mapDrafts.ts";

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
  /** The largest number of events of an adaptive batch. @default 4096 */
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

/** A batch that has been stored. */
export interface BatchReport {
  /** The number of its partition. */
  readonly partition: number;
  /** How many events it had. */
  readonly count: number;
  /** Its bytes, metadata and data. */
  readonly bytes: number;
  /** Milliseconds from its sending to the backend's answer. */
  readonly duration: number;
}

/** Drafts of one partition that have been stored together. @internal */
export interface StoredDrafts<D extends EventDraft> {
  readonly partition: number;
  readonly drafts: readonly D[];
  readonly appended: Appended;
  readonly report: BatchReport;
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
  /** Events will neither be stored nor fail by themselves, since the pipeline was given up. Some may be settled already. */
  readonly abandoned?: (drafts: readonly D[]) => void;
  /** Told of each batch that has been stored. */
  readonly report?: NextObserver<BatchReport>;
}

/**
 * Opens the way of an event from a producer to its backend: validate, select a partition, serialize, gather into a batch
 * of the partition, send. It is made of the engines of the operators of these names. `produce` and `Producer` differ only
 * in what they do with the answers.
 *
 * @param downstream - Gets each stored batch; completes, or fails with the error of the source, when all is stored.
 * @returns What takes the drafts.
 * @internal
 */
export function openPipeline<M, D extends EventDraft<M>>(
  topic: TopicHandle<M>,
  options: PipelineOptions,
  hooks: PipelineHooks<D>,
  downstream: Downstream<StoredDrafts<D>>,
): Observer<D> {
  const { validator, partitionSelector, serializer } = topic.components;
  const rejected = {
    next: ({ draft, error }: DraftRejection) => hooks.rejected(draft as D, error),
  } as NextObserver<unknown>;
  const rules = { ...stepOptions(options), rejected };
  const lanes = new Lanes<D>(topic.backend, options, hooks, downstream);
  // Under strict ordering a partition is selected in the order of the pushes, so validation is a stage of its own:
  // a selector that keeps state, as the round robin does, must not see events in the order in which they were validated.
  const select = selectDraftPartition(partitionSelector, partitionsOf(topic.backend));
  const place = new DraftMapper<D>(
    lanes,
    "partition selector or serializer",
    inSequence<D>(select, serializeDraft(serializer)),
    rules,
    hooks.abandoned,
  );
  return new DraftMapper<D>(place, "validator", validateDraft(validator), rules, hooks.abandoned);
}

/** Checks what the pipeline obeys before anything is subscribed to. @internal */
export function checkPipelineOptions(options: PipelineOptions): void {
  if (options.name !== undefined) checkName("producer", options.name);
  checkBatchOptions(options);
  stepOptions(options);
}

function stepOptions({ ordering, concurrency, componentTimeout: timeout }: PipelineOptions): DraftStepRules {
  if (timeout !== undefined) checkAmount("componentTimeout", timeout);
  return checkDraftStepOptions({ ordering, concurrency, timeout });
}

/** The partitions of a topic as a selector sees them: a list that is made anew only when one was added. */
function partitionsOf(topic: BackendTopic): () => readonly PartitionInfo[] {
  let infos: readonly PartitionInfo[] = [];
  return () => {
    const { partitions } = topic; // Asked for each time: a backend may put a new list in place of the old one.
    if (infos.length !== partitions.length) infos = partitions.map(({ index }) => ({ partition: index }));
    return infos;
  };
}

/** The batches of each partition. A lane is made when its first event comes. */
class Lanes<D extends EventDraft> implements Downstream<D> {
  readonly #topic: BackendTopic;
  readonly #options: PipelineOptions;
  readonly #hooks: PipelineHooks<D>;
  readonly #downstream: Downstream<StoredDrafts<D>>;
  readonly #lanes: (Batcher<D, StoredDrafts<D>> | undefined)[] = [];
  readonly #pressed = new Set<number>();
  /** Lanes that have not completed; the source counts as one more. */
  #open = 1;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    topic: BackendTopic,
    options: PipelineOptions,
    hooks: PipelineHooks<D>,
    downstream: Downstream<StoredDrafts<D>>,
  ) {
    this.#topic = topic;
    this.#options = options;
    this.#hooks = hooks;
    this.#downstream = downstream;
    if (hooks.flush !== undefined) {
      downstream.add(
        hooks.flush.subscribe(() => {
          for (const lane of this.#lanes) lane?.flush();
        }),
      );
    }
  }

  get closed(): boolean {
    return this.#downstream.closed;
  }

  add(teardown: TeardownLogic): void {
    this.#downstream.add(teardown);
  }

  next(draft: D): void {
    this.#hooks.serialized?.(draft);
    const lane = this.#lanes[draft.partition] ?? this.#openLane(draft.partition);
    lane.next(draft);
    if (this.#hooks.flushing?.() === true) lane.flush();
  }

  /** What was accepted is stored first, then the error is told. */
  error(error: unknown): void {
    this.#failure ??= { error };
    this.complete();
  }

  complete(): void {
    if (this.#ended) return; // A batch may fail after the source has completed, and then tells its error here.
    this.#ended = true;
    for (const lane of this.#lanes) lane?.complete();
    this.#settle();
  }

  #settle(): void {
    if (--this.#open > 0) return;
    if (this.#failure === undefined) this.#downstream.complete();
    else this.#downstream.error(this.#failure.error);
  }

  /** What is stored is told first, so that an observer of batches that throws fails no event. */
  #stored(stored: StoredDrafts<D>): void {
    this.#downstream.next(stored);
    try {
      this.#hooks.report?.next(stored.report);
    } catch (error) {
      this.#downstream.error(error);
    }
  }

  #openLane(partition: number): Batcher<D, StoredDrafts<D>> {
    this.#open++;
    const downstream = this.#downstream;
    const settled: Downstream<StoredDrafts<D>> = {
      next: (stored) => this.#stored(stored),
      error: (error) => downstream.error(error),
      complete: () => this.#settle(),
      get closed() {
        return downstream.closed;
      },
      add: (teardown) => downstream.add(teardown),
    };
    const pressure = { next: (isPressed: boolean) => this.#press(partition, isPressed) };
    const rules = checkBatchOptions<D>({ ...this.#options, sizeOf: sizeOfDraft, pressure });
    const lane = new Batcher(
      settled,
      rules,
      sendBatches(this.#topic.partitions[partition]!, this.#options.name, this.#hooks),
      this.#hooks.abandoned,
    );
    this.#lanes[partition] = lane;
    return lane;
  }

  #press(partition: number, isPressed: boolean): void {
    if (isPressed) this.#pressed.add(partition);
    else this.#pressed.delete(partition);
    this.#hooks.pressure?.next(this.#pressed.size > 0);
  }
}

/** Sends the batches of one partition. One that fails fails its events, and the stream goes on. */
function sendBatches<D extends EventDraft>(
  sink: BackendPartition,
  name: string | undefined,
  hooks: PipelineHooks<D>,
): (gathered: readonly D[]) => ObservableInput<StoredDrafts<D>> {
  const identity = new SequenceOf(name);
  return (gathered) => {
    const drafts = hooks.sending?.(gathered) ?? gathered;
    if (drafts.length === 0) return EMPTY;
    const start = asyncScheduler.now();
    return defer(() => of(packBatch(drafts, identity.next(drafts.length)))).pipe(
      send(sink),
      map(({ batch, appended }) => ({
        partition: sink.index,
        drafts,
        appended,
        report: reportOf(batch, sink.index, asyncScheduler.now() - start),
      })),
      catchError((error: unknown) => {
        identity.renew();
        hooks.failed(drafts, error);
        return EMPTY;
      }),
    );
  };
}

function reportOf(batch: EventBatch, partition: number, duration: number): BatchReport {
  return { partition, count: batch.count, bytes: batch.metadata.length + dataSizeOf(batch), duration };
}

/**
 * The identity under which a named producer sends to one partition. It is renewed when a batch has failed, since nobody
 * knows then whether it was stored: under the old one a backend would refuse, or silently drop, what follows.
 */
class SequenceOf {
  readonly #name: string | undefined;
  #id: string | undefined;
  #sequence = 0;

  constructor(name: string | undefined) {
    this.#name = name;
  }

  next(count: number): ProducerSequence | undefined {
    if (this.#name === undefined) return undefined;
    this.#id ??= `${this.#name}/${uuid()}`;
    const sequence = this.#sequence;
    this.#sequence += count;
    return { id: this.#id, sequence };
  }

  renew(): void {
    this.#id = undefined;
    this.#sequence = 0;
  }
}
