import type { KafkaCluster, TopicRef } from "./cluster.ts";
import { acknowledgedOffsets } from "./group/offsets.ts";
import { dropBefore, Upkeep } from "./upkeep.ts";

/** What the retention of a topic by acknowledgement needs. */
export interface AcknowledgedRetentionHost {
  readonly cluster: KafkaCluster;
  readonly topic: TopicRef;
  /** The groups of the consumers that all have to have acknowledged what goes. */
  readonly groups: readonly string[];
  readonly countPartitions: () => number;
  /** The topic of the chunks, when there is one. */
  readonly companion: () => Promise<TopicRef | undefined>;
  /** Milliseconds after which no producer is at work any more on an event whose chunks are stored. */
  readonly patience: number;
}

/** Chunks that may go: those before `chunks`, when everything before `records` has been acknowledged. */
interface ChunkBound {
  readonly chunks: number;
  readonly since: number;
  readonly records?: number;
}

/**
 * Drops what all consumers of a retention rule have acknowledged (`DeleteRecords`). Kafka knows no such rule: whoever
 * acknowledges as one of these consumers looks after it, every now and then.
 */
export class AcknowledgedRetention {
  readonly #host: AcknowledgedRetentionHost;
  readonly #dropped = new Map<number, number>();
  readonly #bounds = new Map<number, ChunkBound>();
  readonly #upkeep: Upkeep;

  constructor(host: AcknowledgedRetentionHost) {
    this.#host = host;
    this.#upkeep = new Upkeep(host.cluster, host.topic, () => this.drop());
  }

  /** Something has been acknowledged. */
  look(): void {
    this.#upkeep.look();
  }

  /** Drops what may go now. */
  async drop(): Promise<void> {
    const { cluster, topic, groups, countPartitions } = this.#host;
    const all = Array.from({ length: countPartitions() }, (_, partition) => partition);
    const stored = await Promise.all(groups.map((group) => acknowledgedOffsets(cluster, group, topic, all)));
    const companion = await this.#host.companion();
    for (const partition of all) {
      const acknowledged = Math.min(...stored.map((offsets) => offsets.get(partition) ?? 0));
      if (acknowledged > (this.#dropped.get(partition) ?? 0)) {
        await dropBefore(cluster, topic, partition, acknowledged);
        this.#dropped.set(partition, acknowledged);
      }
      if (companion !== undefined) await this.#dropChunks(companion, partition, acknowledged);
    }
  }

  /**
   * Producers store chunks of several events at the same time, so those of a later event may lie in front of those of an earlier
   * one. But the chunks that are there now belong to records that are there when no producer can be at work on them any more.
   */
  async #dropChunks(companion: TopicRef, partition: number, acknowledged: number): Promise<void> {
    const bound = this.#bounds.get(partition);
    if (bound === undefined) {
      this.#bounds.set(partition, { chunks: await this.#end(companion, partition), since: Date.now() });
    } else if (bound.records === undefined) {
      if (Date.now() - bound.since < this.#host.patience) return;
      this.#bounds.set(partition, { ...bound, records: await this.#end(this.#host.topic, partition) });
    } else if (acknowledged >= bound.records) {
      await dropBefore(this.#host.cluster, companion, partition, bound.chunks);
      this.#bounds.delete(partition);
    }
  }

  #end(topic: TopicRef, partition: number): Promise<number> {
    const { cluster } = this.#host;
    return cluster.onLeader(topic, partition, (to) =>
      cluster.client.offsetAt(to, topic.name, partition, -1, "uncommitted"),
    );
  }
}
