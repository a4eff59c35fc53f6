import type { Lease, TransactionAppend } from "../../../src/model/backend.ts";
import type { Appended } from "../../../src/model/batch.ts";
import type { KafkaCluster, TopicRef } from "../cluster.ts";
import type { TransactionalProducer } from "../transactions/transactionalProducer.ts";

/** How a member behaves in its group. */
export interface MemberOptions {
  /** Milliseconds without a heartbeat after which the group gives a member up. */
  readonly sessionTimeout: number;
  /** Milliseconds that the members have to join again, or to give back what is to move. */
  readonly rebalanceTimeout: number;
  /** Milliseconds between heartbeats. */
  readonly heartbeatInterval: number;
  /** Milliseconds after which a member looks whether its topic has new partitions. */
  readonly metadataMaxAge: number;
  /** A name that outlives the process, for static membership. */
  readonly instance: string | undefined;
}

/** What a member needs of its topic. */
export interface MemberHost {
  readonly cluster: KafkaCluster;
  readonly topic: TopicRef;
  /** The name of the consumer, for messages. */
  readonly consumer: string;
  readonly group: string;
  readonly wanted: readonly number[] | undefined;
  /** A name for its connection. */
  readonly lane: string;
  readonly options: MemberOptions;
  /** How many partitions there are; looks them up, so that the topic knows them all. */
  readonly countPartitions: () => Promise<number>;
  /** Called when acknowledgements have been stored. */
  readonly acknowledged: () => void;
  readonly granted: (leases: readonly Lease[]) => void;
  /** Stores a batch as a part of a transaction. Fails with `ERR_UNSUPPORTED` when its topic is not of this connection. */
  readonly storeIn: (producer: TransactionalProducer, append: TransactionAppend) => Promise<Appended>;
  /** Makes what writes the transactions of a partition. */
  readonly makeProducer: (partition: number) => TransactionalProducer;
}

/** One member of a group. */
export interface Member {
  /** Stays in the group until it leaves. Rejects when it cannot. */
  run(): Promise<void>;
  /** Leaves the group, as soon as everything that was acknowledged is stored. */
  leave(): Promise<void>;
  /** Looks at the topic at once, since its partitions have changed. */
  lookAgain(): void;
  /** Begins to give everything back when the group may have given the member up without a word. */
  checkClock(): void;
}
