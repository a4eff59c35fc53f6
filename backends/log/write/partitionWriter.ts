import { randomBytes } from "node:crypto";
import { dataSizeOf, type EventBatch } from "../../../src/model/batch.ts";
import type { SluiceError } from "../../../src/model/errors.ts";
import { encodeBatch, estimatedLength, type EncodedBatch } from "../format/encodeBatch.ts";
import { checksumsOf } from "../format/blockChecksums.ts";
import { encodeSegmentFooter } from "../format/segmentFooter.ts";
import type { Keys } from "../encryption/keys.ts";
import type { SegmentCipher } from "../encryption/segmentCipher.ts";
import { noPredecessor, segmentHeaderSize } from "../format/segmentHeader.ts";
import { writeFailed } from "../logErrors.ts";
import type { Producers } from "../producers.ts";
import type { Recovered } from "../recovery/recover.ts";
import { emptyEnd, Segment, type SegmentEnd } from "../segments/segment.ts";
import { SparseIndex } from "../segments/sparseIndex.ts";
import type { Storage } from "../storage/storage.ts";
import { CommitQueue, type PendingBatch } from "./commitQueue.ts";
import { HeadKeeper } from "./headKeeper.ts";
import { LiveFile } from "./liveFile.ts";

/** Bytes between two entries in the head file, which costs a sync of its own. */
const headInterval = 32 << 20;

/** Milliseconds after which readers in other processes are told how far the log has come, also when it never rests. */
const publishInterval = 10;

/** What a writer obeys. */
export interface WriterOptions {
  readonly storage: Storage;
  readonly directory: string;
  /** `disk`: a batch is answered when it is on the disk, unless it asks for less. `os`: when the system has it. */
  readonly durability: "disk" | "os";
  /** Bytes at which a segment is sealed and the next one begins. */
  readonly segmentBytes: number;
  readonly now: () => number;
  /** What new segments are encrypted with, and old ones decrypted. */
  readonly keys: Keys;
}

/** A batch that has been written, and where. */
export interface Written {
  readonly batch: EventBatch;
  readonly firstId: number;
  readonly encoded: EncodedBatch;
  readonly segment: Segment;
  readonly offset: number;
}

/**
 * Appends to the segments of one partition. After a write or sync that failed nothing is written any more: nobody knows
 * what is on the disk, and a second sync would say that all is well.
 */
export class PartitionWriter {
  readonly segments: Segment[];
  readonly #options: WriterOptions;
  readonly #producers: Producers;
  readonly #queue: CommitQueue<readonly Written[]>;
  readonly #head: HeadKeeper;
  #live: LiveFile | undefined;
  /** Whether the newest segment may be written to. */
  #isLive: boolean;
  /** How far the newest segment is known to be on the disk. */
  #durable: SegmentEnd;
  #sinceHead = 0;
  #publishedAt = 0;
  /** What the newest segment is encrypted with. */
  #cipher: SegmentCipher | undefined;
  #changing: Promise<void> | undefined;
  #failure: SluiceError | undefined;

