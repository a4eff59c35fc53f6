import { randomBytes } from "node:crypto";
import type { EventBatch } from "../../src/model/batch.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { encodeBatch, type EncodedBatch } from "./batchFormat.ts";
import { HeadFile } from "./headFile.ts";
import { writeFailed } from "./logErrors.ts";
import type { Producers } from "./producers.ts";
import type { Recovered } from "./recovery.ts";
import { Segment, segmentName } from "./segment.ts";
import { encodeSegmentFooter } from "./segmentFooter.ts";
import { encodeSegmentHeader, noPredecessor, segmentHeaderSize } from "./segmentHeader.ts";
import { SparseIndex } from "./sparseIndex.ts";
import { writeAll, type Storage, type StorageFile } from "./storage.ts";
import { WriteAhead } from "./writeAhead.ts";

/** Bytes of one commit at the most, unless a single batch is larger. */
const maxCommitBytes = 16 << 20;
/** Bytes between two entries in the head file, which costs a sync of its own. */
const headInterval = 8 << 20;

/** What a writer obeys. */
export interface WriterOptions {
  readonly storage: Storage;
  readonly directory: string;
  /** `disk`: a batch is answered when fdatasync has returned. `os`: when the system has it. */
  readonly durability: "disk" | "os";
  /** Bytes at which a segment is sealed and the next one begins. */
  readonly segmentBytes: number;
  readonly now: () => number;
}

/** A batch that waits to be written. */
export interface PendingBatch {
  readonly batch: EventBatch | undefined;
  readonly firstId: number;
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
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
 * Appends to the segments of one partition. One commit is in flight at a time; whatever is appended meanwhile joins the
 * next one, so one sync serves many batches. After a write or sync that failed nothing is written any more: nobody knows
 * what is on the disk, and a second sync would say that all is well.
 */
export class PartitionWriter {
  readonly segments: Segment[];
  readonly #options: WriterOptions;
  readonly #producers: Producers;
  readonly #committed: (written: readonly Written[]) => void;
  readonly #epoch: number;
  readonly #generation: number;
  #firstOrdinal: number;
  #head: Promise<HeadFile> | undefined;
  /** Whether the head file says that the end is in good order. */
  #isClean: boolean;
  #file: StorageFile | undefined;
  #ahead: WriteAhead | undefined;
  /** Whether the newest segment may be written to. */
  #isLive: boolean;
  #pending: PendingBatch[] = [];
  #inFlight: readonly PendingBatch[] = [];
  #running: Promise<void> | undefined;
  /** The id behind the last event that is known to be on the disk. */
  #durableId: number;
  #sinceHead = 0;
  #dropping: Promise<void> | undefined;
  #failure: SluiceError | undefined;

  /**
   * @param refusal - Why nothing may be written, where that is so.
   * @param committed - Told of what was written, before whoever appended it is answered.
   */
  constructor(
    recovered: Recovered,
    options: WriterOptions,
    refusal: SluiceError | undefined,
    committed: (written: readonly Written[]) => void,
  ) {
    this.#failure = refusal;
    this.#isClean = recovered.closed;
    this.segments = recovered.segments;
    this.#producers = recovered.producers;
    this.#options = options;
    this.#committed = committed;
    const live = this.segments.at(-1);
    const { head } = recovered;
    this.#epoch = Math.max(head?.epoch ?? 0, live?.header.epoch ?? 0) + 1;
    this.#generation = head?.generation ?? 0;
    this.#firstOrdinal = head?.firstOrdinal ?? this.segments[0]?.header.ordinal ?? 0;
    this.#durableId = live?.endId ?? 0;
    // After an end that was not in good order a new segment begins, unless this one is still empty.
    this.#isLive = live !== undefined && (recovered.closed || live.length === segmentHeaderSize);
  }

  /** Why nothing is written any more. */
  get failure(): SluiceError | undefined {
    return this.#failure;
  }

