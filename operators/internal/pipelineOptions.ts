import { checkAmount, checkChoice, checkFunction } from "../../src/model/check.ts";
import { checkDurability, durabilities, type Durability } from "../../src/model/durability.ts";
import { checkName } from "../../src/model/names.ts";
import type { PushTracer } from "../../src/model/pushTracer.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { checkBatchOptions, type BatchSize } from "./batcher.ts";
import { checkDraftStepOptions, type DraftStepRules, type Ordering } from "./mapDrafts.ts";

/** The options of a producer that its pipeline obeys. */
export interface PipelineOptions {
  /**
   * The producer's name. A named producer is idempotent where the backend can store its sequence: a batch that is sent
   * again is stored once. @default none
   */
  readonly name?: string | undefined;
  /**
   * How safe an event has to be, at the least, before its future resolves: `"memory"`, `"os"`, `"disk"` or `"replicated"`. A
   * backend that cannot give it refuses with `ERR_UNSUPPORTED`. @default the strongest that the backend gives
   */
  readonly durability?: Durability | undefined;
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
  /** Follows each event from its push to what becomes of it, as `loadTelemetry` of `sluice/telemetry` gives one. @default none */
  readonly trace?: PushTracer | undefined;
}

/** Checks what the pipeline obeys before anything is subscribed to. @internal */
export function checkPipelineOptions(topic: Pick<TopicHandle, "durability">, options: PipelineOptions): void {
  const { name, durability, trace } = options;
  if (name !== undefined) checkName("producer", name);
  if (durability !== undefined) checkChoice("durability", durability, durabilities);
  if (topic.durability !== undefined) checkDurability(durability, topic.durability);
  if (trace !== undefined) checkFunction("trace.begin", (trace as Partial<PushTracer> | null)?.begin);
  checkBatchOptions(options);
  stepOptions(options);
}

/** How the steps of the pipeline run. @internal */
export function stepOptions({ ordering, concurrency, componentTimeout: timeout }: PipelineOptions): DraftStepRules {
  if (timeout !== undefined) checkAmount("componentTimeout", timeout);
  return checkDraftStepOptions({ ordering, concurrency, timeout });
}
