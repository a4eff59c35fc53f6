import { allocate } from "../../../src/model/allocate.ts";
import type { ReadLimits } from "../../../src/model/backend.ts";
import type { ProducerRun, ProducerSequence, StoredBatch } from "../../../src/model/batch.ts";
import { addRun, cutRuns } from "../../../src/model/producerRuns.ts";
import type { Fetched, KafkaClient } from "../client/client.ts";
import { IncomingEvent, type Layout } from "../layouts/layout.ts";
import { findBatches, readRecords, type FoundBatch } from "./decodeBatches.ts";
import { InlineData, locationOf } from "./location.ts";
import { RecordView } from "./recordParts.ts";

/** Batches of fewer events than this are read together, until there are as many. */
const tiny = 64;

/** What one fetch brought, given out in pieces that a reader has room for. */
export class FetchedBatches {
  readonly #client: KafkaClient;
  readonly #layout: Layout;
  readonly #batches: FoundBatch[];
  readonly #aborted: AbortedTransactions;
  /** What has been decoded and not been given out. */
  #rest: StoredBatch | undefined;
  #index = 0;
  /** What is being decompressed ahead, by the number of the batch. */
  readonly #ahead = new Map<number, Promise<Uint8Array>>();
  /** Where to read on. */
  position: number;
  /** How many of the bytes that were fetched are batches that are whole. */
  readonly wholeBytes: number;

  constructor(client: KafkaClient, layout: Layout, fetched: Fetched, position: number) {
    this.#client = client;
    this.#layout = layout;
    this.#batches = findBatches(fetched.records, (bytes) => client.crc32c(bytes));
    this.#aborted = new AbortedTransactions(fetched.aborted);
    this.position = position;
    const last = this.#batches.at(-1)?.records;
    this.wholeBytes = last === undefined ? 0 : last.byteOffset + last.length - fetched.records.byteOffset;
  }

  /** Where the next fetch goes on. */
  get end(): number {
    return Math.max(this.position, this.#batches.at(-1)?.next ?? 0);
  }

  /** Whether there is nothing left. */
  get isEmpty(): boolean {
    return this.#rest === undefined && this.#index >= this.#batches.length;
  }

  /** The next piece. It has no event in it where a transaction was given up, or a marker or a gap stands. */
  async next(limits: ReadLimits): Promise<StoredBatch | undefined> {
    const decoded = this.#rest ?? (await this.#decodeSome(limits));
    if (decoded === undefined) return undefined;
    const [piece, rest] = cutStored(decoded, limits);
    this.#rest = rest;
    this.position = piece.next;
    return piece;
  }

  /** The records of a batch as they were before they were compressed. Those of the next one are begun with as well. */
  async #plain(index: number): Promise<Uint8Array> {
    const { compression, records } = this.#batches[index]!;
    if (compression === 0) return records;
    const plain = this.#ahead.get(index) ?? this.#client.decompress(compression, records);
    this.#ahead.clear();
    const next = this.#batches[index + 1];
    if (next !== undefined && next.compression !== 0) {
      const begun = this.#client.decompress(next.compression, next.records);
      begun.catch(() => undefined); // Whoever comes to it hears of it.
      this.#ahead.set(index + 1, begun);
    }
    return plain;
  }

  async #decodeSome(limits: ReadLimits): Promise<StoredBatch | undefined> {
    const group: [FoundBatch, Uint8Array][] = [];
    let [count, bytes, next] = [0, 0, this.position];
    while (this.#index < this.#batches.length) {
      const batch = this.#batches[this.#index]!;
      const counts = batch.next > this.position && !this.#aborted.covers(batch) && !batch.isControl;
      if (counts && count > 0) {
        if (count >= tiny && batch.count >= tiny) break;
        if (count + batch.count > limits.maxEvents || bytes + batch.records.length > limits.maxBytes) break;
      }
      this.#index++;
      if (batch.isControl) this.#aborted.pass(batch);
      next = Math.max(next, batch.next);
      if (!counts) continue;
      const records = await this.#plain(this.#index - 1);
      group.push([batch, records]);
      count += batch.count;
      bytes += records.length;
    }
    if (next === this.position) return undefined;
    return decode(group, count, bytes, this.position, next, this.#layout);
  }
}

