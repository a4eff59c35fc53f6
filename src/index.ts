export { connect, openBackend, registerBackend, type BackendFactory, type ConnectOptions } from "./connect.ts";
export { Consumer, type ConsumerOptions } from "./consumer.ts";
export { Driver } from "./driver.ts";
export { Producer, type ProducerOptions, type PushOptions } from "./producer.ts";
export { openRobustProducer, type OpenRobustProducerOptions } from "./openRobustProducer.ts";
export { RobustProducer, type RobustProducerOptions } from "./robustProducer.ts";
export { Topic, type AddPartitionsOptions, type TopicDescription } from "./topic.ts";
export type { Lag } from "./lag.ts";
export type { ConsumerStatistics } from "./statistics/consumerStatistics.ts";
export type { DriverStatistics, TopicSample } from "./statistics/driverStatistics.ts";
export type { Spread } from "./statistics/histogram.ts";
export type { ProducerStatistics } from "./statistics/producerStatistics.ts";
export type { StatisticsOptions } from "./statistics/sampled.ts";
export type { TopicStatistics, TopicStatisticsOptions } from "./statistics/topicStatistics.ts";
export type { OpenTopicOptions, TopicComponentOptions, TopicOptions } from "./topicOptions.ts";

export { importHopJournal, type HopMessage, type ImportHopJournalOptions } from "./hop/importHopJournal.ts";

export type {
  Backend,
  BackendPartition,
  BackendTopic,
  Capabilities,
  JoinOptions,
  Lease,
  PartitionPlace,
  ReadLimits,
  Retention,
  TopicConfig,
  TopicRanks,
  TransactionAppend,
} from "./model/backend.ts";
export type { BatchKeys, Compaction, KeyOfEvent } from "./model/compaction.ts";
export type { Appended, DataRead, EventBatch, ProducerRun, ProducerSequence, StoredBatch } from "./model/batch.ts";
export type {
  BinarySerializer,
  ComponentSpec,
  ComponentSpecs,
  PartitionSelector,
  SelectPartition,
  Serializer,
  TextSerializer,
  TopicComponents,
  Validator,
} from "./model/component.ts";
export type {
  ConsumeOptions,
  ConsumerStatus,
  LostEvents,
  DataAllocator,
  DataSelector,
  Demand,
  EndReason,
  StartFrom,
  UndecodableEvent,
  UndecodablePolicy,
  Until,
} from "./model/consumeOptions.ts";
export { EventData, type BytesLike, type DataInput } from "./model/data.ts";
export { DataDescriptor, type DataOrigin } from "./model/descriptor.ts";
export { checkDurability, type Durability } from "./model/durability.ts";
export { EventDraft, type EventInput } from "./model/draft.ts";
export { errorCodes, isSluiceError, SluiceError, type ErrorCode, type SluiceErrorOptions } from "./model/errors.ts";
export { StreamEvent } from "./model/event.ts";
export { Future } from "./model/future.ts";
export { Group, type CursorStore, type GroupOptions, type Transaction } from "./model/group.ts";
export { gatherBatches } from "./model/gatherBatches.ts";
export { joinBatches } from "./model/joinBatches.ts";
export { packBatch } from "./model/packBatch.ts";
export { maxPartitions, type PartitionBounds, type PartitionInfo } from "./model/partition.ts";
export { ProducerHistory, type StoredAlready, type StoreFrom, type Verdict } from "./model/producerHistory.ts";
export type { PushedEvent, PushTrace, PushTracer } from "./model/pushTracer.ts";
export type { Receipt } from "./model/receipt.ts";
export type { Rejection, RejectionPolicy } from "./model/rejection.ts";
export { retentionRule, type OldestPart, type RetentionRule } from "./model/retentionRule.ts";
export { copyInto, selectBytes } from "./model/selectBytes.ts";
export { sliceBatch } from "./model/sliceBatch.ts";
export { TopicGroups, type TopicGroupsOptions } from "./model/topicGroups.ts";
export type { Closable, CloseOptions, OpenJournalOptions, TopicHandle } from "./model/topicHandle.ts";
export { WaitingReads } from "./model/waitingReads.ts";

export { acceptAll } from "./model/validators/acceptAll.ts";
export { eventPattern } from "./model/validators/eventPattern.ts";
export { fromFunction, type ValidateFunction } from "./model/validators/fromFunction.ts";
export type { InferJsonSchema, JsonSchemaObject, JsonTypeName } from "./model/validators/inferJsonSchema.ts";
export type {
  AnythingBut,
  EventPattern,
  IgnoreCase,
  NumericComparison,
  PatternRule,
} from "./model/validators/patternTypes.ts";
export { standardSchema } from "./model/validators/standardSchema.ts";
export { byKey, type ByKeyOptions } from "./model/partitionSelectors/byKey.ts";
export { checkPartition } from "./model/partitionSelectors/checkPartition.ts";
export { murmur2 } from "./model/partitionSelectors/murmur2.ts";
export { roundRobin } from "./model/partitionSelectors/roundRobin.ts";
export { selectWith } from "./model/partitionSelectors/selectWith.ts";
export { json } from "./model/serializers/json.ts";
export { packed } from "./model/serializers/packed.ts";
export { serializeWith, type BinaryFunctions, type TextFunctions } from "./model/serializers/serializeWith.ts";
export { text } from "./model/serializers/text.ts";

export { loadCbor } from "./components/cbor.ts";
export { loadJsonSchema } from "./components/jsonSchema.ts";
export {
  loadPartitionSelectorModule,
  loadSerializerModule,
  loadValidatorModule,
  parseModuleType,
  type ModuleOptions,
  type ModuleType,
} from "./components/module.ts";
export { registerComponent, type ComponentFactory } from "./components/registry.ts";
export {
  resolvePartitionSelector,
  resolveSerializer,
  resolveValidator,
  type ResolveOptions,
} from "./components/resolve.ts";
export { schema } from "./components/schema.ts";
export type {
  ComponentKind,
  InferInput,
  InferMetadata,
  PartitionSelectorInput,
  SchemaInput,
  SerializerInput,
  ValidatorInput,
} from "./components/types.ts";

export {
  partitionSelectorOnPool,
  serializerOnPool,
  validatorOnPool,
  type OnPoolOptions,
} from "./threads/componentsOnPool.ts";
export {
  makeThreadPool,
  type ModuleComponent,
  type ModuleTask,
  type RunOptions,
  type ThreadPool,
} from "./threads/threadPool.ts";
