import type { KafkaCluster, TopicRef } from "./cluster.ts";
import { dropBefore, Upkeep } from "./upkeep.ts";

/** Into how many pieces at least what is kept is divided: so much more than the rule says may be there. */
const pieces = 64;

/** What a batch of records takes, with the data that it refers to. */
export interface BatchSize {
  /** The offset behind it. */
  readonly next: number;
  /** Bytes of its records and their chunks. */
  readonly bytes: number;
  /** The first of these chunks; Infinity when it refers to none. */
  readonly firstChunk: number;
}

/** What the retention of a partition by size needs. */
export interface SizedRetentionHost {
  readonly cluster: KafkaCluster;
  readonly topic: TopicRef;
  readonly partition: number;
  /** The topic of the chunks, when there is one. */
  readonly companion: () => Promise<TopicRef | undefined>;
  /** Bytes that are kept: records with their data. */
  readonly maxBytes: number;
  /** Milliseconds for which a chunk stays that no record refers to: its record may be on its way. */
  readonly patience: number;
  /** Tells what the batches take from an offset on. */
  readonly readSizes: (from: number, tell: (size: BatchSize) => void) => Promise<void>;
}

/**
 * Keeps a partition whose data is in chunks within its size. Kafka would count records and chunks apart, and drop chunks whose
 * records are there still. So it is told to drop no chunk by itself: whoever stores chunks drops first the records that are too
 * many and then the chunks that no record refers to any more.
 */
export class SizedRetention {
  readonly #host: SizedRetentionHost;
  readonly #upkeep: Upkeep;
  /** What is there, oldest first, in pieces that are dropped as a whole. */
  #kept: BatchSize[] = [];
  #position = 0;
  /** Bytes that were stored since somebody looked. */
  #fresh = Infinity;

  constructor(host: SizedRetentionHost) {
    this.#host = host;
    this.#upkeep = new Upkeep(host.cluster, host.topic, () => this.drop());
  }

  /** So many bytes of chunks have been stored. */
  stored(bytes: number): void {
    this.#fresh += bytes;
    if (this.#fresh < this.#host.maxBytes / pieces) return;
    this.#fresh = 0;
    this.#upkeep.look();
  }

  /** Drops what is too much now. */
  async drop(): Promise<void> {
    const { cluster, topic, partition, patience, readSizes } = this.#host;
    const old = Date.now() - patience; // A record whose chunk is older than this is among those that are read now.
    const start = await this.#offsetAt(topic, -2);
    await readSizes(Math.max(start, this.#position), (size) => this.#add(size));
    const before = Math.min(this.#tooOld(), await this.#offsetAt(topic, -1));
    if (before > start) await dropBefore(cluster, topic, partition, before);
    this.#kept = this.#kept.filter(({ next }) => next > Math.max(start, before));
    const companion = await this.#host.companion();
    if (companion !== undefined) await this.#dropChunks(companion, old);
  }

  #add(size: BatchSize): void {
    this.#position = size.next;
    const last = this.#kept.at(-1);
    if (last === undefined || last.bytes + size.bytes > this.#host.maxBytes / pieces) return void this.#kept.push(size);
    const firstChunk = Math.min(last.firstChunk, size.firstChunk);
    this.#kept[this.#kept.length - 1] = { next: size.next, bytes: last.bytes + size.bytes, firstChunk };
  }

  /** The offset up to which there is more than is kept. */
  #tooOld(): number {
    let rest = this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
    let before = -1;
    for (const { next, bytes } of this.#kept) {
      if (rest - bytes < this.#host.maxBytes) break;
      rest -= bytes;
      before = next;
    }
    return before;
  }

  /** Drops the chunks in front of all that a record refers to, but none that is so young that its record may yet come. */
  async #dropChunks(companion: TopicRef, old: number): Promise<void> {
    const { cluster, partition } = this.#host;
    const [start, end] = await Promise.all([this.#offsetAt(companion, -2), this.#offsetAt(companion, -1)]);
    // Asked for after the end, so that there is nothing young in front of the end when there is nothing young at all.
    const young = await this.#offsetAt(companion, old);
    const before = Math.min(young < 0 ? end : young, ...this.#kept.map(({ firstChunk }) => firstChunk));
    if (before > start) await dropBefore(cluster, companion, partition, before);
  }

  #offsetAt(topic: TopicRef, time: number): Promise<number> {
    const { cluster, partition } = this.#host;
    return cluster.onLeader(topic, partition, (to) => cluster.client.offsetAt(to, topic.name, partition, time));
  }
}
