import { chainOf, segmentHeaderSize, type Predecessor, type SegmentHeader } from "../format/segmentHeader.ts";
import { scanSegment, type Gap } from "./scanSegment.ts";
import { Keys } from "../encryption/keys.ts";
import type { SegmentCipher } from "../encryption/segmentCipher.ts";
import { SparseIndex } from "./sparseIndex.ts";
import type { Storage } from "../storage/storage.ts";
import { ReadFile } from "./readFile.ts";

const noKeys = new Keys(undefined);

/** How far a segment reaches. */
export interface SegmentEnd {
  /** The id behind its last event. */
  readonly endId: number;
  /** How many bytes of it are header and batches. */
  readonly length: number;
  /** The number of the batch that follows, and what it is chained to. */
  readonly number: number;
  readonly chain: number;
}

/** Where a partition without a segment ends. */
export const emptyEnd: SegmentEnd = { endId: 0, length: 0, number: 0, chain: 0 };

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
  /** What its first batch is chained to. */
  readonly firstChain: number;
  /** The newest time of its events. */
  newest = -Infinity;
  /** What cannot be read of it. */
  gaps: readonly Gap[] = [];
  /** Undefined until the segment was walked. */
  index: SparseIndex | undefined;
  readonly #keys: Keys;
  #cipher: Promise<SegmentCipher | undefined> | undefined;
  readonly #file: ReadFile;

  /** @param keys - Where the keys of encrypted segments come from; undefined where nothing but checksums is looked at. */
  constructor(storage: Storage, directory: string, header: SegmentHeader, keys: Keys = noKeys) {
    this.#keys = keys;
    this.header = header;
    this.path = `${directory}/${segmentName(header.ordinal)}`;
    this.#file = new ReadFile(() => storage.open(this.path, "read"));
    this.tag = header.id.subarray(0, 8);
    this.endId = header.baseId;
    this.number = header.baseNumber;
    this.firstChain = chainOf(header);
    this.chain = this.firstChain;
    if (header.rewritten !== undefined)
      ({ endId: this.endId, length: this.length, number: this.number, chain: this.chain } = header.rewritten);
  }

  /** Where it ends now. */
  get end(): SegmentEnd {
    return { endId: this.endId, length: this.length, number: this.number, chain: this.chain };
  }

  /** How it ended, for the header of the next one. */
  get ending(): Predecessor {
    return { id: this.header.id, endId: this.endId, length: this.length, chain: this.chain };
  }

  /** The file, opened when it is read. */
  get file(): ReadFile {
    return this.#file;
  }

  /** What decrypts its batches; undefined where they are not encrypted. Rejects with `ERR_KEY`. */
  get cipher(): Promise<SegmentCipher | undefined> {
    if (this.#cipher === undefined) {
      this.#cipher = this.#keys.of(this.header);
      this.#cipher.catch(() => (this.#cipher = undefined)); // The next read asks for the key again.
    }
    return this.#cipher;
  }

  /** Walks the segment to make its index. */
  async walk(depth: "headers" | "everything" = "headers"): Promise<SparseIndex> {
    const index = new SparseIndex();
    const { length, endId } = this; // They may grow meanwhile.
    const start = { tag: this.tag, id: this.header.baseId, number: this.header.baseNumber, chain: undefined };
    const scan = await scanSegment(this.file, start, {
      end: length,
      depth,
      found: (batch, offset) => index.note(batch.baseId, offset, batch.newest),
    });
    const rest = scan.id < endId ? [{ offset: scan.offset, end: length, fromId: scan.id, toId: endId }] : [];
    this.gaps = [...scan.gaps, ...rest];
    return (this.index = index);
  }

  /** Takes in what another process has written, up to a length. */
  async follow(length: number): Promise<void> {
    if (length <= this.length) return;
    const index = (this.index ??= new SparseIndex());
    const start = { tag: this.tag, offset: this.length, id: this.endId, number: this.number, chain: this.chain };
    const scan = await scanSegment(this.file, start, {
      end: length,
      depth: "headers",
      found: (batch, offset) => {
        index.note(batch.baseId, offset, batch.newest);
        this.newest = Math.max(this.newest, batch.newest);
      },
    });
    this.gaps = [...this.gaps, ...scan.gaps];
    ({ offset: this.length, id: this.endId, number: this.number, chain: this.chain } = scan);
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#file.close();
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
