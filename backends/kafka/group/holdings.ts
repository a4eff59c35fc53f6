import type { TransactionAppend } from "../../../src/model/backend.ts";
import type { Appended } from "../../../src/model/batch.ts";
import { checkTransaction } from "../../../src/model/checkTransaction.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { alreadyAcknowledged } from "../../../src/model/group.ts";
import { settleAll } from "../../../src/model/settleAll.ts";
import type { CommittedOffset, MemberIdentity, TransactionIdentity } from "../client/client.ts";
import { isKafkaError, protocolError } from "../client/kafkaError.ts";
import { asUserError } from "../cluster.ts";
import { unlessAborted } from "../pause.ts";
import { isReplaced, type TransactionalProducer } from "../transactions/transactionalProducer.ts";
import { fenced, KafkaLease } from "./kafkaLease.ts";
import { Liveness } from "./liveness.ts";
import type { MemberHost } from "./member.ts";
import { Nudge } from "./nudge.ts";
import { acknowledgedOffsets, nobody, OffsetCommitter } from "./offsets.ts";

/** The group has given a member up, or knows it by another epoch. */
export const expelled: readonly number[] = [
  protocolError.unknownMember,
  protocolError.illegalGeneration,
  protocolError.fencedMemberEpoch,
  protocolError.staleMemberEpoch,
];

/** What a group says while a new epoch is on its way. */
const changes: readonly number[] = [protocolError.rebalanceInProgress, protocolError.fencedInstance, ...expelled];

/** Who speaks to the group, whatever protocol it is. */
export interface Speaker {
  /** Who it is by now. */
  readonly identity: () => MemberIdentity;
  /** Settles when the group may have answered with a new epoch. */
  readonly nextEpoch: () => Promise<unknown>;
}

/** What one member of a group holds: its leases, and what it acknowledges in them. */
export class Holdings {
  readonly liveness: Liveness;
  /** Wakes the member: there is something to tell the group. */
  readonly nudge = new Nudge();
  readonly #host: MemberHost;
  readonly #speaker: Speaker;
  readonly #committer: OffsetCommitter;
  readonly #leases = new Map<number, KafkaLease>();
  /** What writes the transactions of each lease. */
  readonly #producers = new WeakMap<KafkaLease, TransactionalProducer>();
  readonly #transactions = new Set<Promise<unknown>>();
  #hasEmitted = false;
  #leaving: Promise<void> | undefined;

  constructor(host: MemberHost, speaker: Speaker) {
    this.#host = host;
    this.#speaker = speaker;
    this.liveness = new Liveness(host.options.sessionTimeout);
    this.#committer = new OffsetCommitter(host.topic, (offsets) => this.#commit(offsets));
  }

  get isLeaving(): boolean {
    return this.#leaving !== undefined;
  }

