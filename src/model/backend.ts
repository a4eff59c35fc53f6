import type { ObservableInput } from "rxjs";
import type { Appended, DataRead, EventBatch, StoredBatch } from "./batch.ts";
import type { ComponentSpecs } from "./component.ts";
import type { PartitionBounds } from "./partition.ts";

/**
 * How safe a stored event is: `memory` (held by a process), `os` (given to the operating system), `disk` (fdatasync or
 * stronger has returned), `replicated` (acknowledged by the cluster).
 */
export type Durability = "memory" | "os" | "disk" | "replicated";

/** What a backend can and cannot do. The conformance suite tests what is declared here, either way. */
export interface Capabilities {
  /** How safe an event is when the future of its push resolves. */
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
}

/** A topic as the backend stores it. All of it is JSON. */
export interface TopicConfig {
  /** How many partitions it has, at least one. */
  readonly partitions: number;
  /** Its validator, partition selector and serializer. */
  readonly components: ComponentSpecs;
  /** What may be dropped; nothing when it is left out. */
  readonly retention?: Retention | undefined;
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
  /** Adds partitions behind those that there are. */
  addPartitions(count: number): ObservableInput<void>;
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
   * Stores that everything before a position has been acknowledged. A position that is not ahead of the stored one
   * changes nothing. Still works after `release`, for as long as nobody else has been given the partition; fails with
   * `ERR_FENCED` from then on.
   */
  acknowledge(position: number): ObservableInput<void>;
  /** Gives the partition back. May be called more than once. */
  release(): void;
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
   * Stores a batch at the declared durability, then answers once. Batches are stored whole or not at all, in the order
   * in which `append` was subscribed to. Fails with `ERR_TOPIC_SEALED`, with `ERR_OUT_OF_SEQUENCE` when an earlier
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
}
