import { randomUUID } from "node:crypto";
import { SluiceError } from "../../../src/model/errors.ts";
import type { MemberIdentity } from "../client/client.ts";
import { isKafkaError, protocolError } from "../client/kafkaError.ts";
import { asUserError } from "../cluster.ts";
import { unlessAborted } from "../pause.ts";
import { expelled, Holdings } from "./holdings.ts";
import type { Member, MemberHost } from "./member.ts";

/** What a member says instead of an epoch when it leaves: for good, or to come back as the same instance. */
const leaving = { forGood: -1, forNow: -2 } as const;
/** The key of ConsumerGroupHeartbeat, and the version that lets members name themselves. */
const heartbeatApi = { key: 68, version: 1 } as const;
/** Milliseconds after which whoever has the same instance is not only late with its goodbye. Sessions last 45 s by default. */
const longestSession = 60_000;

/**
 * One member of a group of Kafka, by the protocol of KIP-848: the broker shares the partitions, and every member learns its share
 * from the answers to its heartbeats. A partition that is missing from them is drained first; it is somebody else's when a
 * heartbeat has said that it is given back. The epoch of the member fences whoever the broker has given up.
 */
export class ConsumerMember implements Member {
  readonly #host: MemberHost;
  readonly #holdings: Holdings;
  #member = randomUUID();
  #epoch = 0;
  #given: readonly number[] = [];
  #beat: Promise<unknown> | undefined;
  #partitions = 0;
  /** Since when somebody of the same instance is in its way. */
  #waitsSince: number | undefined;

  constructor(host: MemberHost) {
    this.#host = host;
    this.#holdings = new Holdings(host, {
      identity: () => this.#identity,
      nextEpoch: () => this.#beat ?? this.#holdings.nudge.pause(20),
    });
  }

  run(): Promise<void> {
    return this.#holdings.ticking(async () => {
      await this.#checkBroker();
      this.#partitions = await this.#host.countPartitions();
      let looked = Date.now();
      while (!this.#holdings.isLeaving) {
        const beat = this.#heartbeat();
        this.#beat = beat.catch(() => undefined);
        const interval = await beat;
        this.#beat = undefined;
        const { options, topic } = this.#host;
        const pause = Math.min(interval, options.heartbeatInterval);
        const woken = await unlessAborted(this.#holdings.nudge.wait(pause), topic.gone.signal);
        if (woken !== "look" && Date.now() - looked <= options.metadataMaxAge) continue;
        looked = Date.now();
        this.#partitions = await this.#host.countPartitions();
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
      const { cluster, group, options } = this.#host;
      await this.#beat;
      if (this.#epoch <= 0) return;
      const epoch = options.instance === undefined ? leaving.forGood : leaving.forNow;
      const gone = cluster.onCoordinator("group", group, ({ node }) => this.#send(node, epoch, []));
      await gone.catch(() => undefined); // A group that cannot be told will notice.
    });
  }

  /** Tells the group what is held, takes what it gives, and answers with how long to wait. */
  async #heartbeat(): Promise<number> {
    const { cluster, group, topic, options } = this.#host;
    const sent = Date.now();
    this.#holdings.endReleased();
    const held = this.#holdings.leases.map(({ partition }) => partition);
    try {
      const send = ({ node }: { node: number }) => this.#send(node, this.#epoch, held);
      const answer = await cluster.onCoordinator("group", group, send, topic.gone.signal);
      this.#epoch = answer.epoch;
      this.#waitsSince = undefined;
      this.#holdings.liveness.heard(sent);
      this.#given = answer.assignment ?? this.#given;
      if (this.#given.some((partition) => partition >= this.#partitions)) {
        this.#partitions = await this.#host.countPartitions();
      }
      await this.#holdings.take(this.#given, this.#epoch);
      return answer.interval;
    } catch (error) {
      if (isKafkaError(error, protocolError.fencedInstance)) throw this.#holdings.replaced(error);
      if (isKafkaError(error, protocolError.unreleasedInstance)) {
        // Somebody was here under the same instance and has not said goodbye: its session has to end first.
        this.#waitsSince ??= sent;
        if (sent - this.#waitsSince > longestSession) throw this.#holdings.replaced(error);
        return options.heartbeatInterval;
      }
      if (!isKafkaError(error, ...expelled) && !this.#holdings.liveness.isUnheard) {
        throw asUserError(`stay in group "${group}"`, error);
      }
      await this.#loseAll();
      return 0;
    }
  }

  #send(node: number, epoch: number, held: readonly number[]) {
    const { cluster, group, topic, options } = this.#host;
    // Everything is said every time: an answer that was lost costs nothing then.
    const request = {
      group,
      member: this.#member,
      epoch,
      instance: options.instance,
      rebalanceTimeout: options.rebalanceTimeout,
      topic,
      held,
    };
    return cluster.client.groupHeartbeat({ node, lane: "heartbeats" }, request);
  }

  get #identity(): MemberIdentity {
    const { group, options } = this.#host;
    const [member, generation, instance] = [this.#member, this.#epoch, options.instance];
    return { group, member, generation, instance, protocol: "consumer" };
  }

  async #loseAll(): Promise<void> {
    this.#member = randomUUID();
    this.#epoch = 0;
    this.#given = [];
    await this.#holdings.loseAll();
  }

  async #checkBroker(): Promise<void> {
    const { cluster, group, consumer, wanted, topic } = this.#host;
    if (wanted !== undefined) {
      const problem = `Consumer "${consumer}" cannot choose partitions: by the protocol "consumer" the broker shares all of them`;
      throw new SluiceError("ERR_UNSUPPORTED", problem, { details: { consumer, partitions: wanted } });
    }
    const look = (to: { node: number }) => cluster.client.newestVersion(to, heartbeatApi.key);
    const newest = await cluster.onCoordinator("group", group, look, topic.gone.signal);
    if (newest >= heartbeatApi.version) return;
    throw new SluiceError("ERR_UNSUPPORTED", 'The protocol "consumer" needs brokers of Apache Kafka 4.0 or newer', {
      details: { groupProtocol: "consumer" },
    });
  }
}
