/*
 * The file `head`: how far the live segment was known to reach, kept apart from the segment, so that a segment that was
 * cut off at the end of a batch is noticed. Two slots, 4,096 bytes apart, are written in turn; a torn write spoils one of them.
 *
 *      0                8                16               24               32
 *    0 │ "SLUICEHD"     │ version │ flags│ generation      │ writer epoch    │
 *   32 │ id of the live segment          │ its ordinal     │ oldest ordinal  │
 *   64 │ end position   │ length in bytes│ next batch no.  │ chain │ 0       │
 *   96 │ synced position│ 0 …                                                │
 *  508 │ CRC32C of bytes 0 to 507                                            │
 *
 * flags: 1 when the partition was closed and nothing was written since.
 *
 * A third slot, behind them, is written whenever the writer comes to rest, and is not synced: it tells other processes of this
 * machine what was committed. A loss of power may have taken what it speaks of, but for what it says was synced: that is there,
 * or something has taken it away. So a log that was cut off behind its newest batch, after its process was killed, is noticed.
 */
import { getInteger, setInteger, viewOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import { formatVersion } from "./segmentHeader.ts";
import { ignoreMissing, readAll, writeAll, type Storage, type StorageFile } from "../storage/storage.ts";

const magic = new TextEncoder().encode("SLUICEHD");
const slotSize = 512;
const slotDistance = 4096;
const publishedAt = 2 * slotDistance;

/** What is known of the live segment. */
export interface Head {
  readonly clean: boolean;
  readonly generation: number;
  readonly epoch: number;
  readonly segmentId: Uint8Array;
  readonly ordinal: number;
  /** The oldest segment that was not dropped on purpose. */
  readonly firstOrdinal: number;
  readonly endId: number;
  readonly length: number;
  readonly number: number;
  readonly chain: number;
  /** The id behind the last event that is on the disk. */
  readonly durableId: number;
}

/** One slot of the file. */
export function encodeHead(head: Head): Uint8Array {
  const bytes = new Uint8Array(slotSize);
  const view = viewOf(bytes);
  bytes.set(magic);
  view.setUint32(8, formatVersion, true);
  view.setUint32(12, head.clean ? 1 : 0, true);
  setInteger(view, 16, head.generation);
  setInteger(view, 24, head.epoch);
  bytes.set(head.segmentId, 32);
  setInteger(view, 48, head.ordinal);
  setInteger(view, 56, head.firstOrdinal);
  setInteger(view, 64, head.endId);
  setInteger(view, 72, head.length);
  setInteger(view, 80, head.number);
  view.setUint32(88, head.chain, true);
  setInteger(view, 96, head.durableId);
  view.setUint32(508, crc32c(bytes.subarray(0, 508)), true);
  return bytes;
}

/** Reads a slot; undefined when it is not one. */
export function decodeHead(bytes: Uint8Array): Head | undefined {
  if (bytes.length < slotSize || !magic.every((byte, i) => byte === bytes[i])) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(508, true) !== crc32c(bytes.subarray(0, 508))) return undefined;
  if (view.getUint32(8, true) !== formatVersion) return undefined;
  return {
    clean: (view.getUint32(12, true) & 1) === 1,
    generation: getInteger(view, 16),
    epoch: getInteger(view, 24),
    segmentId: bytes.slice(32, 48),
    ordinal: getInteger(view, 48),
    firstOrdinal: getInteger(view, 56),
    endId: getInteger(view, 64),
    length: getInteger(view, 72),
    number: getInteger(view, 80),
    chain: view.getUint32(88, true),
    durableId: getInteger(view, 96),
  };
}

/** The file itself. One write is in flight at a time; the newest state wins. */
export class HeadFile {
  readonly #file: StorageFile;
  #generation: number;
  #writing: Promise<void> = Promise.resolve();
  #publishing: Promise<void> | undefined;
  #toPublish: Uint8Array | undefined;

