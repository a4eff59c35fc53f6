import { checkAmount, checkInteger } from "../model/check.ts";
import { CallFaults } from "./callFaults.ts";
import type {
  AcknowledgeCall,
  AddPartitionsCall,
  AppendCall,
  ConsumerCall,
  CreateTopicCall,
  FetchCall,
  FindCall,
  JoinCall,
  NextSequenceCall,
  PartitionCall,
  ReadCall,
  TopicCall,
  TransactCall,
} from "./calls.ts";
import type { LeaseControl } from "./leaseControl.ts";

/** Whose lease is meant. */
export interface LeaseScope {
  /** The name of the topic. @default any */
  readonly topic?: string | undefined;
  /** The name of the consumer. @default any */
  readonly consumer?: string | undefined;
}

/** How a partition is taken away. */
export interface RevokeScope extends LeaseScope {
  /** Milliseconds between the release of the partition and its next lease; `Infinity` for no next one. @default 0 */
  readonly away?: number | undefined;
}

/**
 * The faults of a backend that was made by {@link withFaults}: one property for each call of the backend contract, and
 * what can happen to a consumer's lease. Without a fault the backend works as ever. All of it may be changed at any moment.
 *
 * @example
 * ```ts
 * import { lastValueFrom, of } from "rxjs";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { produce } from "sluice/operators";
 * import { FaultPlan, testTopic, withFaults } from "sluice/testing";
 *
 * const faults = new FaultPlan();
 * faults.append.delay(20);
 * const topic = testTopic<string>({ backend: withFaults(memoryBackend(), faults) });
 * const before = performance.now();
 * await lastValueFrom(of({ metadata: "slow" }).pipe(produce(topic)));
 * console.log(performance.now() - before > 15, faults.append.calls[0]?.partition); // true 0
 * ```
 */
export class FaultPlan {
  /** Faults of storing a batch. */
  readonly append = new CallFaults<AppendCall>();
  /** Faults of reading a batch. A read that waits for events is one call. */
  readonly read = new CallFaults<ReadCall>();
  /** Faults of bringing data. */
  readonly fetch = new CallFaults<FetchCall>();
  /** Faults of storing an acknowledgement. */
  readonly acknowledge = new CallFaults<AcknowledgeCall>();
  /** Faults of storing batches in one step with an acknowledgement. */
  readonly transact = new CallFaults<TransactCall>();
  /** Faults of joining a group. A delay is one of every lease that is granted. */
  readonly join = new CallFaults<JoinCall>();
  /** Faults of asking for the positions of a consumer. */
  readonly cursors = new CallFaults<ConsumerCall>();
  /** Faults of asking how far a partition reaches. */
  readonly bounds = new CallFaults<PartitionCall>();
  /** Faults of finding a position by time. */
  readonly find = new CallFaults<FindCall>();
  /** Faults of asking how far a producer's sequence has come. */
  readonly nextSequence = new CallFaults<NextSequenceCall>();
  /** Faults of sealing a topic. */
  readonly seal = new CallFaults<TopicCall>();
  /** Faults of adding partitions. */
  readonly addPartitions = new CallFaults<AddPartitionsCall>();
  /** Faults of creating a topic. */
  readonly createTopic = new CallFaults<CreateTopicCall>();
  /** Faults of opening a topic. */
  readonly openTopic = new CallFaults<TopicCall>();
  /** Faults of listing topics. */
  readonly listTopics = new CallFaults<object>();
  /** Faults of deleting a topic. */
  readonly deleteTopic = new CallFaults<TopicCall>();
  /** Faults of closing the backend. */
  readonly close = new CallFaults<object>();
  /** The leases that members own now. @internal */
  readonly leases = new Set<LeaseControl>();

  /**
   * Fences the owner of a partition, now and for good: what it acknowledges from here on is not stored and fails with
   * `ERR_FENCED`. It does not learn of it otherwise, and goes on reading.
   *
   * @param partition - The number of the partition.
   * @param scope - Whose. @default every owner of a partition of this number
   * @throws RangeError when nobody owns it.
   */
  fence(partition: number, scope: LeaseScope = {}): void {
    for (const lease of this.#leasesOf(partition, scope)) lease.fence();
  }

  /**
   * Begins a rebalance: asks the owner of a partition for it, now. The owner finishes what it holds and gives the partition
   * back; then it is granted to whoever is next, the same member again when it is the only one.
   *
   * @param partition - The number of the partition.
   * @param scope - Whose, and how long the partition is away. @default every owner of a partition of this number
   * @throws RangeError when nobody owns it.
   */
  revoke(partition: number, scope: RevokeScope = {}): void {
    const { away = 0 } = scope;
    checkAmount("away", away);
    for (const lease of this.#leasesOf(partition, scope)) lease.revoke(away);
  }

  /** Takes all faults of all calls back. A lease that was fenced stays so. */
  heal(): void {
    for (const faults of Object.values(this)) if (faults instanceof CallFaults) faults.heal();
  }

  #leasesOf(partition: number, { topic, consumer }: LeaseScope): readonly LeaseControl[] {
    checkInteger("partition", partition, 0);
    const leases = [...this.leases].filter(
      (lease) =>
        lease.partition === partition &&
        (topic === undefined || lease.topic === topic) &&
        (consumer === undefined || lease.consumer === consumer),
    );
    // A test that means to fence somebody must not pass because there was nobody.
    if (leases.length === 0)
      throw new RangeError(`'partition' must be one that a consumer owns: current value is ${partition}`);
    return leases;
  }
}
