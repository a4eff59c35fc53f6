import { asapScheduler, Observable, type Subscriber } from "rxjs";
import type { BackendPartition, ReadLimits } from "../../src/model/backend.ts";
import type { Appended, DataRead, EventBatch, StoredBatch } from "../../src/model/batch.ts";
import { dataSizeOf } from "../../src/model/batch.ts";
import { cutBatch } from "../../src/model/cutBatch.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { joinBatches } from "../../src/model/joinBatches.ts";
import type { PartitionBounds } from "../../src/model/partition.ts";
import { ProducerHistory } from "../../src/model/producerHistory.ts";
import { copyInto, selectBytes } from "../../src/model/selectBytes.ts";
import { sliceBatch } from "../../src/model/sliceBatch.ts";

/** Batches of fewer events than this are read together, until there are as many. */
const tiny = 64;

/** A stored batch with its bytes of data, which live in memory of this backend's own. */
interface Chunk extends StoredBatch {
  readonly data: Uint8Array;
}

/** One partition in memory: an array of batches. */
export class MemoryPartition implements BackendPartition {
  readonly index: number;
  readonly #producers = new ProducerHistory();
  readonly #stored: (partition: MemoryPartition) => void;
  readonly #waiting = new Set<() => void>();
  #chunks: Chunk[] = [];
  #start = 0;
  #end = 0;
  #bytes = 0;
  #sealed = false;
  #gone: SluiceError | undefined;

  /** @param stored - Called when something was stored, so that something older may go. */
  constructor(index: number, stored: (partition: MemoryPartition) => void) {
    this.index = index;
    this.#stored = stored;
  }

  append(batch: EventBatch): Observable<Appended> {
    return new Observable((subscriber) => {
      const appended = this.#store(batch);
      // The answer comes later than the call, as from any other backend: what is pushed meanwhile makes the next batch.
      return asapScheduler.schedule(() => {
        subscriber.next(appended);
        subscriber.complete();
      });
    });
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return new Observable((subscriber) => {
      const answer = () => {
        if (this.#answer(subscriber, position, limits)) this.#waiting.delete(answer);
        else this.#waiting.add(answer);
      };
      answer();
      return () => this.#waiting.delete(answer);
    });
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return new Observable((subscriber) => {
      this.#assertThere();
      subscriber.next(reads.map((read) => this.#bytesOf(read)));
      subscriber.complete();
    });
  }

  bounds(): Observable<PartitionBounds> {
    return new Observable((subscriber) => {
      this.#assertThere();
      subscriber.next({ start: this.#start, end: this.#end, sealed: this.#sealed });
      subscriber.complete();
    });
  }

  find(time: number): Observable<number> {
    return new Observable((subscriber) => {
      this.#assertThere();
      subscriber.next(this.#positionAt(time));
      subscriber.complete();
    });
  }

  seal(): void {
    this.#sealed = true;
    this.#wake();
  }

  /** Ends every read and refuses every further call with one error. */
  remove(error: SluiceError): void {
    this.#gone = error;
    this.#chunks = [];
    this.#wake();
  }

  /** Drops batches from the start for as long as one of them may go. */
  retain(mayDrop: (oldest: { readonly next: number; readonly newest: number }, bytes: number) => boolean): void {
    let dropped = 0;
    for (const chunk of this.#chunks) {
      if (!mayDrop({ next: chunk.next, newest: chunk.timestamps[chunk.count - 1]! }, this.#bytes)) break;
      this.#bytes -= bytesOf(chunk);
      this.#start = chunk.next;
      dropped++;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  #store(batch: EventBatch): Appended {
    this.#assertThere();
    if (this.#sealed)
      throw new SluiceError("ERR_TOPIC_SEALED", `Partition ${this.index} takes no more events: the topic is sealed`);
    const verdict = this.#producers.judge(batch);
    if (verdict.store === "nothing") return verdict.answer;
    const firstId = this.#end;
    const chunk = chunkOf(sliceBatch(batch, verdict.index), firstId);
    this.#chunks.push(chunk);
    this.#bytes += bytesOf(chunk);
    this.#end = chunk.next;
    const appended = { firstId: firstId - verdict.index };
    this.#producers.remember(batch, appended);
    this.#wake();
    this.#stored(this);
    return appended;
  }

  /** Whether the read has been answered, with a batch or with the end. */
  #answer(subscriber: Subscriber<StoredBatch>, position: number, limits: ReadLimits): boolean {
    if (this.#gone !== undefined) {
      subscriber.error(this.#gone);
      return true;
    }
    const from = Math.max(position, this.#start);
    if (from < this.#end) {
      subscriber.next(this.#gather(from, limits));
      subscriber.complete();
      return true;
    }
    if (this.#sealed) subscriber.complete();
    return this.#sealed;
  }

  /** The next batch from an id. Where batches are tiny, several of them make one, so that reading does not cost one call an event. */
  #gather(from: number, limits: ReadLimits): StoredBatch {
    const index = this.#indexOf(from);
    const first = cutBatch(this.#chunks[index]!, from, limits);
    const parts: StoredBatch[] = [first];
    let { count } = first;
    let bytes = first.metadata.length;
    for (let i = index + 1; i < this.#chunks.length && count < tiny; i++) {
      const chunk = this.#chunks[i]!;
      // What was cut short goes on in its own chunk, and not in the one behind it.
      if (
        chunk.firstId !== parts.at(-1)!.next ||
        chunk.count >= tiny ||
        count + chunk.count > limits.maxEvents ||
        bytes + chunk.metadata.length > limits.maxBytes
      )
        break;
      parts.push(chunk);
      count += chunk.count;
      bytes += chunk.metadata.length;
    }
    return joinBatches(parts);
  }

  #bytesOf({ id, ranges, into }: DataRead): readonly Uint8Array[] {
    const chunk = this.#chunks[this.#indexOf(id)];
    if (chunk === undefined || id < chunk.firstId) {
      throw new SluiceError("ERR_STORAGE", `Event ${id} of partition ${this.index} is not stored any more`, {
        details: { partition: this.index, id },
      });
    }
    const parts = selectBytes([dataOf(chunk, id - chunk.firstId)], ranges);
    if (into === undefined) return parts.map((part) => part.slice()); // A copy: what is stored must not change under its readers.
    copyInto(parts, into);
    return into;
  }

  #positionAt(time: number): number {
    for (const chunk of this.#chunks) {
      const index = chunk.timestamps.findIndex((timestamp) => timestamp >= time);
      if (index >= 0) return chunk.firstId + index;
    }
    return this.#end;
  }

  /** The chunk that holds an id, by binary search. */
  #indexOf(id: number): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]!.firstId <= id) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  #wake(): void {
    for (const answer of [...this.#waiting]) answer();
  }
}

function chunkOf(batch: EventBatch, firstId: number): Chunk {
  const { count, metadata, metadataEnds, timestamps, dataEnds } = batch;
  // The data is copied: it belongs to the caller again as soon as the append is answered.
  const data = new Uint8Array(dataSizeOf(batch));
  if (data.length > 0) copyInto(batch.data, [data]);
  return { count, firstId, next: firstId + count, metadata, metadataEnds, timestamps, dataEnds, data };
}

function dataOf({ data, dataEnds }: Chunk, index: number): Uint8Array {
  if (dataEnds === undefined) return data;
  return data.subarray(index === 0 ? 0 : dataEnds[index - 1], dataEnds[index]);
}

function bytesOf(chunk: Chunk): number {
  return chunk.metadata.length + chunk.data.length;
}