  private constructor(file: StorageFile, generation: number) {
    this.#file = file;
    this.#generation = generation;
  }

  /** Opens the file to be written, and makes it where there is none. */
  static async open(storage: Storage, path: string, generation: number): Promise<HeadFile> {
    const file = (await storage.open(path, "write").catch(ignoreMissing)) ?? (await storage.open(path, "create"));
    return new HeadFile(file, generation);
  }

  /** The newest valid slot of what is on the disk; undefined when there is none. */
  static async read(storage: Storage, path: string): Promise<Head | undefined> {
    const [first, second] = await readSlots(storage, path, [0, slotDistance]);
    if (first === undefined || second === undefined) return first ?? second;
    return first.generation > second.generation ? first : second;
  }

  /**
   * What the third slot says, where it counts: something else that was written behind it may have accepted a loss. It has to
   * be read before the segments are, which a process may be writing to.
   */
  static async readWitness(storage: Storage, path: string): Promise<Head | undefined> {
    const [first, second, third] = await readSlots(storage, path, [0, slotDistance, publishedAt]);
    const generation = Math.max(first?.generation ?? 0, second?.generation ?? 0);
    return third !== undefined && third.generation >= generation ? third : undefined;
  }

  /** What the writer has answered for, as far as it has said; undefined when it has said nothing. */
  static async readPublished(storage: Storage, path: string): Promise<Head | undefined> {
    const heads = await readSlots(storage, path, [0, slotDistance, publishedAt]);
    const newest = heads.reduce((ahead, head) => (isAhead(head, ahead) ? head : ahead), undefined);
    // What was dropped may be said by another slot than how far the log reaches, and never comes back.
    return newest && { ...newest, firstOrdinal: Math.max(...heads.map((head) => head?.firstOrdinal ?? 0)) };
  }

  /** Writes the next state and syncs it. */
  write(head: Omit<Head, "generation">): Promise<void> {
    const generation = ++this.#generation;
    const slot = encodeHead({ ...head, generation });
    this.#writing = this.#writing.then(async () => {
      await writeAll(this.#file, [slot], (generation % 2) * slotDistance);
      await this.#file.sync();
    });
    return this.#writing;
  }

  /** Tells other processes how far the log has come. Only the newest state is told where it changes faster than it can be. */
  publish(head: Omit<Head, "generation">): void {
    this.#toPublish = encodeHead({ ...head, generation: this.#generation });
    this.#publishing ??= this.#publishAll();
  }

  /** Resolves when all that was published can be seen. */
  async published(): Promise<void> {
    await this.#publishing;
  }

  async close(): Promise<void> {
    await this.#publishing;
    await this.#file.close();
  }

  async #publishAll(): Promise<void> {
    while (this.#toPublish !== undefined) {
      const slot = this.#toPublish;
      this.#toPublish = undefined;
      await writeAll(this.#file, [slot], publishedAt).catch(() => undefined); // Readers learn of it from the next one.
    }
    this.#publishing = undefined;
  }
}

async function readSlots(
  storage: Storage,
  path: string,
  places: readonly number[],
): Promise<readonly (Head | undefined)[]> {
  const file = await storage.open(path, "read").catch(ignoreMissing);
  if (file === undefined) return places.map(() => undefined);
  try {
    const bytes = new Uint8Array(places.at(-1)! + slotSize);
    const length = await readAll(file, bytes, 0);
    return places.map((at) => decodeHead(bytes.subarray(at, Math.max(at, Math.min(at + slotSize, length)))));
  } finally {
    await file.close();
  }
}

function isAhead(head: Head | undefined, other: Head | undefined): boolean {
  if (head === undefined || other === undefined) return head !== undefined;
  if (head.epoch !== other.epoch) return head.epoch > other.epoch;
  return head.ordinal === other.ordinal ? head.endId > other.endId : head.ordinal > other.ordinal;
}
