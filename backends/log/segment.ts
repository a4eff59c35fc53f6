import {
  chainOf,
  encodeSegmentHeader,
  segmentHeaderSize,
  type Predecessor,
  type SegmentHeader,
} from "./segmentHeader.ts";
import { scanSegment, type Gap } from "./scanSegment.ts";
import { SparseIndex } from "./sparseIndex.ts";
import type { Storage, StorageFile } from "./storage.ts";

/** What is known of one segment. */
export class Segment {
  readonly header: SegmentHeader;
  readonly path: string;
  /** The first bytes of its id, which every batch of it repeats. */
  readonly tag: Uint8Array;
  /** The id behind its last event that may be read. */
  endId: number;
  /** How many bytes of it are header and batches that may be read. */
  length = segmentHeaderSize;
  /** The number of the batch that follows, and what it is chained to. */
  number: number;
  chain: number;
  /** The newest time of its events. */
  newest = -Infinity;
  /** What cannot be read of it. */
  gaps: readonly Gap[] = [];
  /** Undefined until the segment was walked. */
  index: SparseIndex | undefined;
  readonly #storage: Storage;
  #file: Promise<StorageFile> | undefined;

  constructor(storage: Storage, directory: string, header: SegmentHeader) {
    this.#storage = storage;
    this.header = header;
    this.path = `${directory}/${segmentName(header.ordinal)}`;
    this.tag = header.id.subarray(0, 8);
    this.endId = header.baseId;
    this.number = header.baseNumber;
    this.chain = chainOf(encodeSegmentHeader(header));
  }

  /** How it ended, for the header of the next one. */
  get ending(): Predecessor {
    return { id: this.header.id, endId: this.endId, length: this.length, chain: this.chain };
  }

  /** The file, opened to be read when it is first asked for. */
  get file(): Promise<StorageFile> {
    if (this.#file === undefined) {
      this.#file = this.#storage.open(this.path, "read");
      this.#file.catch(() => (this.#file = undefined)); // Too many open files, say: the next read tries again.
    }
    return this.#file;
  }

  /** Walks the segment to make its index. */
  async walk(depth: "headers" | "everything" = "headers"): Promise<SparseIndex> {
    const index = new SparseIndex();
    const { length, endId } = this; // They may grow meanwhile.
    const start = { tag: this.tag, id: this.header.baseId, number: this.header.baseNumber, chain: undefined };
    const scan = await scanSegment(await this.file, start, {
      end: length,
      depth,
      found: (batch, offset) => index.note(batch.baseId, offset, batch.newest),
    });
    const rest = scan.id < endId ? [{ offset: scan.offset, end: length, fromId: scan.id, toId: endId }] : [];
    this.gaps = [...scan.gaps, ...rest];
    return (this.index = index);
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await (await file?.catch(() => undefined))?.close();
  }
}

/** The name of a segment's file. */
export function segmentName(ordinal: number): string {
  return `${String(ordinal).padStart(10, "0")}.seg`;
}

/** The number of a segment; undefined when a file is none. */
export function ordinalOf(name: string): number | undefined {
  const ordinal = /^(\d{10})\.seg$/.exec(name)?.[1];
  return ordinal === undefined ? undefined : Number(ordinal);
}
