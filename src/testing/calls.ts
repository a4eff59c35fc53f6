import type { JoinOptions, ReadLimits, TopicConfig, TransactionAppend } from "../model/backend.ts";
import type { DataRead, EventBatch } from "../model/batch.ts";

/** A call that concerns one topic. */
export interface TopicCall {
  /** The name of the topic. */
  readonly topic: string;
}

/** A call that creates a topic. */
export interface CreateTopicCall extends TopicCall {
  /** What it is created with. */
  readonly config: TopicConfig;
}

/** A call that adds partitions. */
export interface AddPartitionsCall extends TopicCall {
  /** How many. */
  readonly count: number;
}

/** A call that concerns the consumers of one name. */
export interface ConsumerCall extends TopicCall {
  /** Their name. */
  readonly consumer: string;
}

/** A call that joins the consumers of one name. */
export interface JoinCall extends ConsumerCall {
  /** What the member asks for. */
  readonly options: JoinOptions;
}

/** A call that asks how far a producer has come. */
export interface NextSequenceCall extends TopicCall {
  /** The number of the partition. */
  readonly partition: number;
  /** The producer. */
  readonly producer: string;
}

/** A call that concerns one partition. */
export interface PartitionCall extends TopicCall {
  /** The number of the partition. */
  readonly partition: number;
}

/** A call that stores a batch. */
export interface AppendCall extends PartitionCall {
  /** The batch. */
  readonly batch: EventBatch;
}

/** A call that reads the next batch. */
export interface ReadCall extends PartitionCall {
  /** The id of the first event that is asked for. */
  readonly position: number;
  /** What it may bring at the most. */
  readonly limits: ReadLimits;
}

/** A call that brings data. */
export interface FetchCall extends PartitionCall {
  /** What is asked for. */
  readonly reads: readonly DataRead[];
}

/** A call that finds a position by time. */
export interface FindCall extends PartitionCall {
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A call that stores an acknowledgement. */
export interface AcknowledgeCall extends PartitionCall {
  /** The name of the consumer. */
  readonly consumer: string;
  /** Everything before this id is acknowledged. */
  readonly position: number;
}

/** A call that stores batches in one step with an acknowledgement. */
export interface TransactCall extends AcknowledgeCall {
  /** The batches, and where they go. */
  readonly appends: readonly TransactionAppend[];
}