  /** Takes a batch. What is taken within one turn of the event loop is written together. */
  append(pending: PendingBatch): void {
    if (this.#failure !== undefined) return pending.failed(this.#failure);
    this.#pending.push(pending);
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Drops the oldest segments, up to the one with this index. They are gone for readers at once. */
  drop(count: number): Promise<void> {
    return (this.#dropping = this.#drop(count));
  }

  async #drop(count: number): Promise<void> {
    const dropped = this.segments.splice(0, count);
    this.#firstOrdinal = this.segments[0]!.header.ordinal;
    try {
      await this.#writeHead(false); // First the head: a segment that is missing without a word is damage.
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
    await this.#dropping;
    try {
      if (this.#failure === undefined) await this.#closeInGoodOrder();
    } catch (error) {
      this.#fail(error);
    } finally {
      await Promise.allSettled([this.#ahead?.stop()]);
      await Promise.allSettled([
        this.#file?.close(),
        this.#head?.then((head) => head.close()),
        ...this.segments.map((segment) => segment.close()),
      ]);
    }
  }

  async #closeInGoodOrder(): Promise<void> {
    const live = this.segments.at(-1);
    if (live === undefined || this.#isClean) return;
    await this.#ahead?.stop();
    if (this.#file !== undefined) {
      await this.#file.truncate(live.length);
      await this.#file.sync();
    }
    this.#durableId = live.endId;
    await this.#writeHead(true);
  }

  async #run(): Promise<void> {
    try {
      let next: readonly PendingBatch[] = this.#take();
      let commit: Promise<readonly Written[]> = this.#commit(next);
      for (;;) {
        const taken = next;
        const written = await commit;
        this.#inFlight = [];
        this.#committed(written);
        // What gathered meanwhile is on its way before anybody is answered, so that the disk has something to do.
        const hasMore = this.#pending.length > 0;
        if (hasMore) {
          next = this.#take();
          commit = this.#commit(next);
          commit.catch(() => undefined); // It is awaited above, one answer later.
        }
        for (const each of taken) each.stored();
        if (hasMore) continue;
        if (this.#pending.length === 0) break;
        next = this.#take();
        commit = this.#commit(next);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#running = undefined;
  }

  #take(): readonly PendingBatch[] {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#pending) {
      bytes += batch === undefined ? 0 : batch.metadata.length + (batch.dataEnds?.[batch.count - 1] ?? 0);
      if (count > 0 && bytes > maxCommitBytes) break;
      count++;
    }
    const taken = count === this.#pending.length ? this.#pending : this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    return taken;
  }

  async #commit(taken: readonly PendingBatch[]): Promise<readonly Written[]> {
    this.#inFlight = taken;
    const batches = taken.filter(hasBatch);
    if (batches.length === 0) return [];
    const size = batches.reduce((sum, { batch }) => sum + estimatedLength(batch), 0);
    await this.#prepare(size);
    const segment = this.segments.at(-1)!;
    const segments: Uint8Array[] = [];
    const written: Written[] = [];
    let { number, chain, length } = segment;
    for (const { batch, firstId } of batches) {
      const place = {
        tag: segment.tag,
        baseId: firstId,
        number,
        chain,
        durableMark: this.#durableId,
        epoch: this.#epoch,
      };
      const encoded = encodeBatch(batch, place);
      for (const each of encoded.segments) segments.push(each);
      written.push({ batch, firstId, encoded, segment, offset: length });
      length += encoded.length;
      chain = encoded.checksum;
      number++;
    }
    await this.#ahead!.clear(length);
    await writeAll(this.#file!, segments, segment.length);
    if (this.#options.durability === "disk") await this.#file!.sync();
    const committed = length - segment.length;
    segment.number = number;
    segment.chain = chain;
    segment.length = length;
    for (const { encoded, firstId, batch, offset } of written) {
      segment.index?.note(firstId, offset, encoded.newest);
      segment.newest = Math.max(segment.newest, encoded.newest);
      segment.endId = firstId + batch.count;
      this.#producers.stored(batch, firstId);
    }
    if (this.#options.durability === "disk") this.#durableId = segment.endId;
    this.#noteHead(committed);
    if (this.#options.durability === "disk") this.#ahead!.extend(length, committed);
    return written;
  }

  /** Sees to it that there is a segment with room. One batch that is larger than a segment gets one of its own. */
  async #prepare(size: number): Promise<void> {
    const live = this.segments.at(-1);
    const hasRoom =
      live !== undefined && (live.length === segmentHeaderSize || live.length + size <= this.#options.segmentBytes);
    if (!this.#isLive || !hasRoom) return this.#roll();
    if (this.#file !== undefined) return;
    await this.#writeHead(false); // From here on the end is not in good order any more.
    this.#openFile(await this.#options.storage.open(live.path, "write"), live.length);
  }

  /** Seals the newest segment and makes the next one. */
  async #roll(): Promise<void> {
    const { storage, directory, now } = this.#options;
    const last = this.segments.at(-1);
    if (last === undefined) await storage.makeDirectory(directory);
    else await this.#seal(last);
    const ordinal = last === undefined ? this.#firstOrdinal : last.header.ordinal + 1;
    const header = {
      id: new Uint8Array(randomBytes(16)),
      ordinal,
      baseId: last?.endId ?? 0,
      baseNumber: last?.number ?? 0,
      epoch: this.#epoch,
      created: now(),
      predecessor: last?.ending ?? noPredecessor,
    };
    const segment = new Segment(storage, directory, header);
    segment.index = new SparseIndex();
    const temporary = `${directory}/${segmentName(ordinal)}.new`;
    const file = await storage.open(temporary, "create");
    this.#openFile(file, segmentHeaderSize);
    await writeAll(file, [encodeSegmentHeader(header)], 0);
    await file.sync();
    await storage.rename(temporary, segment.path);
    await storage.syncDirectory(directory);
    this.segments.push(segment);
    this.#isLive = true;
    await this.#writeHead(false);
  }

  async #seal(last: Segment): Promise<void> {
    await this.#ahead?.stop();
    const { endId, number, newest } = last;
    const footer = encodeSegmentFooter(last.tag, { endId, number, newest, producers: this.#producers.snapshot() });
    const file = this.#file ?? (await this.#options.storage.open(last.path, "write"));
    this.#file = undefined;
    try {
      await file.truncate(last.length);
      await writeAll(file, [footer], last.length);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#durableId = endId;
  }

  #openFile(file: StorageFile, position: number): void {
    this.#file = file;
    this.#ahead = new WriteAhead(file, position, this.#options.segmentBytes);
  }

  async #openHead(): Promise<HeadFile> {
    const { storage, directory } = this.#options;
    const head = await HeadFile.open(storage, `${directory}/head`, this.#generation);
    await storage.syncDirectory(directory);
    return head;
  }

  async #writeHead(clean: boolean): Promise<void> {
    const live = this.segments.at(-1)!;
    const isSynced = clean || this.#options.durability === "disk";
    this.#sinceHead = 0;
    const state = {
      clean,
      epoch: this.#epoch,
      segmentId: live.header.id,
      ordinal: live.header.ordinal,
      firstOrdinal: this.#firstOrdinal,
      // What is not yet on the disk must not be claimed to be.
      endId: isSynced ? live.endId : live.header.baseId,
      length: isSynced ? live.length : segmentHeaderSize,
      number: live.number,
      chain: live.chain,
    };
    this.#head ??= this.#openHead();
    await (await this.#head).write(state);
    this.#isClean = clean;
  }

  /** Notes now and then how far the log reaches. Nobody waits for it. */
  #noteHead(bytes: number): void {
    this.#sinceHead += bytes;
    if (this.#sinceHead < headInterval || this.#options.durability !== "disk") return;
    this.#writeHead(false).catch((error: unknown) => this.#fail(error));
  }

  #fail(cause: unknown): void {
    this.#failure ??= writeFailed(this.#options.directory, cause);
    const refused = [...this.#inFlight, ...this.#pending];
    this.#inFlight = [];
    this.#pending = [];
    for (const { failed } of refused) failed(this.#failure);
  }
}

function hasBatch(pending: PendingBatch): pending is PendingBatch & { readonly batch: EventBatch } {
  return pending.batch !== undefined;
}

/** At least as long as the batch will be on the disk. */
function estimatedLength({ count, metadata, dataEnds, producer }: EventBatch): number {
  const data = dataEnds?.[count - 1] ?? 0;
  return 160 + metadata.length + 20 * count + data + Math.ceil(data / 1024) + 4 * (producer?.id.length ?? 0);
}
