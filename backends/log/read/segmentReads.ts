import { defer, type Observable, type Subscriber } from "rxjs";
import type { ReadLimits } from "../../../src/model/backend.ts";
import { holdsId, idAt, type DataRead, type StoredBatch } from "../../../src/model/batch.ts";
import { gatherBatches } from "../../../src/model/gatherBatches.ts";
import type { SluiceError } from "../../../src/model/errors.ts";
import { lastIndexWhere } from "../../../src/model/lastIndexWhere.ts";
import { WaitingReads } from "../../../src/model/waitingReads.ts";
import { notStored, unreadable } from "../logErrors.ts";
import type { Segment } from "../segments/segment.ts";
import { BatchCache } from "./batchCache.ts";
import { readData } from "./dataReader.ts";
import { readBatches, type LoadedBatch, type Place } from "./segmentReader.ts";

/** Bytes of metadata that each partition keeps in memory. */
const cacheBytes = 2 << 20;

/**
 * How many segments that were replaced can still be read, and how many bytes they may hold on the disk, behind the last compaction. Small
 * ones are replaced several times while a consumer that has read an event is about to ask for its data.
 */
const maxRetired = 64;
const maxRetiredBytes = 64 << 20;

/** What there is to read, as it is at the moment. */
export interface SegmentReadsOptions {
  /** The number of the partition. */
  readonly partition: number;
  readonly directory: string;
  /** Oldest first. */
  readonly segments: () => readonly Segment[];
  /** The id behind the last event that may be read. */
  readonly end: () => number;
  /** Whether nothing will come behind it. */
  readonly isEnded: () => boolean;
  /** Why nothing can be read any more, where that is so. */
  readonly gone: () => SluiceError | undefined;
}

/** Reads the segments of one partition, from memory where what is asked for is there. */
export class SegmentReads {
  readonly #options: SegmentReadsOptions;
  readonly #cache = new BatchCache(cacheBytes);
  readonly #waiting = new WaitingReads<StoredBatch>();
  /** How many segments have been replaced: what fails while one is, is read once more. */
  #replaced = 0;
  /** Segments that were replaced, the first of them first. */
  #retired: Segment[] = [];

  constructor(options: SegmentReadsOptions) {
    this.#options = options;
  }

  /** The id of the first event. */
  get start(): number {
    return this.#options.segments()[0]?.header.baseId ?? 0;
  }

  /** Keeps a batch that has just been written. */
  written(batch: LoadedBatch): void {
    this.#cache.written(batch);
  }

  /**
   * Another segment has taken the place of one. The old one is still read for data of events that were read before: somebody may
   * be about to ask for it.
   */
  replaced(segment: Segment): void {
    this.#replaced++;
    this.#cache.forget(segment);
    this.#retired.push(segment);
  }

  /** Lets go of the oldest of the segments that were replaced, where there are many of them. */
  forgetReplaced(): Promise<void> {
    let kept = 0;
    let bytes = 0;
    for (const { length } of this.#retired.toReversed().slice(0, maxRetired)) {
      bytes += length;
      if (bytes > maxRetiredBytes) break;
      kept++;
    }
    return this.#forget(this.#retired.length - kept);
  }

  /** Lets go of all segments that were replaced. */
  close(): Promise<void> {
    return this.#forget(this.#retired.length);
  }

  async #forget(count: number): Promise<void> {
    if (count <= 0) return;
    this.#replaced++; // Who reads one of them at the moment has to look again.
    await Promise.all(this.#retired.splice(0, count).map((segment) => segment.close()));
  }

  /** Answers reads that wait: something was stored, or the end has come. */
  wake(): void {
    this.#waiting.wake();
  }

