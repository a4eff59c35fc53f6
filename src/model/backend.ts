import type { Observable, ObservableInput } from "rxjs";
import type { Appended, DataRead, EventBatch, StoredBatch } from "./batch.ts";
import type { Compaction } from "./compaction.ts";
import type { ComponentSpecs } from "./component.ts";
import type { Durability } from "./durability.ts";
import type { PartitionBounds } from "./partition.ts";

/** What a backend can and cannot do. The conformance suite tests what is declared here, either way. */
export interface Capabilities {
  /** How safe an event is when the future of its push resolves: the strongest that it can give. */
  readonly durability: Durability;
  /** Whether topics, events and cursors outlive the process. */
  readonly persistent: boolean;
  /** Whether ids start at 0 and have no gaps. */
  readonly contiguousIds: boolean;
  /** Whether a batch that is sent twice by the same producer is stored once. */
  readonly idempotent: boolean;
  /** Whether consumers of one name share the partitions of a topic. */
  readonly groups: boolean;
  /** Whether a topic can be sealed. */
  readonly seal: boolean;
  /** Whether partitions can be added to a topic. */
  readonly addPartitions: boolean;
  /** Whether a position can be found by time. */
  readonly findByTime: boolean;
  /** Whether a view of an event's data moves the bytes of the view only. */
  readonly partialData: boolean;
  /** Whether older events of a key go, where a topic asks for it. @default false */
  readonly compaction?: boolean | undefined;
  /**
   * Whether nothing can be stored: no topic, no event, nothing of what was acknowledged. Such calls fail with
   * `ERR_READ_ONLY`. @default false
   */
  readonly readOnly?: boolean | undefined;
  /** Whether its partitions say how far a producer's sequence has come, by `nextSequence`. @default false */
  readonly nextSequence?: boolean | undefined;
  /** Whether batches can be stored in the same step as an acknowledgement, by `transact` of its leases. @default false */
  readonly exactlyOnce?: boolean | undefined;
}

/** A topic as the backend stores it. All of it is JSON. */
export interface TopicConfig {
  /** How many partitions it has, at least one. */
  readonly partitions: number;
  /** Its validator, partition selector and serializer. */
  readonly components: ComponentSpecs;
  /** What may be dropped; nothing when it is left out. */
  readonly retention?: Retention | undefined;
  /** Which events may go since there is a newer one of their key; none when it is left out. */
  readonly compaction?: Compaction | undefined;
  /** Tells the topic apart from others that had or will have its name, where several processes have parts of it. */
  readonly id?: string | undefined;
}

/** What a topic may drop, oldest first. Where several are given, a batch is dropped as soon as one of them allows it. */
export interface Retention {
  /** Bytes of metadata and data to keep in each partition. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds to keep an event. */
  readonly maxAge?: number | undefined;
  /** Names of consumers: what all of them have acknowledged may go. */
  readonly acknowledgedBy?: readonly string[] | undefined;
}

/**
 * Stores topics. Policy (batching, order, retry, acknowledgement) is not here: it lives in the operators. Names and
 * numbers that reach a backend have been checked. Every call does its work when it is subscribed to, and may answer
 * with a promise, an Observable or any other `ObservableInput`.
 */
export interface Backend {
  /** What this backend can do. */
  readonly capabilities: Capabilities;
  /** Creates a topic. Fails with `ERR_TOPIC_EXISTS` when there is one. */
  createTopic(name: string, config: TopicConfig): ObservableInput<BackendTopic>;
  /** Opens a topic. Fails with `ERR_TOPIC_NOT_FOUND` when there is none. */
  openTopic(name: string): ObservableInput<BackendTopic>;
  /** The names of all topics. */
  listTopics(): ObservableInput<readonly string[]>;
  /** Deletes a topic with all that is in it. Fails with `ERR_TOPIC_NOT_FOUND` when there is none. */
  deleteTopic(name: string): ObservableInput<void>;
  /** Lets go of everything it holds. Called once. */
  close(): ObservableInput<void>;
}

/** One topic of a backend. */
export interface BackendTopic {
  /** Its name. */
  readonly name: string;
  /** As it was created. `partitions` grows with `addPartitions`. */
  readonly config: TopicConfig;
  /** Its partitions, by their number. */
  readonly partitions: readonly BackendPartition[];
  /** Where its partitions are, where several processes share them. @default one process has them all */
  readonly ranks?: TopicRanks | undefined;
  /** Emits when partitions have been added, whoever added them. @default only who adds them through this object learns of it */
  readonly grown?: Observable<unknown> | undefined;
  /**
   * Adds partitions behind those that there are: to the process of one rank where `ranks` says that there are several, or to
   * one of its own choice.
   */
  addPartitions(count: number, rank?: number): ObservableInput<void>;
  /** Refuses further events with `ERR_TOPIC_SEALED`, and lets readers come to an end. */
  seal(): ObservableInput<void>;
  /**
   * Joins the consumers of one name. Emits the leases that this member is given, those of one change together, at once
   * and then for as long as it is subscribed to. The first emission may be empty. Unsubscribing leaves the group and
   * gives every lease back; deleting the topic ends it with `ERR_TOPIC_NOT_FOUND`.
   */
  join(consumer: string, options: JoinOptions): ObservableInput<readonly Lease[]>;
  /** The acknowledged position of a consumer in each partition; undefined where nothing has been acknowledged. */
  cursors(consumer: string): ObservableInput<readonly (number | undefined)[]>;
}

