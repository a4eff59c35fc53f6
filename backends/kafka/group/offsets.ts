import type { CommittedOffset, Destination, MemberIdentity } from "../client/client.ts";
import { isKafkaError, protocolError } from "../client/kafkaError.ts";
import type { KafkaCluster, TopicRef } from "../cluster.ts";

/**
 * The positions that a group has acknowledged, by partition. Those of a topic that is no more are left out. It waits until
 * transactions are decided that move them.
 *
 * @param settle - Ends the transaction of an earlier owner of a partition, for who owns it now. @default it is waited for
 */
export async function acknowledgedOffsets(
  cluster: KafkaCluster,
  group: string,
  topic: TopicRef,
  partitions: readonly number[],
  settle?: (partition: number) => Promise<unknown>,
): Promise<ReadonlyMap<number, number>> {
  const ask = (to: Destination) => cluster.client.committedOffsets(to, group, topic.name, partitions);
  if (settle !== undefined) {
    const askOnce = (to: Destination) => ask(to).then(() => true, undecided);
    const isDecided = await cluster.onCoordinator("group", group, askOnce);
    if (!isDecided) await Promise.all(partitions.map(settle));
  }
  const stored = await cluster.onCoordinator("group", group, ask);
  const own = [...stored.values()].filter(({ note }) => note === "" || note === topic.id);
  return new Map(own.map(({ partition, offset }) => [partition, offset]));
}

function undecided(error: unknown): false {
  if (isKafkaError(error, protocolError.unstableOffsets)) return false;
  throw error;
}

interface Waiting {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Sends one request, and answers with what was refused. */
export type CommitOffsets = (offsets: readonly CommittedOffset[]) => Promise<ReadonlyMap<number, unknown>>;

/** Commits what is acknowledged: one request at a time, and everything that comes meanwhile goes with the next one. */
export class OffsetCommitter {
  readonly #topic: TopicRef;
  readonly #commit: CommitOffsets;
  readonly #stored = new Map<number, number>();
  #waiting = new Map<number, Waiting[]>();
  #isBusy = false;
  readonly #idle: (() => void)[] = [];

  constructor(topic: TopicRef, commit: CommitOffsets) {
    this.#topic = topic;
    this.#commit = commit;
  }

  /** The position that is known to be stored. */
  storedAt(partition: number): number | undefined {
    return this.#stored.get(partition);
  }

  /** Learns what is stored. */
  learn(partition: number, position: number | undefined): void {
    if (position === undefined) this.#stored.delete(partition);
    else this.#stored.set(partition, position);
  }

  /** Stores a position, unless one is stored that is not behind it. */
  store(partition: number, position: number): Promise<void> {
    if (position <= (this.#stored.get(partition) ?? -1)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(partition) ?? [];
      waiting.push({ position, resolve, reject });
      this.#waiting.set(partition, waiting);
      if (!this.#isBusy) {
        this.#isBusy = true;
        queueMicrotask(() => void this.#send());
      }
    });
  }

  /** Whether nothing is waiting to be stored. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Resolves when nothing is waiting to be stored. */
  settled(): Promise<void> {
    return this.#isBusy ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  async #send(): Promise<void> {
    while (this.#waiting.size > 0) {
      const round = this.#waiting;
      this.#waiting = new Map();
      const offsets = [...round].map(([partition, waiting]) => ({
        partition,
        offset: Math.max(this.#stored.get(partition) ?? 0, ...waiting.map(({ position }) => position)),
        note: this.#topic.id,
      }));
      const refused = await this.#commit(offsets).catch(
        (error: unknown) => new Map(offsets.map(({ partition }) => [partition, error])),
      );
      for (const { partition, offset } of offsets) {
        const isRefused = refused.has(partition);
        if (!isRefused) this.#stored.set(partition, offset);
        for (const { resolve, reject } of round.get(partition)!) {
          if (isRefused) reject(refused.get(partition));
          else resolve();
        }
      }
    }
    this.#isBusy = false;
    for (const idle of this.#idle.splice(0)) idle();
  }
}

/** Speaks for no member: works only while the group has none. */
export function nobody(group: string): MemberIdentity {
  return { group, member: "", generation: -1 };
}
