import { Observable, type Subscriber } from "rxjs";
import type { BackendPartition, ReadLimits } from "../../src/model/backend.ts";
import { dataSizeOf, type Appended, type DataRead, type EventBatch, type StoredBatch } from "../../src/model/batch.ts";
import { cutBatch } from "../../src/model/cutBatch.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { joinBatches } from "../../src/model/joinBatches.ts";
import type { PartitionBounds } from "../../src/model/partition.ts";
import { sliceBatch } from "../../src/model/sliceBatch.ts";
import { BatchCache } from "./batchCache.ts";
import { readData } from "./dataReader.ts";
import { notStored, unreadable, writesRefused } from "./logErrors.ts";
import { PartitionWriter, type WriterOptions, type Written } from "./partitionWriter.ts";
import type { Producers } from "./producers.ts";
import { recover, type Recovered, type RecoveryReport } from "./recovery.ts";
import type { Segment } from "./segment.ts";
import { readBatches, type LoadedBatch, type Place } from "./segmentReader.ts";

/** Bytes of metadata that each partition keeps in memory. */
const cacheBytes = 2 << 20;

/** Batches of fewer events than this are read together, until there are as many. */
const tiny = 64;

/** What a partition is told by its topic. */
export interface PartitionOptions extends WriterOptions {
  readonly topic: string;
  readonly index: number;
  /** Called when something was stored, so that something older may go. */
  readonly stored: (partition: LogPartition) => void;
}

/** The oldest segment of a partition, for who decides whether it may go. */
export interface OldestSegment {
  readonly next: number;
  readonly newest: number;
}

/** One partition on the disk. */
export class LogPartition implements BackendPartition {
  readonly index: number;
  readonly report: RecoveryReport;
  readonly #options: PartitionOptions;
  readonly #writer: PartitionWriter;
  readonly #producers: Producers;
  readonly #cache = new BatchCache(cacheBytes);
  readonly #waiting = new Set<() => void>();
  /** The id of the next event that is accepted. */
  #nextId: number;
  /** The id behind the last event that was stored: readers see no further. */
  #end: number;
  #sealed = false;
  /** Whether readers that have come to the end are told so. */
  #isEnded = false;
  #gone: SluiceError | undefined;

