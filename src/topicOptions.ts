import type { ComponentKind, PartitionSelectorInput, SerializerInput, ValidatorInput } from "./components/types.ts";
import type { Retention } from "./model/backend.ts";
import type { Compaction } from "./model/compaction.ts";

/** The components of a topic, in any of the forms that they can be given in. */
export interface TopicComponentOptions<M = unknown> {
  /** Checks events: a schema, a Standard Schema, a function that throws, a pattern, or a module. @default accept all */
  readonly validator?: ValidatorInput<M> | undefined;
  /** Chooses the partition of each event. @default round robin */
  readonly partitionSelector?: PartitionSelectorInput<M> | undefined;
  /** Writes and reads metadata. @default JSON */
  readonly serializer?: SerializerInput<M> | undefined;
  /** What relative paths of modules are relative to. @default the working directory */
  readonly baseUrl?: string | URL | undefined;
}

/** The options of a new topic. */
export interface TopicOptions<M = unknown> extends TopicComponentOptions<M> {
  /** How many partitions, from 1 to 65536. @default 1 */
  readonly partitions?: number | undefined;
  /** What the topic may drop. @default nothing */
  readonly retention?: Retention | undefined;
  /**
   * Keeps the newest event of each key only. Without a partition selector of its own such a topic has `byKey`, since keys are
   * compacted in each partition. @default every event is kept
   */
  readonly compaction?: Compaction | undefined;
}

/** The options of opening a topic. Components that are not handed in are made again from what the topic has stored. */
export interface OpenTopicOptions<M = unknown> extends TopicComponentOptions<M> {
  /** Components that were plain functions and that are not handed in: their defaults take their place. @default [] */
  readonly waive?: readonly ComponentKind[] | undefined;
}