  /**
   * @param refusal - Why nothing may be written, where that is so.
   * @param committed - Told of what was written, before whoever appended it is answered.
   */
  constructor(
    { segments, producers, head, closed }: Recovered,
    options: WriterOptions,
    refusal: SluiceError | undefined,
    committed: (written: readonly Written[]) => void,
  ) {
    const { storage, directory } = options;
    this.segments = segments;
    this.#options = options;
    this.#producers = producers;
    this.#failure = refusal;
    this.#head = new HeadKeeper({ storage, directory, head, segments, closed });
    this.#queue = new CommitQueue({
      commit: (taken, durability) => this.#commit(taken, durability),
      committed,
      rested: () => this.#publish(),
      failed: (cause) => this.#fail(cause),
    });
    const newest = segments.at(-1);
    this.#durable = newest?.end ?? emptyEnd;
    this.#isLive = newest !== undefined && this.#mayGoOn(newest, closed);
    if (!closed) this.#publish(); // A writer that was killed may not have come to tell readers of its last events.
  }

  /**
   * Whether a segment of an earlier opening is written on. After an end that was not in good order a new one begins, unless this
   * one is still empty. One that is encrypted is never written on, so that no nonce can be used twice, whatever was restored from a copy.
   */
  #mayGoOn({ header, length }: Segment, closed: boolean): boolean {
    if (header.rewritten !== undefined || header.key !== undefined || this.#options.keys.current !== undefined)
      return false;
    return closed || length === segmentHeaderSize;
  }

  /** Why nothing is written any more. */
  get failure(): SluiceError | undefined {
    return this.#failure;
  }

  /** Takes a batch, which is written at once when nothing else is being written. Otherwise its data is summed while it waits. */
  append(pending: PendingBatch): void {
    if (this.#failure !== undefined) pending.failed(this.#failure);
    else this.#queue.append(this.#queue.isBusy && this.#options.keys.current === undefined ? summed(pending) : pending);
  }

  /** Resolves when nothing waits to be written, and readers in other processes can see all that was. */
  async idle(): Promise<void> {
    await this.#queue.idle();
    await this.#head.published();
  }

  /** Drops the oldest segments, up to the one with this index, once a change of others has been made. */
  drop(count: number): Promise<void> {
    return this.change(() => this.#drop(count));
  }

  /** Changes segments that are not written any more. Such changes are made one after the other, and before it is closed. */
  change(work: () => Promise<void>): Promise<void> {
    const changed = (this.#changing ?? Promise.resolve()).then(work);
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  async #drop(count: number): Promise<void> {
    const dropped = this.segments.splice(0, count);
    try {
      this.#head.dropBefore(this.segments[0]!.header.ordinal);
      await this.#writeHead(); // First the head: a segment that is missing without a word is damage.
      this.#publish();
      for (const segment of dropped) {
        await segment.close();
        await this.#options.storage.unlink(segment.path);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes what is waiting, notes that the end is in good order, and lets go of all files. */
  async close(): Promise<void> {
    await this.idle();
    await this.#changing;
    try {
      if (this.#failure === undefined) await this.#closeInGoodOrder();
    } catch (error) {
      this.#fail(error);
    } finally {
      await Promise.allSettled([
        this.#live?.close(),
        this.#head.close(),
        ...this.segments.map((segment) => segment.close()),
      ]);
    }
  }

  async #closeInGoodOrder(): Promise<void> {
    const newest = this.segments.at(-1);
    if (newest === undefined || this.#head.isClean) return;
    await this.#live?.cut(newest.length);
    await this.#head.write(newest, newest.end, "clean");
  }

  /** Where there is room, the write begins within this call. */
  async #commit(taken: readonly PendingBatch[], durability: "disk" | "os"): Promise<readonly Written[]> {
    const batches = taken.filter(hasBatch);
    if (batches.length === 0) {
      if (durability === "disk") await this.#live?.sync(); // What is stored already may have needed no sync then.
      return [];
    }
    const size = batches.reduce((sum, { batch }) => sum + estimatedLength(batch), 0);
    const live = this.#liveWithRoom(size) ?? (await this.#liveFor(size));
    const segment = this.segments.at(-1)!;
    const parts: Uint8Array[] = [];
    const written: Written[] = [];
    let { number, chain, length } = segment;
    const [durableMark, epoch] = [this.#durable.endId, this.#head.epoch];
    for (const { batch, firstId } of batches) {
      const encoded = encodeBatch(
        batch,
        {
          tag: segment.tag,
          position: length,
          baseId: firstId,
          number,
          chain,
          durableMark,
          epoch,
        },
        this.#cipher,
      );
      for (const part of encoded.segments) parts.push(part);
      written.push({ batch, firstId, encoded, segment, offset: length });
      length += encoded.length;
      chain = encoded.checksum;
      number++;
    }
    const committed = length - segment.length;
    await live.write(parts, segment.length, length, durability);
    for (const each of written) this.#advance(segment, each);
    if (durability === "disk") {
      this.#durable = segment.end;
      this.#noteHead(committed);
      live.extend(length, committed);
    }
    if (this.#options.now() - this.#publishedAt > publishInterval) this.#publish();
    return written;
  }

  /** Tells readers in other processes what was committed. */
  #publish(): void {
    const newest = this.segments.at(-1);
    if (newest === undefined || this.#failure !== undefined) return;
    this.#publishedAt = this.#options.now();
    this.#head.publish(newest, this.#durable);
  }

  /** Moves the end of a segment behind a batch that was written. */
  #advance(segment: Segment, { batch, firstId, encoded, offset }: Written): void {
    segment.number++;
    segment.chain = encoded.checksum;
    segment.length = offset + encoded.length;
    segment.index?.note(firstId, offset, encoded.newest);
    segment.newest = Math.max(segment.newest, encoded.newest);
    segment.endId = firstId + batch.count;
    this.#producers.stored(batch, firstId);
  }

  /** The file that is open, when it has room for so many bytes. One batch that is larger than a segment gets one of its own. */
  #liveWithRoom(size: number): LiveFile | undefined {
    return this.#hasRoom(size) ? this.#live : undefined;
  }

  #hasRoom(size: number): boolean {
    const newest = this.segments.at(-1);
    if (newest === undefined || !this.#isLive) return false;
    return newest.length === segmentHeaderSize || newest.length + size <= this.#options.segmentBytes;
  }

  /** Opens or makes the file to write to. */
  async #liveFor(size: number): Promise<LiveFile> {
    const { storage, segmentBytes } = this.#options;
    if (!this.#hasRoom(size)) return this.#roll();
    const newest = this.segments.at(-1)!;
    await this.#writeHead(); // From here on the end is not in good order any more.
    return (this.#live = await LiveFile.open(storage, newest, segmentBytes));
  }

  /** Seals the newest segment and makes the next one. */
  async #roll(): Promise<LiveFile> {
    const { storage, directory, now, segmentBytes, keys } = this.#options;
    const last = this.segments.at(-1);
    if (last === undefined) await storage.makeDirectory(directory);
    const id = new Uint8Array(randomBytes(16));
    const sealing = await keys.forNew(id);
    const header = {
      id,
      ordinal: last === undefined ? this.#head.firstOrdinal : last.header.ordinal + 1,
      baseId: last?.endId ?? 0,
      baseNumber: last?.number ?? 0,
      epoch: this.#head.epoch,
      created: now(),
      predecessor: last?.ending ?? noPredecessor,
      ...(sealing !== undefined && { key: sealing.key }),
    };
    const segment = new Segment(storage, directory, header, keys);
    this.#cipher = sealing?.cipher;
    segment.index = new SparseIndex();
    // The next one gets its name when the last one is sealed: it says of it how long it is.
    const sealed = last === undefined ? Promise.resolve() : this.#seal(last);
    sealed.catch(() => undefined); // It is awaited within.
    const live = await LiveFile.create(storage, directory, segment, segmentBytes, sealed);
    this.#live = live;
    this.segments.push(segment);
    this.#durable = segment.end;
    this.#isLive = true;
    const noted = this.#writeHead();
    if (last === undefined) await noted;
    else noted.catch((error: unknown) => this.#fail(error)); // Nobody waits for it: the new segment names the last one.
    return live;
  }

  async #seal(last: Segment): Promise<void> {
    if (last.header.rewritten !== undefined) return; // It was made as a whole.
    const { endId, number, newest } = last;
    const footer = encodeSegmentFooter(last.tag, { endId, number, newest, producers: this.#producers.snapshot() });
    const file = this.#live ?? (await LiveFile.open(this.#options.storage, last, this.#options.segmentBytes));
    this.#live = undefined;
    await file.seal(last.length, footer);
  }

  #writeHead(): Promise<void> {
    this.#sinceHead = 0;
    return this.#head.write(this.segments.at(-1)!, this.#durable, "open");
  }

  /** Notes now and then how far the log reaches. Nobody waits for it. */
  #noteHead(bytes: number): void {
    this.#sinceHead += bytes;
    if (this.#sinceHead >= headInterval) this.#writeHead().catch((error: unknown) => this.#fail(error));
  }

  #fail(cause: unknown): SluiceError {
    this.#failure ??= writeFailed(this.#options.directory, cause);
    this.#queue.fail(this.#failure);
    return this.#failure;
  }
}

function hasBatch(pending: PendingBatch): pending is PendingBatch & { readonly batch: EventBatch } {
  return pending.batch !== undefined;
}

function summed(pending: PendingBatch): PendingBatch {
  const { batch } = pending;
  if (batch?.dataEnds === undefined) return pending;
  return { ...pending, batch: { ...batch, blockChecksums: checksumsOf(batch.data, dataSizeOf(batch)) } };
}