/** Decodes batches into one, leaving out what is before a position. */
function decode(
  group: readonly (readonly [FoundBatch, Uint8Array])[],
  atMost: number,
  bytes: number,
  position: number,
  next: number,
  layout: Layout,
): StoredBatch {
  const only = group.length === 1 ? group[0]![1] : undefined; // None at all, where there are but markers of transactions.
  const builder = new StoredBuilder(atMost, only !== undefined && mayMoveIn(only) ? only : bytes);
  const view = new RecordView();
  const event = new IncomingEvent();
  for (const [batch, records] of group) {
    let isFirst = true;
    readRecords(batch, records, view, (record) => {
      if (isFirst) builder.begin(record.offset, layout.producerOf?.(record));
      isFirst = false;
      if (record.offset < position) return;
      layout.read(record, event);
      if (!event.isSkipped) builder.add(record.offset, record.timestamp, event);
    });
  }
  return builder.finish(position, next);
}

/**
 * Whether metadata may be moved together where it lies. Nobody else has these bytes; but who keeps an event keeps all of the memory
 * that its metadata is in, and must not keep much more than a batch.
 */
function mayMoveIn({ buffer, length }: Uint8Array): boolean {
  return length >= buffer.byteLength / 4;
}

/** Gathers events into the few arrays of a stored batch. */
class StoredBuilder {
  #count = 0;
  #metadata: Uint8Array;
  /** Whether the metadata is in the memory of the records that are still being read. */
  #isAmongRecords: boolean;
  #end = 0;
  #dataEnd = 0;
  #first = 0;
  #isContiguous = true;
  readonly #ids: Float64Array;
  readonly #ends: Uint32Array;
  readonly #timestamps: Float64Array;
  readonly #dataEnds: Float64Array;
  #locations: (Uint8Array | undefined)[] | undefined;
  /** Who has sent the batch that is being read, and its first offset; and where its run goes on. */
  #producer: ProducerSequence | undefined;
  #base = 0;
  #next = -1;
  readonly #runs: ProducerRun[] = [];

  /**
   * @param atMost - How many events there may be.
   * @param memory - How many bytes of metadata there may be; or the records themselves, in which it is moved together then. Of large
   * events new memory for them would cost more than everything else here.
   */
  constructor(atMost: number, memory: number | Uint8Array) {
    this.#isAmongRecords = typeof memory !== "number";
    this.#metadata = typeof memory === "number" ? allocate(memory) : memory; // Nobody sees what is not written.
    this.#ids = new Float64Array(atMost);
    this.#ends = new Uint32Array(atMost);
    this.#timestamps = new Float64Array(atMost);
    this.#dataEnds = new Float64Array(atMost);
  }

  /** Begins with a batch of one producer. */
  begin(offset: number, producer: ProducerSequence | undefined): void {
    this.#base = offset;
    this.#producer = producer;
    this.#next = -1;
  }