  private constructor(options: PartitionOptions, recovered: Recovered) {
    this.index = options.index;
    this.#options = options;
    this.#producers = recovered.producers;
    this.#end = recovered.segments.at(-1)?.endId ?? 0;
    this.#nextId = this.#end;
    const { outcome, closed, damage } = recovered;
    this.report = { topic: options.topic, partition: options.index, outcome, closed, end: this.#end, damage };
    const refusal = outcome === "clean" || outcome === "tornTail" ? undefined : writesRefused(this.report);
    if (outcome === "unknownVersion")
      this.#gone = new SluiceError("ERR_UNSUPPORTED", refusal!.message, { details: refusal!.details });
    this.#writer = new PartitionWriter(recovered, options, refusal, (written) => this.#committed(written));
  }

  /** Opens a partition, and brings it into order when it was not closed. */
  static async open(options: PartitionOptions): Promise<LogPartition> {
    return new LogPartition(options, await recover(options.storage, options.directory));
  }

  append(batch: EventBatch): Observable<Appended> {
    return new Observable((subscriber) => {
      this.#assertThere();
      if (this.#sealed)
        throw new SluiceError("ERR_TOPIC_SEALED", `Partition ${this.index} takes no more events: the topic is sealed`);
      if (this.#writer.failure !== undefined) throw this.#writer.failure;
      const verdict = this.#producers.judge(batch);
      const isNew = verdict.store === "from";
      const firstId = this.#nextId;
      const answer = isNew ? { firstId: firstId - verdict.index } : verdict.answer;
      // A batch that is here already may still be on its way to the disk, so its answer waits in the same line.
      const stored = isNew ? sliceBatch(batch, verdict.index) : undefined;
      if (stored !== undefined) {
        this.#nextId += stored.count;
        this.#producers.accept(batch, answer);
      }
      this.#writer.append({
        batch: stored,
        firstId,
        stored: () => {
          subscriber.next(answer);
          subscriber.complete();
        },
        failed: (error) => subscriber.error(error),
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
    return answerWith(() => this.#fetch(reads));
  }

  bounds(): Observable<PartitionBounds> {
    return new Observable((subscriber) => {
      this.#assertThere();
      subscriber.next({ start: this.#start, end: this.#end, sealed: this.#sealed });
      subscriber.complete();
    });
  }

  find(time: number): Observable<number> {
    return answerWith(() => this.#positionAt(time));
  }

  /** Why nothing is written any more, where that is so. */
  get failure(): SluiceError | undefined {
    return this.#writer.failure;
  }

  /** Takes no more events. Resolves when all that was taken before is stored. */
  async refuse(): Promise<void> {
    this.#sealed = true;
    await this.#writer.idle();
  }

  /** Takes events again, since the seal could not be stored. */
  acceptAgain(): void {
    this.#sealed = false;
  }

  /** Lets readers come to an end. */
  seal(): void {
    this.#sealed = true;
    this.#isEnded = true;
    this.#wake();
  }

  /** Drops segments from the start for as long as one of them may go. The newest one stays. */
  async retain(mayDrop: (oldest: OldestSegment, bytes: number) => boolean): Promise<void> {
    const { segments } = this.#writer;
    let bytes = segments.reduce((total, segment) => total + segment.length, 0);
    let count = 0;
    while (count < segments.length - 1) {
      const { endId, newest, length } = segments[count]!;
      if (!mayDrop({ next: endId, newest }, bytes)) break;
      bytes -= length;
      count++;
    }
    if (count > 0) await this.#writer.drop(count);
  }

  /** Ends every read, refuses every further call with one error, and lets go of all files. What was taken is stored first. */
  async close(error: SluiceError): Promise<void> {
    this.#gone ??= error;
    this.#wake();
    await this.#writer.close();
  }

  get #start(): number {
    return this.#writer.segments[0]?.header.baseId ?? 0;
  }

  #committed(written: readonly Written[]): void {
    for (const { batch, firstId, encoded, segment, offset } of written)
      this.#cache.written(kept(batch, firstId, encoded, segment, offset));
    const last = written.at(-1);
    if (last === undefined) return;
    this.#end = last.firstId + last.batch.count;
    this.#wake();
    this.#options.stored(this);
  }

  /** Whether the read has been answered, or will be without having to be woken. */
  #answer(subscriber: Subscriber<StoredBatch>, position: number, limits: ReadLimits): boolean {
    if (this.#gone !== undefined) {
      subscriber.error(this.#gone);
      return true;
    }
    const from = Math.max(position, this.#start);
    if (from < this.#end) {
      const cached = this.#cache.find(from);
      if (cached === undefined) void this.#answerFromDisk(subscriber, from, limits);
      else reply(subscriber, this.#gather(cached, from, limits));
      return true;
    }
    if (this.#isEnded) subscriber.complete();
    return this.#isEnded;
  }

  async #answerFromDisk(subscriber: Subscriber<StoredBatch>, from: number, limits: ReadLimits): Promise<void> {
    try {
      const batch = await this.#load(from);
      if (this.#gone !== undefined) subscriber.error(this.#gone);
      else reply(subscriber, this.#gather(batch, from, limits));
    } catch (error) {
      if (this.#gone !== undefined) subscriber.error(this.#gone);
      else if (from < this.#start) this.#answer(subscriber, from, limits); // It was dropped meanwhile, so the read goes on at the start.
      else subscriber.error(error);
    }
  }

  /** The next batch from an id. Where batches are tiny, several that are in memory make one, so that reading does not cost one call an event. */
  #gather(batch: LoadedBatch, from: number, limits: ReadLimits): StoredBatch {
    const first = cutBatch(batch, from, limits);
    const parts: StoredBatch[] = [first];
    let { count, next } = first;
    let bytes = first.metadata.length;
    while (count < tiny && next < this.#end) {
      const more = this.#cache.find(next);
      if (more === undefined || more.firstId !== next || more.count >= tiny) break;
      if (count + more.count > limits.maxEvents || bytes + more.metadata.length > limits.maxBytes) break;
      parts.push(more);
      count += more.count;
      bytes += more.metadata.length;
      ({ next } = more);
    }
    return joinBatches(parts);
  }

  async #load(id: number): Promise<LoadedBatch> {
    const cached = this.#cache.find(id);
    if (cached !== undefined) return cached;
    const segment = this.#segmentOf(id);
    const batches = await readBatches(segment, id, this.#placeBehind(segment, id));
    this.#cache.read(batches);
    return batches[0]!;
  }

  #placeBehind(segment: Segment, id: number): Place | undefined {
    const before = this.#cache.before(id);
    return before?.segment === segment ? { segment, id, offset: before.end } : undefined;
  }

  #segmentOf(id: number): Segment {
    const { segments } = this.#writer;
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (segments[middle]!.header.baseId <= id) low = middle;
      else high = middle - 1;
    }
    const segment = segments[low];
    if (segment === undefined || id < segment.header.baseId) throw notStored(this.index, id);
    const next = segments[low + 1]?.header.baseId ?? this.#end;
    if (id >= segment.endId) throw unreadable(this.#options.directory, 0, segment.endId, next);
    return segment;
  }

  async #fetch(reads: readonly DataRead[]): Promise<readonly (readonly Uint8Array[])[]> {
    this.#assertThere();
    const answers: (readonly Uint8Array[])[] = [];
    for (let i = 0; i < reads.length;) {
      const { id } = reads[i]!;
      if (id < this.#start || id >= this.#end) throw notStored(this.index, id);
      const batch = await this.#load(id);
      let end = i + 1;
      while (end < reads.length && reads[end]!.id > reads[end - 1]!.id && reads[end]!.id < batch.next) end++;
      answers.push(...(await readData(batch, reads.slice(i, end))));
      i = end;
    }
    this.#assertThere();
    return answers;
  }

  async #positionAt(time: number): Promise<number> {
    this.#assertThere();
    for (const segment of [...this.#writer.segments]) {
      if (segment.newest < time) continue;
      const index = segment.index ?? (await segment.walk());
      for (const { from, to } of index.notOlderThan(time)) {
        const position = await this.#positionWithin(time, from, Math.min(to, segment.endId, this.#end));
        if (position !== undefined) return position;
      }
    }
    return this.#end;
  }

  async #positionWithin(time: number, from: number, to: number): Promise<number | undefined> {
    for (let id = from; id < to;) {
      const { timestamps, firstId, next } = await this.#load(id);
      const index = timestamps.findIndex((timestamp) => timestamp >= time);
      if (index >= 0) return firstId + index;
      id = next;
    }
    return undefined;
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  #wake(): void {
    for (const answer of [...this.#waiting]) answer();
  }
}

/** A batch that was written, as it would be read. Its metadata is kept, not copied; its data is on the disk only. */
function kept(
  batch: EventBatch,
  firstId: number,
  encoded: Written["encoded"],
  segment: Segment,
  offset: number,
): LoadedBatch {
  const { count, metadata, metadataEnds, timestamps, dataEnds } = batch;
  const { blockChecksums, dataOffset, length } = encoded;
  const stored = { count, firstId, next: firstId + count, metadata, metadataEnds, timestamps, dataEnds };
  return {
    ...stored,
    segment,
    end: offset + length,
    dataStart: offset + dataOffset,
    dataSize: dataSizeOf(batch),
    blockChecksums,
  };
}

function reply<T>(subscriber: Subscriber<T>, value: T): void {
  subscriber.next(value);
  subscriber.complete();
}

/** An Observable of the answer of a call that is made when it is subscribed to. */
export function answerWith<T>(call: () => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    call().then(
      (value) => reply(subscriber, value),
      (error: unknown) => subscriber.error(error),
    );
  });
}
