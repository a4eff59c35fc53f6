import { asapScheduler, defer, Observable, of, type Subscriber } from "rxjs";
import { allocate, copyOf } from "../../src/model/allocate.ts";
import type { BackendPartition, ReadLimits } from "../../src/model/backend.ts";
import type { Appended, DataRead, EventBatch, StoredBatch } from "../../src/model/batch.ts";
import { dataSizeOf, holdsId, idAt, indexOfId } from "../../src/model/batch.ts";
import { checkDurability } from "../../src/model/durability.ts";
import type { BatchKeys, Compaction } from "../../src/model/compaction.ts";
import { keepEvents } from "../../src/model/keepEvents.ts";
import { Compactor } from "../../src/model/compactor.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { gatherBatches } from "../../src/model/gatherBatches.ts";
import { lastIndexWhere } from "../../src/model/lastIndexWhere.ts";
import type { PartitionBounds } from "../../src/model/partition.ts";
import { ProducerHistory, type Verdict } from "../../src/model/producerHistory.ts";
import type { RetentionRule } from "../../src/model/retentionRule.ts";
import { copyInto, selectBytes } from "../../src/model/selectBytes.ts";
import { sliceBatch } from "../../src/model/sliceBatch.ts";
import { WaitingReads } from "../../src/model/waitingReads.ts";

/** How many events a newer one stands for before any of them goes. */
const leastSuperseded = 64;

/** A stored batch with its bytes of data, which live in memory of this backend's own. */
interface Chunk extends StoredBatch {
  readonly data: Uint8Array;
  readonly keys: BatchKeys | undefined;
}

/** What a partition is told by its topic. */
export interface MemoryPartitionOptions {
  readonly index: number;
  readonly compaction: Compaction | undefined;
  readonly now: () => number;
  /** Called when something was stored, so that something older may go. */
  readonly stored: (partition: MemoryPartition) => void;
}

/** One partition in memory: an array of batches. */
export class MemoryPartition implements BackendPartition {
  readonly index: number;
  readonly #producers = new ProducerHistory();
  readonly #options: MemoryPartitionOptions;
  readonly #reads = new WaitingReads<StoredBatch>();
  #chunks: Chunk[] = [];
  /** As the chunks were before they were compacted: somebody who has read an event may be about to ask for its data. */
  #before: readonly Chunk[] = [];
  #start = 0;
  #end = 0;
  #bytes = 0;
  /** Keys of which there is an event, and how many events there are that a newer one stands for. */
  #keys = new Set<string>();
  #superseded = 0;
  #count = 0;
  #sealed = false;
  #gone: SluiceError | undefined;

  constructor(options: MemoryPartitionOptions) {
    this.index = options.index;
    this.#options = options;
  }

  append(batch: EventBatch): Observable<Appended> {
    return new Observable((subscriber) => {
      const appended = this.store(batch);
      // The answer comes later than the call, as from any other backend: what is pushed meanwhile makes the next batch.
      return asapScheduler.schedule(() => {
        subscriber.next(appended);
        subscriber.complete();
      });
    });
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#reads.read((subscriber) => this.#answer(subscriber, position, limits));
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return this.#now(() => reads.map((read) => this.#bytesOf(read)));
  }

  bounds(): Observable<PartitionBounds> {
    return this.#now(() => ({ start: this.#start, end: this.#end, sealed: this.#sealed }));
  }

  find(time: number): Observable<number> {
    return this.#now(() => this.#positionAt(time));
  }