/** Where the partitions of a topic are, where several processes of a service share them. */
export interface TopicRanks {
  /** How many processes there are. Their ranks are numbers from 0. */
  readonly count: number;
  /** The place of each partition. */
  readonly places: readonly PartitionPlace[];
}

/** Which process has a partition, and the number by which that process knows it. */
export interface PartitionPlace {
  /** The rank of the process. */
  readonly rank: number;
  /** Its number among the partitions of the topic that the process has. */
  readonly partition: number;
}

/** What a member of a group asks for. */
export interface JoinOptions {
  /** The partitions that this member will read; undefined for all of them, also those added later. */
  readonly partitions: readonly number[] | undefined;
}

/** The right of one member to read one partition and to acknowledge in it. */
export interface Lease {
  /** The number of the partition. */
  readonly partition: number;
  /** Grows with each owner of the partition. */
  readonly epoch: number;
  /** The acknowledged position when the lease was given; undefined when nothing has been acknowledged. */
  readonly position: number | undefined;
  /** Emits when the backend wants the partition back. The member finishes what it holds and calls `release`. */
  readonly revoked: ObservableInput<unknown>;
  /**
   * Called in front of each delivery. A backend that can tell by the clock that somebody else may own the partition by now, as after
   * a long sleep of the process, has `revoked` emit before it returns. @default `revoked` alone tells
   */
  confirm?(): void;
  /**
   * Stores that everything before a position has been acknowledged. A position that is not ahead of the stored one
   * changes nothing. Still works after `release`, for as long as nobody else has been given the partition; fails with
   * `ERR_FENCED` from then on.
   */
  acknowledge(position: number): ObservableInput<void>;
  /**
   * Stores batches and that everything before a position has been acknowledged, in one step: after a crash all of it is there
   * or none. Answers once, with what was stored, in the order of the appends. A position need not be that of an event:
   * whoever counts something of its own joins under a name of its own.
   *
   * Nothing is stored when it fails with a RangeError (there are two batches for one partition), with `ERR_FENCED` (somebody
   * else has been given the partition), with `ERR_ALREADY_ACKNOWLEDGED` (the position is not ahead of the stored one), with
   * `ERR_UNSUPPORTED` (a topic is not of this connection), or as `append` fails. Any other failure leaves open whether it was stored; the `position` of the next lease
   * tells, so a backend gives none before it is decided. A backend without transactions leaves it out.
   */
  transact?(position: number, appends: readonly TransactionAppend[]): ObservableInput<readonly Appended[]>;
  /** Gives the partition back. May be called more than once. */
  release(): void;
}

/** A batch that is stored as part of a transaction. There is one of a partition at the most. */
export interface TransactionAppend {
  /** The topic, as the same backend has given it. */
  readonly topic: BackendTopic;
  /** The number of the partition. */
  readonly partition: number;
  /** The batch. */
  readonly batch: EventBatch;
}

/** What a read may bring at the most. A single event larger than `maxBytes` is still brought, alone. */
export interface ReadLimits {
  /** The largest number of events. */
  readonly maxEvents: number;
  /** The largest number of bytes of metadata. */
  readonly maxBytes: number;
}

/** One partition: a sink of batches, and a source of batches from a position. */
export interface BackendPartition {
  /** Its number. */
  readonly index: number;
  /**
   * Stores a batch at the durability that it asks for, or else at the declared one, then answers once. Batches are stored whole or not at all, in the order
   * in which `append` was subscribed to. Fails with `ERR_UNSUPPORTED` when the batch asks for a stronger durability than
   * is declared, with `ERR_TOPIC_SEALED`, with `ERR_OUT_OF_SEQUENCE` when an earlier
   * batch of the same producer is missing, or with whatever kept it from storing.
   */
  append(batch: EventBatch): ObservableInput<Appended>;
  /**
   * Answers with the next batch from a position, as soon as there is at least one event; completes without an answer
   * at the end of a sealed topic. Unsubscribing stops the wait. A position below the start reads from the start.
   */
  read(position: number, limits: ReadLimits): ObservableInput<StoredBatch>;
  /** Answers once, with the bytes of each read in order, as segments; those given by `into` when it was given. */
  fetch(reads: readonly DataRead[]): ObservableInput<readonly (readonly Uint8Array[])[]>;
  /** How far the partition reaches now. */
  bounds(): ObservableInput<PartitionBounds>;
  /** The position of the first event that is not older than a time, in milliseconds since 1970; the end when there is none. */
  find(time: number): ObservableInput<number>;
  /**
   * Answers with the sequence number that the next event of a producer must have: how many of its events are stored, and 0
   * for a producer that is not known. A backend that cannot say leaves it out.
   */
  nextSequence?(producer: string): ObservableInput<number>;
}
