import { defer, Observable, of, type Subscriber } from "rxjs";
import type { BackendPartition, ReadLimits } from "../../src/model/backend.ts";
import { dataSizeOf, type Appended, type DataRead, type EventBatch, type StoredBatch } from "../../src/model/batch.ts";
import { checkDurability } from "../../src/model/durability.ts";
import type { Compaction } from "../../src/model/compaction.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { PartitionBounds } from "../../src/model/partition.ts";
import type { RetentionRule } from "../../src/model/retentionRule.ts";
import { sliceBatch } from "../../src/model/sliceBatch.ts";
import { writesRefused } from "./logErrors.ts";
import type { Producers } from "./producers.ts";
import type { LoadedBatch } from "./read/segmentReader.ts";
import { SegmentReads } from "./read/segmentReads.ts";
import { recover, type Recovered } from "./recovery/recover.ts";
import type { RecoveryReport } from "./recovery/recoveryReport.ts";
import type { Segment } from "./segments/segment.ts";
import { compactSegments } from "./rewrite/compactSegments.ts";
import { PartitionWriter, type WriterOptions, type Written } from "./write/partitionWriter.ts";

/** Segments that retention never drops: the live one, and the one before it, whose footer knows the producers. */
const keptSegments = 2;

/** What a partition is told by its topic. */
export interface PartitionOptions extends WriterOptions {
  readonly topic: string;
  readonly index: number;
  /** Called when something was stored, so that something older may go. */
  readonly stored: (partition: LogPartition) => void;
  /** Which events may go since there is a newer one of their key. */
  readonly compaction: Compaction | undefined;
}

/** One partition on the disk. */
export class LogPartition implements BackendPartition {
  readonly index: number;
  readonly report: RecoveryReport;
  readonly #options: PartitionOptions;
  readonly #writer: PartitionWriter;
  readonly #producers: Producers;
  readonly #reads: SegmentReads;
  /** The id of the next event that is accepted. */
  #nextId: number;
  /** The id behind the last event that was stored: readers see no further. */
  #end: number;
  #sealed = false;
  /** Whether readers that have come to the end are told so. */
  #isEnded = false;
  #gone: SluiceError | undefined;
  /** The newest segment when it was last looked for what may be compacted, and the segments that were looked at. */
  #compactedAt: number | undefined;
  readonly #seen = new WeakSet<Segment>();

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
    this.#reads = new SegmentReads({
      partition: options.index,
      directory: options.directory,
      segments: () => this.#writer.segments,
      end: () => this.#end,
      isEnded: () => this.#isEnded,
      gone: () => this.#gone,
    });
  }

  /** Opens a partition, and brings it into order when it was not closed. */
  static async open(options: PartitionOptions): Promise<LogPartition> {
    return new LogPartition(options, await recover(options.storage, options.directory, options.keys));
  }

  append(batch: EventBatch): Observable<Appended> {
    return new Observable((subscriber) => {
      this.check(batch);
      this.#accept(batch, subscriber);
    });
  }

  /** Throws what would keep a batch from being stored. */
  check(batch: EventBatch): void {
    this.#assertThere();
    checkDurability(batch.durability, this.#options.durability);
    if (this.#sealed)
      throw new SluiceError("ERR_TOPIC_SEALED", `Partition ${this.index} takes no more events: the topic is sealed`);
    if (this.#writer.failure !== undefined) throw this.#writer.failure;
    this.#producers.judge(batch);
  }

  /** Stores a batch of a transaction that was committed before the topic was sealed. */
  complete(batch: EventBatch): Observable<Appended> {
    return new Observable((subscriber) => {
      this.#assertThere();
      if (this.#writer.failure !== undefined) throw this.#writer.failure;
      this.#accept(batch, subscriber);
    });
  }

  #accept(batch: EventBatch, subscriber: Subscriber<Appended>): void {
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
      durability: (batch.durability ?? this.#options.durability) === "disk" ? "disk" : "os",
      stored: () => {
        subscriber.next(answer);
        subscriber.complete();
      },
      failed: (error) => subscriber.error(error),
    });
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#reads.read(position, limits);
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return this.#reads.fetch(reads);
  }

  bounds(): Observable<PartitionBounds> {
    return defer(() => {
      this.#assertThere();
      return of({ start: this.#reads.start, end: this.#end, sealed: this.#sealed });
    });
  }

  nextSequence(producer: string): Observable<number> {
    return defer(() => {
      this.#assertThere();
      return of(this.#producers.next(producer));
    });
  }

  find(time: number): Observable<number> {
    return this.#reads.find(time);
  }

  /** The id behind the last event that is stored. */
  get end(): number {
    return this.#end;
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
    this.#reads.wake();
  }

  /** Drops segments from the start for as long as one of them may go. The newest one stays. */
  async retain(mayDrop: RetentionRule): Promise<void> {
    const { segments } = this.#writer;
    let bytes = segments.reduce((total, segment) => total + segment.length, 0);
    let count = 0;
    while (count < segments.length - keptSegments) {
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
    this.#reads.wake();
    await this.#writer.close();
    await this.#reads.close();
  }

  #committed(written: readonly Written[]): void {
    for (const { batch, firstId, encoded, segment, offset } of written)
      this.#reads.written(kept(batch, firstId, encoded, segment, offset));
    const last = written.at(-1);
    if (last === undefined) return;
    this.#end = last.firstId + last.batch.count;
    this.#reads.wake();
    this.#options.stored(this);
    if (this.#options.compaction !== undefined) this.#compactAfterRoll(this.#options.compaction);
  }

  /** Compacts in the background when a segment was sealed. What fails is tried again when the next one is. */
  #compactAfterRoll(compaction: Compaction): void {
    const ordinal = this.#writer.segments.at(-1)!.header.ordinal;
    if (ordinal === this.#compactedAt) return;
    this.#compactedAt = ordinal;
    const { storage, directory, keys, now } = this.#options;
    const { segments } = this.#writer;
    const replaced = (before: Segment, after: Segment) => {
      segments[segments.indexOf(before)] = after;
      this.#reads.replaced(before);
    };
    const begun = () => this.#reads.forgetReplaced();
    const isStopped = () => this.#gone !== undefined || this.#writer.failure !== undefined;
    this.#writer
      .change(async () => {
        const seen = this.#seen;
        if (!isStopped())
          await compactSegments({
            storage,
            directory,
            keys,
            compaction,
            now,
            segments,
            seen,
            begun,
            replaced,
            isStopped,
          });
      })
      .catch(() => undefined);
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
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
  const { count, metadata, metadataEnds, timestamps, dataEnds, producer } = batch;
  const { blockChecksums, dataOffset, length, seal } = encoded;
  const stored = { count, firstId, next: firstId + count, metadata, metadataEnds, timestamps, dataEnds };
  return {
    ...stored,
    ...(producer !== undefined && { producers: [{ index: 0, producer }] }),
    segment,
    end: offset + length,
    dataStart: offset + dataOffset,
    dataSize: dataSizeOf(batch),
    blockChecksums,
    seal,
  };
}
