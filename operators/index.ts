export { acknowledge } from "./acknowledge.ts";
export { acknowledgeEvery } from "./acknowledgeEvery.ts";
export { batch, type BatchOptions, type BatchSize } from "./batch.ts";
export { consume } from "./consume.ts";
export { deadLetterTo, type DeadLetterMetadata } from "./deadLetterTo.ts";
export {
  deduplicate,
  type DeduplicateByKey,
  type DeduplicateBySequence,
  type DeduplicateOptions,
} from "./deduplicate.ts";
export { fetchData, type FetchDataOptions } from "./fetchData.ts";
export { orderedMap, type OrderedMapOptions } from "./orderedMap.ts";
export { processEvents, type DeadLetter, type EventHandler, type ProcessEventsOptions } from "./processEvents.ts";
export { produce, type ProduceOptions } from "./produce.ts";
export { retryWithBackoff, type RetryOptions } from "./retryWithBackoff.ts";
export { selectData } from "./selectData.ts";
export { selectPartition } from "./selectPartition.ts";
export { send, type BatchSink, type SentBatch } from "./send.ts";
export { serialize } from "./serialize.ts";
export { validate } from "./validate.ts";
export type { DraftStepOptions, Ordering } from "./internal/mapDrafts.ts";
export type { OverflowPolicy, ProducerCoreOptions } from "./internal/producerCore.ts";
export type { BatchReport, PipelineOptions } from "./internal/producerPipeline.ts";
