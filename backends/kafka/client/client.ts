/** A broker of the cluster. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a request goes: to a node, over the connection that all share or over one of a purpose that must not wait behind others. */
export interface Destination {
  readonly node: number;
  readonly lane?: string | undefined;
}

/** One partition as the cluster describes it. */
export interface PartitionState {
  /** The node that leads it; -1 while there is none. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

/** One topic as the cluster describes it. */
export interface TopicState {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionState[];
}

/** What the cluster says of itself. */
export interface ClusterState {
  readonly controller: number;
  readonly nodes: readonly number[];
  /** The topics that there are, of those that were asked for. */
  readonly topics: readonly TopicState[];
}

/** A batch for one partition. */
export interface ProduceRequest {
  /** Brokers that know topics by their ids refuse what is for one that was deleted, also when there is another of its name. */
  readonly topic: { readonly name: string; readonly id: string };
  readonly partition: number;
  readonly batch: Uint8Array;
  /** Whose transaction it belongs to. @default none */
  readonly transaction?: TransactionIdentity | undefined;
  /** Milliseconds that the broker may take. */
  readonly timeout: number;
}

/** One partition of a fetch. */
export interface FetchWish {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
}

/** What is seen of transactions: what was committed, or all that there is. */
export type Isolation = "committed" | "uncommitted";

/** A fetch of several partitions that one node leads. */
export interface FetchRequest {
  readonly partitions: readonly FetchWish[];
  /** Whether what belongs to transactions that are open or were given up is brought as well. @default "committed" */
  readonly isolation?: Isolation | undefined;
  /** Milliseconds that the broker waits for the first byte. */
  readonly maxWait: number;
  readonly maxBytes: number;
}

/** What a fetch brought for one partition. */
export interface Fetched {
  readonly topicId: string;
  readonly partition: number;
  /** The protocol's number of an error; 0 when there is none. */
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly start: number;
  /** Transactions that were given up: the producer, and the offset where its records begin. */
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[];
  readonly records: Uint8Array;
}

/** The member of a group that speaks. */
export interface MemberIdentity {
  readonly group: string;
  readonly member: string;
  /** The generation, or the epoch of the member in the protocol "consumer". */
  readonly generation: number;
  readonly instance?: string | undefined;
  /** @default "classic" */
  readonly protocol?: GroupProtocol | undefined;
}

/** How members of a group speak to it: as they always did, or as KIP-848 has it. */
export type GroupProtocol = "classic" | "consumer";

/** What a member of the protocol "consumer" says of itself. */
export interface GroupHeartbeat {
  readonly group: string;
  readonly member: string;
  /** 0 to join, a negative number to leave. */
  readonly epoch: number;
  readonly instance: string | undefined;
  readonly rebalanceTimeout: number;
  readonly topic: { readonly name: string; readonly id: string };
  /** The partitions that it has not given back. */
  readonly held: readonly number[];
}

/** What the group answers. */
export interface GroupHeartbeatAnswer {
  readonly epoch: number;
  /** Milliseconds until the next heartbeat. */
  readonly interval: number;
  /** The partitions of the topic that are given to the member; undefined when nothing has changed. */
  readonly assignment: readonly number[] | undefined;
}

/** What a member joins with. */
export interface JoinRequest extends Omit<MemberIdentity, "generation" | "protocol"> {
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly protocol: string;
  readonly metadata: Uint8Array;
}

/** The answer to a join. */
export interface Joined {
  /** -1 when a new member was given nothing but its id, and has to join again with it. */
  readonly generation: number;
  readonly member: string;
  /** The subscriptions of all members, for the leader; empty for everybody else. */
  readonly members: readonly { readonly member: string; readonly metadata: Uint8Array }[];
  readonly isLeader: boolean;
}

/** A position to be committed. */
export interface CommittedOffset {
  readonly partition: number;
  readonly offset: number;
  /** A note that comes back with it. */
  readonly note: string;
}

/**
 * How transactions are spoken: with 2, that of KIP-890, every transaction has an epoch of its own, so that nothing that is late
 * becomes a part of the next one, and brokers notice by themselves what belongs to it.
 */
export type TransactionVersion = 1 | 2;

/** Who writes in a transaction. */
export interface TransactionIdentity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly version: TransactionVersion;
}

