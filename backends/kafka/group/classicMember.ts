import type { Joined, MemberIdentity } from "../client/client.ts";
import { isKafkaError, protocolError } from "../client/kafkaError.ts";
import { asUserError } from "../cluster.ts";
import { unlessAborted } from "../pause.ts";
import { assign } from "./assign.ts";
import { expelled, Holdings } from "./holdings.ts";
import type { Member, MemberHost } from "./member.ts";
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from "./subscription.ts";

/** The name of the assignor that members of Sluice share. */
const protocol = "sluice";

/**
 * One member of a group of Kafka, by its classic protocol. A partition is drained by its old owner before it goes to the new
 * one (see `assign`); the generation fences whoever did not give it back in time.
 */
export class ClassicMember implements Member {
  readonly #host: MemberHost;
  readonly #holdings: Holdings;
  #member = "";
  #generation = -1;
  #joining: Promise<unknown> | undefined;
  #partitions = 0;

  constructor(host: MemberHost) {
    this.#host = host;
    this.#holdings = new Holdings(host, {
      identity: () => this.#identity,
      nextEpoch: () => this.#joining ?? this.#holdings.nudge.pause(20),
    });
  }

  run(): Promise<void> {
    return this.#holdings.ticking(async () => {
      while (!this.#holdings.isLeaving) {
        const joining = this.#join();
        this.#joining = joining.catch(() => undefined);
        const isIn = await joining;
        this.#joining = undefined;
        if (isIn) await this.#stay();
      }
    });
  }

  checkClock(): void {
    this.#holdings.checkClock();
  }

  lookAgain(): void {
    this.#holdings.nudge.wake("look");
  }

  leave(): Promise<void> {
    return this.#holdings.leave(async () => {
      if (this.#member !== "") await this.#leaveGroup(this.#member);
      this.#host.cluster.client.closeLane(this.#host.lane);
    });
  }

  async #join(): Promise<boolean> {
    const { cluster, topic, group, wanted, lane, options } = this.#host;
    const { client } = cluster;
    this.#partitions = await this.#host.countPartitions();
    const owned = this.#holdings.held;
    const subscription = {
      topic: topic.name,
      wanted,
      owned,
      generation: this.#generation,
      partitions: this.#partitions,
    };
    const { sessionTimeout, rebalanceTimeout, instance } = options;
    const request = {
      group,
      instance,
      sessionTimeout,
      rebalanceTimeout,
      protocol,
      metadata: encodeSubscription(subscription),
    };
    try {
      const send = ({ node }: { node: number }) =>
        client.joinGroup({ node, lane }, { ...request, member: this.#member });
      const { liveness } = this.#holdings;
      const joined = await liveness.excuse(cluster.onCoordinator("group", group, send, topic.gone.signal));
      this.#member = joined.member;
      if (this.#holdings.isLeaving) {
        await this.#leaveGroup(joined.member); // It left while it was joining: somebody has to say so.
        return false;
      }
      if (joined.generation < 0) return await this.#join();
      const who = { group, member: joined.member, generation: joined.generation, instance };
      const assignments = joined.isLeader ? await this.#share(joined) : [];
      const heard = Date.now();
      const assignment = await cluster.onCoordinator(
        "group",
        group,
        ({ node }) => client.syncGroup({ node, lane }, who, protocol, assignments),
        topic.gone.signal,
      );
      this.#generation = joined.generation;
      liveness.heard(heard);
      await this.#take(decodeAssignment(assignment, topic.name), owned);
      return true;
    } catch (error) {
      if (isKafkaError(error, protocolError.rebalanceInProgress)) return false;
      if (isKafkaError(error, protocolError.fencedInstance)) throw this.#holdings.replaced(error);
      if (!isKafkaError(error, ...expelled)) throw asUserError(`join group "${group}"`, error);
      if (!this.#holdings.isLeaving) await this.#loseAll();
      return false;
    }
  }

  /** Shares the partitions, as the leader of the group. */
  async #share({ members }: Joined): Promise<{ readonly member: string; readonly assignment: Uint8Array }[]> {
    const { cluster, topic } = this.#host;
    const claims = members.map(({ member, metadata }) => decodeSubscription(member, metadata));
    const counts = new Map<string, number>();
    for (const name of new Set(claims.flatMap(({ topics }) => [...topics.keys()]))) {
      const own = name === topic.name;
      counts.set(name, own ? this.#partitions : ((await cluster.topic(name))?.partitions.length ?? 0));
    }
    const shared = assign(claims, counts);
    return [...shared].map(([member, assignment]) => ({ member, assignment: encodeAssignment(assignment) }));
  }

  /** Takes what the group gives in this generation. */
  async #take(given: readonly number[], owned: readonly number[]): Promise<void> {
    for (const lease of this.#holdings.leases) {
      if (lease.state !== "released") continue;
      // What was given back before it joined is somebody else's now; what was given back since is said next time.
      if (owned.includes(lease.partition)) this.#holdings.nudge.wake("join");
      else this.#holdings.end(lease);
    }
    if (given.some((partition) => partition >= this.#partitions)) this.#partitions = await this.#host.countPartitions();
    await this.#holdings.take(given, this.#generation);
  }

  /** Sends heartbeats until there is a reason to join again. */
  async #stay(): Promise<void> {
    const { cluster, group, options, topic } = this.#host;
    let looked = Date.now();
    while (!this.#holdings.isLeaving) {
      const woken = await unlessAborted(this.#holdings.nudge.wait(options.heartbeatInterval), topic.gone.signal);
      if (woken === "join") return;
      if (woken === "look" || Date.now() - looked > options.metadataMaxAge) {
        looked = Date.now();
        if ((await this.#host.countPartitions()) !== this.#partitions) return;
      }
      try {
        const [who, sent] = [this.#identity, Date.now()];
        // Over a connection of their own: a join may wait for minutes, and a heartbeat that is lost has to be missed soon.
        const send = ({ node }: { node: number }) => cluster.client.heartbeat({ node, lane: "heartbeats" }, who);
        await cluster.onCoordinator("group", group, send, topic.gone.signal);
        this.#holdings.liveness.heard(sent);
      } catch (error) {
        if (isKafkaError(error, protocolError.rebalanceInProgress)) return;
        if (isKafkaError(error, protocolError.fencedInstance)) throw this.#holdings.replaced(error);
        const isOver = isKafkaError(error, ...expelled) || this.#holdings.liveness.isUnheard;
        if (!isOver) throw asUserError(`stay in group "${group}"`, error);
        return this.#loseAll();
      }
    }
  }

  get #identity(): MemberIdentity {
    const { group, options } = this.#host;
    return { group, member: this.#member, generation: this.#generation, instance: options.instance };
  }

  async #loseAll(): Promise<void> {
    this.#member = "";
    this.#generation = -1;
    await this.#holdings.loseAll();
  }

  /** Says goodbye. A static member does not: it is expected to be back before its session ends. */
  async #leaveGroup(member: string): Promise<void> {
    const { cluster, group, options } = this.#host;
    if (options.instance !== undefined) return;
    const who = { ...this.#identity, member };
    // One attempt: a group that cannot be told will notice.
    const gone = cluster.onCoordinator("group", group, (to) => cluster.client.leaveGroup(to, who));
    await gone.catch(() => undefined);
  }
}
