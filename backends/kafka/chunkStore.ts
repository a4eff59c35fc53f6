import { SluiceError } from "../../src/model/errors.ts";
import { copyInto } from "../../src/model/selectBytes.ts";
import type { EventBatch } from "../../src/model/batch.ts";
import { KafkaError, protocolError } from "./client/kafkaError.ts";
import type { KafkaCluster, TopicRef } from "./cluster.ts";
import type { Fetcher } from "./fetcher.ts";
import { findBatches, readRecords } from "./records/decodeBatches.ts";
import { formatChunks, type ChunkList } from "./records/location.ts";
import { RecordParts, RecordView } from "./records/recordParts.ts";
import type { DataWalker } from "./records/slices.ts";
import { RecordSink, type BatchSink, type SinkOptions } from "./recordSink.ts";

/** How many chunks are stored or fetched at the same time. */
const atOnce = 8;

/** What the chunks of one partition need. */
export interface ChunkStoreOptions extends SinkOptions {
  /** Bytes of a chunk. */
  readonly chunkBytes: number;
  /** The topic of the chunks; made when the first one is stored. */
  readonly companion: (how: "make" | "find") => Promise<TopicRef | undefined>;
  /** What stores them, where they are part of a transaction. @default each batch for itself */
  readonly sink?: ((topic: TopicRef) => BatchSink) | undefined;
  /** Hears how many bytes were stored. @default nobody */
  readonly stored?: ((bytes: number) => void) | undefined;
}

/**
 * Large data of one partition, cut into chunks that are records of a companion topic, each a batch of its own: so a view
 * fetches the chunks that it touches and no others.
 */
export class ChunkStore {
  readonly #cluster: KafkaCluster;
  readonly #fetcher: Fetcher;
  readonly #partition: number;
  readonly #options: ChunkStoreOptions;
  #sink: BatchSink | undefined;

  constructor(cluster: KafkaCluster, fetcher: Fetcher, partition: number, options: ChunkStoreOptions) {
    this.#cluster = cluster;
    this.#fetcher = fetcher;
    this.#partition = partition;
    this.#options = options;
  }

  /** Stores the data of one event, and says where it is. */
  async store(batch: EventBatch, data: DataWalker, index: number): Promise<string> {
    const { chunkBytes } = this.#options;
    const size = data.sizeAt(index);
    const topic = (await this.#options.companion("make"))!;
    this.#sink ??= this.#options.sink?.(topic) ?? new RecordSink(this.#cluster, topic, this.#partition, this.#options);
    const offsets: number[] = [];
    const sent: Promise<number>[] = [];
    // A few at a time: each is a copy of its bytes until it is stored.
    const settleOne = async () => void offsets.push(await sent.shift()!);
    try {
      for (let from = 0; from < size; from += chunkBytes) {
        if (sent.length >= atOnce) await settleOne();
        const parts = new RecordParts();
        data.addTo(parts.value, index, from, Math.min(chunkBytes, size - from));
        const encoder = this.#sink.newBatch(parts.value.length + 32);
        encoder.add(batch.timestamps[index]!, parts);
        sent.push(this.#sink.send(encoder));
      }
      while (sent.length > 0) await settleOne();
    } catch (error) {
      await Promise.allSettled(sent);
      throw error;
    }
    this.#options.stored?.(size);
    return formatChunks({ size, chunkBytes, runs: runsOf(offsets) });
  }

  /** Fetches ranges of the data of an event. */
  async fetch(
    chunks: ChunkList,
    ranges: Float64Array,
    into: readonly Uint8Array[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    const topic = await this.#options.companion("find");
    if (topic === undefined) throw notStored(this.#partition);
    const offsets = chunks.runs.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
    const touched = [...touchedChunks(ranges, chunks.chunkBytes)];
    const bytes = new Map<number, Uint8Array>();
    const fetchNext = async (): Promise<void> => {
      for (let index = touched.shift(); index !== undefined; index = touched.shift()) {
        bytes.set(index, await this.#chunk(topic, offsets[index]!, chunks.chunkBytes, signal));
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, touched.length) }, fetchNext));
    const parts = partsOf(ranges, chunks.chunkBytes, bytes);
    if (into === undefined) return parts;
    copyInto(parts, into);
    return into;
  }

  async #chunk(topic: TopicRef, offset: number, chunkBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const { client } = this.#cluster;
    return this.#cluster.onLeader(topic, this.#partition, async (to) => {
      const maxBytes = chunkBytes + 1024;
      const wish = { topicId: topic.id, partition: this.#partition, offset, maxBytes };
      const { error, records } = await this.#fetcher.fetch(to.node, wish, signal);
      if (error === protocolError.offsetOutOfRange) throw notStored(this.#partition);
      if (error !== 0) throw new KafkaError(`The broker refused a chunk with error ${error}`, error);
      let found: Uint8Array | undefined;
      for (const batch of findBatches(records, (bytes) => client.crc32c(bytes))) {
        if (batch.baseOffset > offset || batch.next <= offset) continue;
        const plain =
          batch.compression === 0 ? batch.records : await client.decompress(batch.compression, batch.records);
        readRecords(batch, plain, new RecordView(), (record) => {
          if (record.offset === offset) found = record.value;
        });
      }
      if (found === undefined) throw notStored(this.#partition);
      return found;
    });
  }
}

function runsOf(offsets: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const offset of offsets) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === offset) last[1]++;
    else runs.push([offset, 1]);
  }
  return runs;
}

/** The numbers of the chunks that ranges touch. */
export function touchedChunks(ranges: Float64Array, chunkBytes: number): ReadonlySet<number> {
  const touched = new Set<number>();
  for (let i = 0; i < ranges.length; i += 2) {
    const [offset, size] = [ranges[i]!, ranges[i + 1]!];
    if (size === 0) continue;
    const last = Math.floor((offset + size - 1) / chunkBytes);
    for (let chunk = Math.floor(offset / chunkBytes); chunk <= last; chunk++) touched.add(chunk);
  }
  return touched;
}

/** The bytes of ranges, as views of the chunks that hold them. */
function partsOf(ranges: Float64Array, chunkBytes: number, chunks: ReadonlyMap<number, Uint8Array>): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    let at = ranges[i]!;
    const end = at + ranges[i + 1]!;
    while (at < end) {
      const chunk = Math.floor(at / chunkBytes);
      const start = chunk * chunkBytes;
      const until = Math.min(end, start + chunkBytes);
      parts.push(chunks.get(chunk)!.subarray(at - start, until - start));
      at = until;
    }
  }
  return parts;
}

function notStored(partition: number): SluiceError {
  return new SluiceError("ERR_STORAGE", `The data of an event of partition ${partition} is not stored any more`, {
    details: { partition },
  });
}