/** A setting of a topic. */
export type TopicSettings = Readonly<Record<string, string>>;

/**
 * The seam between this backend and a client library of Kafka: one method a request of the protocol, and nothing that
 * decides. Every method rejects with a {@link KafkaError}. A library is replaced by writing this interface for it.
 */
export interface KafkaClient {
  clusterState(topics: readonly string[] | undefined): Promise<ClusterState>;
  produce(to: Destination, request: ProduceRequest): Promise<{ readonly baseOffset: number }>;
  fetch(to: Destination, request: FetchRequest): Promise<readonly Fetched[]>;
  /** The offset of a time in milliseconds; of -1 the end, of -2 the start; -1 when nothing is as young. */
  offsetAt(to: Destination, topic: string, partition: number, time: number, isolation?: Isolation): Promise<number>;
  coordinator(of: "group" | "transaction", key: string): Promise<number>;
  joinGroup(to: Destination, request: JoinRequest): Promise<Joined>;
  syncGroup(
    to: Destination,
    who: MemberIdentity,
    protocol: string,
    assignments: readonly { readonly member: string; readonly assignment: Uint8Array }[],
  ): Promise<Uint8Array>;
  heartbeat(to: Destination, who: MemberIdentity): Promise<void>;
  leaveGroup(to: Destination, who: MemberIdentity): Promise<void>;
  groupHeartbeat(to: Destination, heartbeat: GroupHeartbeat): Promise<GroupHeartbeatAnswer>;
  /** The newest version of a request that a node knows; -1 when it knows none. */
  newestVersion(to: Destination, key: number): Promise<number>;
  commitOffsets(
    to: Destination,
    who: MemberIdentity,
    topic: string,
    offsets: readonly CommittedOffset[],
  ): Promise<void>;
  /** Committed positions by partition; one that was never committed is left out. */
  committedOffsets(
    to: Destination,
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, CommittedOffset>>;
  createTopic(
    to: Destination,
    topic: string,
    partitions: number,
    replicas: number,
    settings: TopicSettings,
  ): Promise<string>;
  deleteTopic(to: Destination, topic: string): Promise<void>;
  /** Drops what is in front of an offset, and answers with the protocol's number of an error; 0 when there is none. */
  deleteRecords(to: Destination, topic: string, partition: number, before: number): Promise<number>;
  addPartitions(to: Destination, topic: string, total: number): Promise<void>;
  topicSettings(to: Destination, topic: string, names: readonly string[]): Promise<TopicSettings>;
  setTopicSettings(to: Destination, topic: string, settings: TopicSettings): Promise<void>;
  newProducer(to: Destination, transactionalId: string | undefined, timeout: number): Promise<ProducerIds>;
  /** Says that a partition will be written to. Version 1 only. */
  addPartitionToTransaction(to: Destination, who: TransactionIdentity, topic: string, partition: number): Promise<void>;
  /** Says that positions of a group will be committed. Version 1 only. */
  addOffsetsToTransaction(to: Destination, who: TransactionIdentity, group: string): Promise<void>;
  commitOffsetsInTransaction(
    to: Destination,
    who: TransactionIdentity,
    member: MemberIdentity,
    topic: string,
    offsets: readonly CommittedOffset[],
  ): Promise<void>;
  /** Ends a transaction, and answers with who writes the next one: with version 2 it has a new epoch. */
  endTransaction(to: Destination, who: TransactionIdentity, how: "commit" | "abort"): Promise<ProducerIds>;
  /** The newest way to speak transactions that the whole cluster has agreed upon. */
  transactionVersion(to: Destination): Promise<TransactionVersion>;
  /** Closes the connections of one lane. */
  closeLane(lane: string): void;
  crc32c(bytes: Uint8Array): number;
  /** Takes records apart that were compressed; by the number that the protocol gives to each way of it. */
  decompress(compression: number, bytes: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What a broker gives a producer to be known by. */
export interface ProducerIds {
  readonly id: bigint;
  readonly epoch: number;
}