  /** As `BackendPartition.read`. */
  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#waiting.read((subscriber) => this.#answer(subscriber, position, limits));
  }

  /** As `BackendPartition.fetch`. */
  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return defer(() => this.#current(() => this.#fetch(reads)));
  }

  /** As `BackendPartition.find`. */
  find(time: number): Observable<number> {
    return defer(() => this.#current(() => this.#positionAt(time)));
  }

  /** Whether the read has been answered, or will be without having to be woken. */
  #answer(subscriber: Subscriber<StoredBatch>, position: number, limits: ReadLimits): boolean {
    const { gone, end, isEnded } = this.#options;
    const error = gone();
    if (error !== undefined) {
      subscriber.error(error);
      return true;
    }
    const from = Math.max(position, this.start);
    if (from < end()) {
      const cached = this.#cache.find(from);
      if (cached === undefined) void this.#answerFromDisk(subscriber, from, limits);
      else reply(subscriber, this.#gather(cached, from, limits));
      return true;
    }
    if (isEnded()) subscriber.complete();
    return isEnded();
  }

  async #answerFromDisk(subscriber: Subscriber<StoredBatch>, from: number, limits: ReadLimits): Promise<void> {
    const { gone } = this.#options;
    const replaced = this.#replaced;
    try {
      const batch = await this.#load(from);
      const error = gone();
      if (error !== undefined) subscriber.error(error);
      else reply(subscriber, this.#gather(batch, from, limits));
    } catch (error) {
      const reason = gone();
      if (reason !== undefined) subscriber.error(reason);
      else if (from < this.start || replaced !== this.#replaced) this.#answer(subscriber, from, limits); // It was dropped meanwhile, so the read goes on at the start.
      else subscriber.error(error);
    }
  }

  #gather(batch: LoadedBatch, from: number, limits: ReadLimits): StoredBatch {
    return gatherBatches(batch, from, limits, (id) => (id < this.#options.end() ? this.#cache.find(id) : undefined));
  }

  async #load(id: number): Promise<LoadedBatch> {
    for (;;) {
      const cached = this.#cache.find(id);
      if (cached !== undefined) return cached;
      const replaced = this.#replaced;
      const segment = this.#segmentOf(id);
      const batches = await readBatches(segment, id, this.#placeBehind(segment, id));
      if (replaced !== this.#replaced) continue; // What was read may be of a segment that is not there any more.
      this.#cache.read(batches);
      return batches[0]!;
    }
  }

  #placeBehind(segment: Segment, id: number): Place | undefined {
    const before = this.#cache.before(id);
    return before?.segment === segment ? { segment, id, offset: before.end } : undefined;
  }

  #segmentOf(id: number): Segment {
    const { partition, directory, end } = this.#options;
    const segments = this.#options.segments();
    const index = lastIndexWhere(segments.length, (i) => segments[i]!.header.baseId <= id);
    const segment = segments[index];
    if (segment === undefined) throw notStored(partition, id);
    const next = segments[index + 1]?.header.baseId ?? end();
    if (id >= segment.endId) throw unreadable(directory, 0, segment.endId, next);
    return segment;
  }

  /** What fails while a segment is replaced is done once more, with the new one. */
  async #current<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      const replaced = this.#replaced;
      try {
        return await call();
      } catch (error) {
        if (replaced === this.#replaced) throw error;
      }
    }
  }

  async #fetch(reads: readonly DataRead[]): Promise<readonly (readonly Uint8Array[])[]> {
    const { partition, end } = this.#options;
    this.#assertThere();
    const answers: (readonly Uint8Array[])[] = [];
    for (let i = 0; i < reads.length;) {
      const { id } = reads[i]!;
      if (id < this.start || id >= end()) throw notStored(partition, id);
      const batch = await this.#loadHolding(id);
      let next = i + 1;
      while (next < reads.length && reads[next]!.id > reads[next - 1]!.id && reads[next]!.id < batch.next) next++;
      next = i + Math.max(1, reads.slice(i, next).filter((read) => holdsId(batch, read.id)).length);
      const ofBatch = reads.slice(i, next);
      answers.push(...(await readData(batch, ofBatch)));
      i = next;
    }
    this.#assertThere();
    return answers;
  }

  /** The batch that holds an event, also where a compaction has just removed it. */
  async #loadHolding(id: number): Promise<LoadedBatch> {
    const batch = await this.#load(id);
    if (holdsId(batch, id)) return batch;
    for (const segment of this.#retired) {
      if (id < segment.header.baseId || id >= segment.endId) continue;
      const [before] = await readBatches(segment, id).catch(() => []); // Its file may have been another one already.
      if (before !== undefined && holdsId(before, id)) return before;
    }
    throw notStored(this.#options.partition, id);
  }

  async #positionAt(time: number): Promise<number> {
    this.#assertThere();
    const { segments, end } = this.#options;
    for (const segment of [...segments()]) {
      if (segment.newest < time) continue;
      const index = segment.index ?? (await segment.walk());
      for (const { from, to } of index.notOlderThan(time)) {
        const position = await this.#positionWithin(time, from, Math.min(to, segment.endId, end()));
        if (position !== undefined) return position;
      }
    }
    return end();
  }

  async #positionWithin(time: number, from: number, to: number): Promise<number | undefined> {
    for (let id = from; id < to;) {
      const batch = await this.#load(id);
      const index = batch.timestamps.findIndex((timestamp) => timestamp >= time);
      if (index >= 0) return idAt(batch, index);
      id = batch.next;
    }
    return undefined;
  }

  #assertThere(): void {
    const error = this.#options.gone();
    if (error !== undefined) throw error;
  }
}

function reply<T>(subscriber: Subscriber<T>, value: T): void {
  subscriber.next(value);
  subscriber.complete();
}