  nextSequence(producer: string): Observable<number> {
    return defer(() => {
      this.#assertThere();
      return of(this.#producers.next(producer));
    });
  }

  seal(): void {
    this.#sealed = true;
    this.#reads.wake();
  }

  /** Ends every read and refuses every further call with one error. */
  remove(error: SluiceError): void {
    this.#gone = error;
    this.#chunks = [];
    this.#before = [];
    this.#reads.wake();
  }

  /** Drops batches from the start for as long as one of them may go. */
  retain(mayDrop: RetentionRule): void {
    let dropped = 0;
    for (const chunk of this.#chunks) {
      if (!mayDrop({ next: chunk.next, newest: chunk.timestamps[chunk.count - 1] ?? -Infinity }, this.#bytes)) break;
      this.#bytes -= bytesOf(chunk);
      this.#count -= chunk.count;
      this.#start = chunk.next;
      dropped++;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  /** Throws what would keep a batch from being stored. */
  check(batch: EventBatch): void {
    this.#judge(batch);
  }

  /** Stores a batch at once. */
  store(batch: EventBatch): Appended {
    const verdict = this.#judge(batch);
    if (verdict.store === "nothing") return verdict.answer;
    const firstId = this.#end;
    const chunk = chunkOf(sliceBatch(batch, verdict.index), firstId);
    this.#chunks.push(chunk);
    this.#bytes += bytesOf(chunk);
    this.#count += chunk.count;
    this.#end = chunk.next;
    const appended = { firstId: firstId - verdict.index };
    this.#producers.remember(batch, appended);
    this.#reads.wake();
    this.#noteKeys(chunk);
    this.#options.stored(this);
    return appended;
  }

  #judge(batch: EventBatch): Verdict {
    this.#assertThere();
    checkDurability(batch.durability, "memory");
    if (this.#sealed)
      throw new SluiceError("ERR_TOPIC_SEALED", `Partition ${this.index} takes no more events: the topic is sealed`);
    return this.#producers.judge(batch);
  }

  /** Counts the events that a newer one stands for. When they are as many as the others they go. */
  #noteKeys({ keys }: Chunk): void {
    for (const key of keys?.keys ?? []) {
      if (this.#keys.has(key)) this.#superseded++;
      else this.#keys.add(key);
    }
    const { compaction, now } = this.#options;
    if (compaction === undefined || this.#superseded < leastSuperseded || 2 * this.#superseded < this.#count) return;
    this.#compact(new Compactor(compaction, now()));
  }

  #compact(compactor: Compactor): void {
    const newest = this.#chunks.pop()!; // It stays as it is, as the newest file of a log does.
    for (const chunk of [...this.#chunks, newest]) compactor.show(chunk);
    const chunks: Chunk[] = [];
    this.#before = this.#chunks;
    for (const chunk of this.#chunks) {
      const left = compactedOf(chunk, compactor.kept(chunk));
      const before = chunks.at(-1);
      if (left.count > 0 || before === undefined) chunks.push(left);
      else chunks[chunks.length - 1] = { ...before, ids: before.ids ?? idsOf(before), next: left.next };
    }
    this.#chunks = [...chunks, newest];
    this.#bytes = sum(this.#chunks, bytesOf);
    this.#count = sum(this.#chunks, ({ count }) => count);
    this.#keys = new Set(this.#chunks.flatMap((chunk) => chunk.keys?.keys ?? []));
    this.#superseded = 0;
  }

  /** Whether the read has been answered, with a batch or with the end. */
  #answer(subscriber: Subscriber<StoredBatch>, position: number, limits: ReadLimits): boolean {
    if (this.#gone !== undefined) {
      subscriber.error(this.#gone);
      return true;
    }
    const from = Math.max(position, this.#start);
    if (from < this.#end) {
      const index = this.#indexOf(from);
      subscriber.next(gatherBatches(this.#chunks[index]!, from, limits, (id) => this.#chunkFrom(id)));
      subscriber.complete();
      return true;
    }
    if (this.#sealed) subscriber.complete();
    return this.#sealed;
  }

  #bytesOf({ id, ranges, into }: DataRead): readonly Uint8Array[] {
    const chunk = [this.#chunks[this.#indexOf(id)], ...this.#before].find((each) => each && holdsId(each, id));
    if (chunk === undefined) {
      throw new SluiceError("ERR_STORAGE", `Event ${id} of partition ${this.index} is not stored any more`, {
        details: { partition: this.index, id },
      });
    }
    const parts = selectBytes([dataOf(chunk, indexOfId(chunk, id))], ranges);
    if (into === undefined) return parts.map(copyOf); // A copy: what is stored must not change under its readers.
    copyInto(parts, into);
    return into;
  }

  #positionAt(time: number): number {
    for (const chunk of this.#chunks) {
      const index = chunk.timestamps.findIndex((timestamp) => timestamp >= time);
      if (index >= 0) return idAt(chunk, index);
    }
    return this.#end;
  }

  /** The chunk that holds an id, or the first. */
  #indexOf(id: number): number {
    return Math.max(
      0,
      lastIndexWhere(this.#chunks.length, (i) => this.#chunks[i]!.firstId <= id),
    );
  }

  #chunkFrom(id: number): Chunk | undefined {
    return id < this.#end ? this.#chunks[this.#indexOf(id)] : undefined;
  }

  /** Answers a call with what is there when it is subscribed to. */
  #now<T>(call: () => T): Observable<T> {
    return defer(() => {
      this.#assertThere();
      return of(call());
    });
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }
}

function chunkOf(batch: EventBatch, firstId: number): Chunk {
  const { count, metadata, metadataEnds, timestamps, dataEnds, producer } = batch;
  // The data is copied: it belongs to the caller again as soon as the append is answered. That is one of the two copies that
  // the promises ask for; the other is made when it is fetched.
  const data = allocate(dataSizeOf(batch));
  if (data.length > 0) copyInto(batch.data, [data]);
  return {
    count,
    firstId,
    next: firstId + count,
    metadata,
    metadataEnds,
    timestamps,
    dataEnds,
    ...(producer !== undefined && { producers: [{ index: 0, producer }] }),
    data,
    keys: batch.keys,
  };
}

/** What a compaction leaves of a chunk. */
function compactedOf(chunk: Chunk, kept: readonly number[]): Chunk {
  if (kept.length === chunk.count) return chunk;
  const { data, keys, ...left } = keepEvents({ ...chunk, data: [chunk.data] }, kept);
  const bytes = new Uint8Array(dataSizeOf(left)); // A copy, so that what is gone does not stay in memory.
  if (bytes.length > 0) copyInto(data, [bytes]);
  return { ...left, data: bytes, keys };
}

function idsOf(batch: StoredBatch): Float64Array {
  return Float64Array.from({ length: batch.count }, (_, i) => idAt(batch, i));
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}

function dataOf({ data, dataEnds }: Chunk, index: number): Uint8Array {
  if (dataEnds === undefined) return data;
  return data.subarray(index === 0 ? 0 : dataEnds[index - 1], dataEnds[index]);
}

function bytesOf(chunk: Chunk): number {
  return chunk.metadata.length + chunk.data.length;
}
