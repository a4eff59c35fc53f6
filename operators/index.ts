export { acknowledge } from "./acknowledge.ts";
export { acknowledgeEvery } from "./acknowledgeEvery.ts";
export { batch, type BatchOptions, type BatchSize } from "./batch.ts";
export { consume } from "./consume.ts";
export { deadLetterTo, type DeadLetterMetadata } from "./deadLetterTo.ts";
export {
  deduplicate,
  type DeduplicateByKey,
  type DeduplicateBySequence,
  type HighWaterMark,
  type HighWaterMarks,
  type DeduplicateOptions,
} from "./deduplicate.ts";
export { fetchData, type FetchDataOptions } from "./fetchData.ts";
export { orderedMap, type OrderedMapOptions } from "./orderedMap.ts";
export { processEvents, type DeadLetter, type EventHandler, type ProcessEventsOptions } from "./processEvents.ts";
export {
  processExactlyOnce,
  type ProcessExactlyOnceOptions,
  type TransactionReceipt,
  type TransformEvent,
} from "./processExactlyOnce.ts";
export { produce, type ProduceOptions } from "./produce.ts";
export { produceRobustly, type ProduceRobustlyOptions } from "./produceRobustly.ts";
export { retryWithBackoff, type RetryOptions } from "./retryWithBackoff.ts";
export { selectData } from "./selectData.ts";
export { selectPartition } from "./selectPartition.ts";
export { send, type BatchSink, type SentBatch } from "./send.ts";
export { serialize } from "./serialize.ts";
export { validate } from "./validate.ts";
export type { DraftStepOptions, Ordering } from "./internal/mapDrafts.ts";
export type { OverflowPolicy, ProducerCoreOptions } from "./internal/producerOptions.ts";
export type { RobustClosed } from "./internal/robust/closeRobust.ts";
export type { FailureKind } from "./internal/robust/classifyFailure.ts";
export type { FullPolicy } from "./internal/robust/backlog.ts";
export type { Pushed } from "./internal/robust/pushed.ts";
export type { RobustOptions } from "./internal/robust/robustOptions.ts";
export type { Delivered, Outcome, PutAside, RobustStatus } from "./internal/robust/robustTypes.ts";
export type { Outputs } from "./internal/exactlyOnce/outputsOf.ts";
export type { BatchReport } from "./internal/pipelineHost.ts";
export type { PipelineOptions } from "./internal/pipelineOptions.ts";