  /** The leases that there are, also of partitions that are being given back. */
  get leases(): readonly KafkaLease[] {
    return [...this.#leases.values()];
  }

  /** The partitions that have not been given back. */
  get held(): readonly number[] {
    return this.leases.filter(({ state }) => state === "held").map(({ partition }) => partition);
  }

  /** Lets the clock tick for as long as a member runs. */
  async ticking(run: () => Promise<void>): Promise<void> {
    const clock = setInterval(() => {
      this.checkClock();
      this.liveness.tick();
    }, this.#host.options.heartbeatInterval);
    try {
      await run();
    } finally {
      clearInterval(clock);
    }
  }

  /** Leaves, as soon as everything that was acknowledged is stored. */
  leave(goodbye: () => Promise<void>): Promise<void> {
    this.#leaving ??= this.#settled().then(goodbye);
    this.nudge.wake("join");
    return this.#leaving;
  }

  /**
   * Begins to give back what it holds when others may own it by now. It is asked in front of every delivery: who wakes up after
   * a long sleep finds events in its memory that are somebody else's.
   */
  checkClock(): void {
    if (!this.liveness.isInDoubt) return;
    for (const lease of this.leases) if (lease.state === "held") lease.revoke();
  }

  /** Takes leases of partitions that it does not have yet, and begins to give back those that are missing among `given`. */
  async take(given: readonly number[], epoch: number): Promise<void> {
    for (const lease of this.leases) if (!given.includes(lease.partition)) lease.revoke();
    const fresh = given.filter((partition) => !this.#leases.has(partition));
    const { cluster, group, topic } = this.#host;
    const stored =
      fresh.length === 0
        ? new Map<number, number>()
        : await acknowledgedOffsets(cluster, group, topic, fresh, (partition) =>
            this.#host.makeProducer(partition).begin(),
          );
    const leases = fresh.map((partition) => {
      const position = stored.get(partition);
      this.#committer.learn(partition, position);
      const lease = new KafkaLease(partition, epoch, position, {
        acknowledge: (of, to) => this.#acknowledge(of, to),
        transact: (of, to, appends) => this.#transact(of, to, appends),
        released: () => this.nudge.wake("join"),
        confirm: () => this.checkClock(),
      });
      this.#leases.set(partition, lease);
      return lease;
    });
    if (this.isLeaving || (this.#hasEmitted && leases.length === 0)) return;
    this.#hasEmitted = true;
    this.#host.granted(leases);
  }

  /** Somebody else may have a partition from now on. */
  end(lease: KafkaLease): void {
    lease.state = "lost";
    this.#leases.delete(lease.partition);
  }

  /**
   * Ends what was given back, unless something is being acknowledged: that comes first, and wakes the member when it is done. It
   * is called before the group is told, since the broker fences members and not partitions.
   */
  endReleased(): void {
    const released = this.leases.filter(({ state }) => state === "released");
    if (released.length === 0) return;
    if (this.#committer.isIdle && this.#transactions.size === 0) for (const lease of released) this.end(lease);
    else void this.#settled().then(() => this.nudge.wake("join"));
  }

  /** The group has given this member up: others may own what it had. Resolves when nobody works on that any more. */
  async loseAll(): Promise<void> {
    const held = this.leases.filter(({ state }) => state === "held");
    for (const lease of held) lease.revoke();
    this.endAll();
    const given = new Set<KafkaLease>();
    for (const lease of held) lease.whenGivenUp(() => (given.add(lease), this.nudge.wake("join")));
    while (given.size < held.length && !this.isLeaving) {
      await unlessAborted(this.nudge.wait(Infinity), this.#host.topic.gone.signal);
    }
    this.#leases.clear();
  }

  /** Somebody else has come under the same instance. Both would throw each other out for ever, so this one ends. */
  replaced(cause: unknown): SluiceError {
    this.endAll();
    const { consumer, options } = this.#host;
    const problem = `Consumer "${consumer}" was replaced: somebody else has joined its group as instance "${options.instance}"`;
    return new SluiceError("ERR_FENCED", problem, { cause, details: { consumer, instance: options.instance } });
  }

  /** Nothing of it can be acknowledged any more. */
  endAll(): void {
    for (const lease of this.leases) lease.state = "lost";
  }

  /** Resolves when nothing is being acknowledged, on its own or in a transaction. */
  async #settled(): Promise<void> {
    await Promise.all(this.#transactions);
    await this.#committer.settled();
  }

  /** Whoever has left commits nothing: the brokers would fence it no more. */
  async #transact(
    lease: KafkaLease,
    position: number,
    appends: readonly TransactionAppend[],
  ): Promise<readonly Appended[]> {
    checkTransaction(appends);
    if (lease.state === "lost" || this.isLeaving) throw fenced(this.#host.consumer, lease);
    const work = this.#transactNow(lease, position, appends);
    const held = work.catch(() => undefined).finally(() => this.#transactions.delete(held));
    this.#transactions.add(held);
    return work;
  }

  async #transactNow(lease: KafkaLease, position: number, appends: readonly TransactionAppend[]) {
    const { cluster, consumer, group, topic, makeProducer, storeIn } = this.#host;
    const { partition } = lease;
    const producer = this.#producers.get(lease) ?? makeProducer(partition);
    this.#producers.set(lease, producer);
    try {
      if (producer.isNew) {
        await producer.begin();
        // Only now it is certain what came of all that was before.
        const stored = await acknowledgedOffsets(cluster, group, topic, [partition]);
        this.#committer.learn(partition, stored.get(partition));
      }
      const stored = this.#committer.storedAt(partition);
      if (stored !== undefined && position <= stored) throw alreadyAcknowledged(consumer, partition, position, stored);
      const appended = await producer.run(
        () => settleAll(appends.map((append) => storeIn(producer, append))),
        (who) => this.#commitIn(who, lease, position),
      );
      this.#committer.learn(partition, position);
      this.#host.acknowledged();
      return appended;
    } catch (error) {
      if (isReplaced(error)) throw fenced(consumer, lease, error);
      throw asUserError(`commit a transaction in group "${group}"`, error);
    }
  }

  /** Commits a position as a part of a transaction, in the epoch that there is, and again in the next one. */
  async #commitIn(who: TransactionIdentity, lease: KafkaLease, position: number): Promise<void> {
    const { cluster, group, topic, options, consumer } = this.#host;
    const { client } = cluster;
    if (who.version === 1) {
      await cluster.onCoordinator("transaction", who.transactionalId, (to) =>
        client.addOffsetsToTransaction(to, who, group),
      );
    }
    const offset = { partition: lease.partition, offset: position, note: topic.id };
    const until = Date.now() + options.rebalanceTimeout;
    for (;;) {
      if (lease.state === "lost") throw fenced(consumer, lease);
      const member = this.#speaker.identity();
      try {
        const commit = (to: { node: number }) =>
          client.commitOffsetsInTransaction(to, who, member, topic.name, [offset]);
        return await cluster.onCoordinator("group", group, commit, topic.gone.signal);
      } catch (error) {
        if (!isKafkaError(error, ...changes) || Date.now() > until) throw error;
        this.nudge.wake("join");
        await Promise.race([this.#speaker.nextEpoch(), this.nudge.pause(200)]);
      }
    }
  }

  async #acknowledge(lease: KafkaLease, position: number): Promise<void> {
    if (lease.state === "lost") throw fenced(this.#host.consumer, lease);
    if (this.#leaving !== undefined) return this.#acknowledgeLate(lease, position);
    await this.#committer.store(lease.partition, position);
  }

  /** Stores what is acknowledged after the member has left: that works for as long as the group is empty. */
  async #acknowledgeLate(lease: KafkaLease, position: number): Promise<void> {
    const { cluster, group, topic, consumer } = this.#host;
    await this.#leaving;
    const stored = await acknowledgedOffsets(cluster, group, topic, [lease.partition]);
    if (position <= (stored.get(lease.partition) ?? -1)) return;
    const offset = { partition: lease.partition, offset: position, note: topic.id };
    try {
      await cluster.onCoordinator("group", group, (to) =>
        cluster.client.commitOffsets(to, nobody(group), topic.name, [offset]),
      );
    } catch (error) {
      if (isKafkaError(error, ...expelled, protocolError.fencedInstance)) throw fenced(consumer, lease, error);
      throw asUserError(`acknowledge in group "${group}"`, error);
    }
  }

  /** Commits positions in the epoch that there is, and again in the next one when it changes meanwhile. */
  async #commit(offsets: readonly CommittedOffset[]): Promise<ReadonlyMap<number, unknown>> {
    const { cluster, group, topic, options, consumer } = this.#host;
    const refused = new Map<number, unknown>();
    const until = Date.now() + options.rebalanceTimeout;
    for (;;) {
      const who = this.#speaker.identity();
      const own = offsets.filter(({ partition }) => this.#owns(partition));
      for (const { partition } of offsets) {
        if (!this.#owns(partition)) refused.set(partition, fenced(consumer, { partition, epoch: who.generation }));
      }
      if (own.length === 0) return refused;
      try {
        const commit = (to: { node: number }) => cluster.client.commitOffsets(to, who, topic.name, own);
        await cluster.onCoordinator("group", group, commit, topic.gone.signal);
        this.#host.acknowledged();
        return refused;
      } catch (error) {
        if (!isKafkaError(error, ...changes) || Date.now() > until) {
          throw asUserError(`acknowledge in group "${group}"`, error);
        }
        // A new epoch is on its way. When it is there, the partition is still ours or it is not.
        this.nudge.wake("join");
        await Promise.race([this.#speaker.nextEpoch(), this.nudge.pause(200)]);
      }
    }
  }

  #owns(partition: number): boolean {
    const lease = this.#leases.get(partition);
    return lease !== undefined && lease.state !== "lost";
  }
}
