/*
 * The first sector of a segment. Numbers are little-endian; a "position" is an event id.
 *
 *      0        8                16               24               32
 *      ├────────┴────────┬───────┴────────┬───────┴────────────────┤
 *    0 │ "SLUICSEG"      │ version │ 512  │ id of the segment, random                │
 *   32 │ ordinal         │ first position │ first batch number │ writer epoch        │
 *   64 │ made at, ms     │ id of the segment before this one    │ its last position │
 *   96 │ its length      │ its chain │ 0                                             │
 *  128 │ 0 …                                                                         │
 *  508 │ CRC32C of bytes 0 to 507                                                    │
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
  };
}

/** The checksum of a header's sector: the chain begins with it. */
export function chainOf(sector: Uint8Array): number {
  return viewOf(sector).getUint32(508, true);
}
