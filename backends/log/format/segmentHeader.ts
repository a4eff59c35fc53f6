/*
 * The first sector of a segment. Numbers are little-endian; a "position" is an event id.
 *
 *      0        8                16               24               32
 *      ├────────┴────────┬───────┴────────┬───────┴────────────────┤
 *    0 │ "SLUICSEG"      │ version │ 512  │ id of the segment, random                │
 *   32 │ ordinal         │ first position │ first batch number │ writer epoch        │
 *   64 │ made at, ms     │ id of the segment before this one    │ its last position │
 *   96 │ its length      │ its chain │ 0    │ flags │ 0      │ its original: id      │
 *  128 │       (16 bytes)│ end position   │ length         │ chain │ 0                │
 *  160 │ end position    │ length         │ next batch no. │ chain │ size of key id   │
 *  192 │ check of the key                 │ id of the key (UTF-8, at most 128 bytes), 0 … │
 *  508 │ CRC32C of bytes 0 to 507                                                    │
 *
 * flags: 1 when the segment was written anew by a repair or a compaction, and has taken the place of the one that the
 * segment behind it speaks of, its original. Such a segment is whole from the start, and its header says how it ends.
 *
 * flags: 2 when its batches are encrypted. The check tells a wrong key; the key itself is nowhere.
 *
 * The id makes old bytes in reused or preallocated space unreadable. What is said of the segment before tells when that
 * one is missing, or shorter than it was.
 */
import { getInteger, setInteger, viewOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";

/** How long it is: one sector, which a disk writes whole or not at all. */
export const segmentHeaderSize = 512;
/** The version of the format that this code writes, and the only one that it reads. */
export const formatVersion = 1;

/** The bit of the field `flags` that says that the segment was written anew. */
const rewrittenFlag = 1;
/** The bit that says that its batches are encrypted. */
const encryptedFlag = 2;
const maxKeyIdSize = 128;
const magic = new TextEncoder().encode("SLUICSEG");

/** What a segment says of itself. */
export interface SegmentHeader {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  /** Its number within the partition. */
  readonly ordinal: number;
  /** The id of its first event. */
  readonly baseId: number;
  /** The number of its first batch, among all of the partition. */
  readonly baseNumber: number;
  /** Which opening of the partition made it. */
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** The segment before it, as it was when it was sealed; an id of zeros when there was none. */
  readonly predecessor: Predecessor;
  /** Of a segment that was written anew: what it stands for, and how it ends. */
  readonly rewritten?: Rewritten | undefined;
  /** What its batches are encrypted with; undefined where they are not. */
  readonly key?: SegmentKey | undefined;
}

/** What a segment says of the key that encrypts it. */
export interface SegmentKey {
  readonly id: string;
  /** 16 bytes that are derived from the key, and tell whether another one is the same. */
  readonly check: Uint8Array;
}

/** What a segment that was written anew says beside. */
export interface Rewritten {
  /** How the segment ended in whose place it stands, as the one behind it knows it. */
  readonly original: Predecessor;
  /** The id behind the last that it covers. */
  readonly endId: number;
  readonly length: number;
  /** The number of the batch that follows. */
  readonly number: number;
  readonly chain: number;
}

/** How a segment ended. */
export interface Predecessor {
  readonly id: Uint8Array;
  /** The id behind its last event. */
  readonly endId: number;
  /** How many bytes of it are header and batches. */
  readonly length: number;
  /** The checksum of its last batch's header. */
  readonly chain: number;
}

/** What the predecessor of a first segment is. */
export const noPredecessor: Predecessor = { id: new Uint8Array(16), endId: 0, length: 0, chain: 0 };

/** The sector of a header. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderSize);
  const view = viewOf(bytes);
  bytes.set(magic);
  view.setUint32(8, formatVersion, true);
  view.setUint32(12, segmentHeaderSize, true);
  bytes.set(header.id, 16);
  setInteger(view, 32, header.ordinal);
  setInteger(view, 40, header.baseId);
  setInteger(view, 48, header.baseNumber);
  setInteger(view, 56, header.epoch);
  setInteger(view, 64, header.created);
  bytes.set(header.predecessor.id, 72);
  setInteger(view, 88, header.predecessor.endId);
  setInteger(view, 96, header.predecessor.length);
  view.setUint32(104, header.predecessor.chain, true);
  if (header.rewritten !== undefined) setRewritten(bytes, view, header.rewritten);
  if (header.key !== undefined) setKey(bytes, view, header.key);
  view.setUint32(508, crc32c(bytes.subarray(0, 508)), true);
  return bytes;
}

/** Reads a sector: the header, or the version when it is another one, or `"invalid"`. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | { readonly version: number } | "invalid" {
  if (bytes.length < segmentHeaderSize || !magic.every((byte, i) => byte === bytes[i])) return "invalid";
  const view = viewOf(bytes);
  if (view.getUint32(508, true) !== crc32c(bytes.subarray(0, 508))) return "invalid";
  const version = view.getUint32(8, true);
  if (version !== formatVersion) return { version };
  return {
    id: bytes.slice(16, 32),
    ordinal: getInteger(view, 32),
    baseId: getInteger(view, 40),
    baseNumber: getInteger(view, 48),
    epoch: getInteger(view, 56),
    created: getInteger(view, 64),
    predecessor: {
      id: bytes.slice(72, 88),
      endId: getInteger(view, 88),
      length: getInteger(view, 96),
      chain: view.getUint32(104, true),
    },
    ...((view.getUint32(112, true) & rewrittenFlag) !== 0 && { rewritten: getRewritten(bytes, view) }),
    ...((view.getUint32(112, true) & encryptedFlag) !== 0 && { key: getKey(bytes, view) }),
  };
}

function setRewritten(bytes: Uint8Array, view: DataView, { original, endId, length, number, chain }: Rewritten): void {
  view.setUint32(112, view.getUint32(112, true) | rewrittenFlag, true);
  bytes.set(original.id, 120);
  setInteger(view, 136, original.endId);
  setInteger(view, 144, original.length);
  view.setUint32(152, original.chain, true);
  setInteger(view, 160, endId);
  setInteger(view, 168, length);
  setInteger(view, 176, number);
  view.setUint32(184, chain, true);
}

function setKey(bytes: Uint8Array, view: DataView, { id, check }: SegmentKey): void {
  const name = new TextEncoder().encode(id);
  view.setUint32(112, view.getUint32(112, true) | encryptedFlag, true);
  view.setUint32(188, name.length, true);
  bytes.set(check, 192);
  bytes.set(name, 208);
}

function getKey(bytes: Uint8Array, view: DataView): SegmentKey {
  const size = Math.min(maxKeyIdSize, view.getUint32(188, true));
  return { id: new TextDecoder().decode(bytes.subarray(208, 208 + size)), check: bytes.slice(192, 208) };
}

function getRewritten(bytes: Uint8Array, view: DataView): Rewritten {
  return {
    original: {
      id: bytes.slice(120, 136),
      endId: getInteger(view, 136),
      length: getInteger(view, 144),
      chain: view.getUint32(152, true),
    },
    endId: getInteger(view, 160),
    length: getInteger(view, 168),
    number: getInteger(view, 176),
    chain: view.getUint32(184, true),
  };
}

/** What the first batch is chained to: the checksum of the header's sector, or 0 where that is written last. */
export function chainOf(header: SegmentHeader): number {
  return header.rewritten === undefined ? viewOf(encodeSegmentHeader(header)).getUint32(508, true) : 0;
}