  add(offset: number, timestamp: number, event: IncomingEvent): void {
    const { metadata, metadataStart, metadataEnd, data, apart } = event;
    const i = this.#count++;
    if (i === 0) this.#first = offset;
    if (offset !== this.#next) addRun(this.#runs, i, this.#producerAt(offset));
    this.#next = offset + 1;
    if (offset !== this.#first + i) this.#isContiguous = false;
    this.#ids[i] = offset;
    this.#timestamps[i] = timestamp;
    if (this.#isAmongRecords && (data !== undefined || !this.#mayMove(metadata, metadataStart, metadataEnd)))
      this.#leaveRecords();
    this.#append(metadata, metadataStart, metadataEnd);
    this.#ends[i] = this.#end;
    if (data !== undefined || apart !== undefined) {
      this.#locations ??= Array.from({ length: this.#ids.length });
      const location = data !== undefined ? new InlineData(data) : locationOf(apart!);
      this.#locations[i] = location;
      this.#dataEnd += data?.length ?? location.size;
    }
    this.#dataEnds[i] = this.#dataEnd;
  }

  finish(position: number, next: number): StoredBatch {
    const count = this.#count;
    return {
      count,
      firstId: count === 0 ? position : this.#first,
      ids: this.#isContiguous ? undefined : this.#ids.subarray(0, count),
      next,
      metadata: this.#metadata.subarray(0, this.#end),
      metadataEnds: this.#ends.subarray(0, count),
      timestamps: this.#timestamps.subarray(0, count),
      dataEnds: this.#dataEnd === 0 ? undefined : this.#dataEnds.subarray(0, count),
      producers: this.#runs.some(({ producer }) => producer !== undefined) ? this.#runs : undefined,
      locations: this.#locations,
    };
  }

  #producerAt(offset: number): ProducerSequence | undefined {
    const { id, sequence } = this.#producer ?? {};
    return id === undefined ? undefined : { id, sequence: sequence! + offset - this.#base };
  }

  /** Whether metadata is a part of the records, from which it can be moved to the end over nothing that is still to be read. */
  #mayMove({ buffer, byteOffset }: Uint8Array, start: number, end: number): boolean {
    const { buffer: own, byteOffset: ownStart, length } = this.#metadata;
    const at = byteOffset - ownStart;
    return buffer === own && at + start >= this.#end && at + end <= length;
  }

  /** Goes on in memory of its own: data stays where it came, and metadata that was made from a record may be longer than that was. */
  #leaveRecords(): void {
    const own = allocate(this.#metadata.length);
    own.set(this.#metadata.subarray(0, this.#end));
    this.#metadata = own;
    this.#isAmongRecords = false;
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.#end + size > this.#metadata.length) {
      const larger = new Uint8Array(Math.max(2 * this.#metadata.length, this.#end + size));
      larger.set(this.#metadata.subarray(0, this.#end));
      this.#metadata = larger;
    }
    // Moved, or copied: between the metadata of two records stands what only Kafka reads, and the batch wants it back to back.
    this.#metadata.set(bytes.subarray(start, end), this.#end);
    this.#end += size;
  }
}

/** Cuts a batch in two: what a reader has room for, at least one event, and the rest. */
export function cutStored(batch: StoredBatch, limits: ReadLimits): readonly [StoredBatch, StoredBatch | undefined] {
  const { count, metadataEnds } = batch;
  if (count <= limits.maxEvents && sizeAt(batch, count) <= limits.maxBytes) return [batch, undefined];
  let last = 1;
  while (last < Math.min(count, limits.maxEvents) && sizeAt(batch, last + 1) <= limits.maxBytes) last++;
  if (last >= count) return [batch, undefined];
  const ids = batch.ids;
  const nextId = ids === undefined ? batch.firstId + last : ids[last]!;
  const metadataStart = metadataEnds[last - 1]!;
  const dataStart = batch.dataEnds?.[last - 1] ?? 0;
  return [
    {
      count: last,
      firstId: batch.firstId,
      ids: ids?.subarray(0, last),
      next: nextId,
      metadata: batch.metadata.subarray(0, metadataStart),
      metadataEnds: metadataEnds.subarray(0, last),
      timestamps: batch.timestamps.subarray(0, last),
      dataEnds: batch.dataEnds?.subarray(0, last),
      producers: cutRuns(batch.producers, 0, last),
      locations: batch.locations?.slice(0, last),
    },
    {
      count: count - last,
      firstId: nextId,
      ids: ids?.subarray(last),
      next: batch.next,
      metadata: batch.metadata.subarray(metadataStart),
      metadataEnds: metadataEnds.slice(last).map((end) => end - metadataStart),
      timestamps: batch.timestamps.subarray(last),
      dataEnds: batch.dataEnds?.slice(last).map((end) => end - dataStart),
      producers: cutRuns(batch.producers, last, count),
      locations: batch.locations?.slice(last),
    },
  ];
}

/** Metadata and inline data of the first events: all of it is in memory while the batch is. */
function sizeAt({ metadataEnds, locations }: StoredBatch, count: number): number {
  if (count === 0) return 0;
  if (locations === undefined) return metadataEnds[count - 1]!;
  let size = metadataEnds[count - 1]!;
  for (let i = 0; i < count; i++) {
    const location = locations[i];
    if (location instanceof InlineData) size += location.data.length;
  }
  return size;
}

/** Tells which batches belong to transactions that were given up. */
class AbortedTransactions {
  readonly #waiting: { readonly producerId: bigint; readonly firstOffset: number }[];
  readonly #open = new Set<bigint>();

  constructor(aborted: Fetched["aborted"]) {
    this.#waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  covers(batch: FoundBatch): boolean {
    if (!batch.isTransactional) return false;
    while (this.#waiting.length > 0 && this.#waiting[0]!.firstOffset < batch.next) {
      this.#open.add(this.#waiting.shift()!.producerId);
    }
    return this.#open.has(batch.producerId);
  }

  /** A marker ends the transaction of its producer. */
  pass(marker: FoundBatch): void {
    this.covers(marker);
    this.#open.delete(marker.producerId);
  }
}
