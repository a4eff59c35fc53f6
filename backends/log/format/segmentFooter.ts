/*
 * What follows the last batch of a sealed segment. It saves work when the log is opened and has no authority: where it is
 * missing or spoiled, the segment is walked instead.
 *
 *      0        4        8        12       16               24               32
 *    0 │ "SLFT" │ CRC32C │ size   │ 0      │ segment tag    │ end position   │
 *   32 │ next batch no.  │ newest time     │ JSON, `size` bytes: the producers │
 *
 * CRC32C of everything from byte 8 on. The JSON is [[producer id, [[sequence, count, first id], …]], …].
 */
import { aligned, getInteger, setInteger, viewOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import type { ProducerSnapshot } from "../producers.ts";

const magic = 0x54464c53;
const fixedSize = 48;
/** Producers above this many bytes are not read back. */
const maxSize = 64 << 20;

/** What is known of a whole segment. */
export interface SegmentFooter {
  readonly endId: number;
  readonly number: number;
  readonly newest: number;
  readonly producers: ProducerSnapshot;
}

/** The bytes of a footer. */
export function encodeSegmentFooter(tag: Uint8Array, { endId, number, newest, producers }: SegmentFooter): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(producers));
  const bytes = new Uint8Array(aligned(fixedSize + json.length));
  const view = viewOf(bytes);
  view.setUint32(0, magic, true);
  view.setUint32(8, json.length, true);
  bytes.set(tag, 16);
  setInteger(view, 24, endId);
  setInteger(view, 32, number);
  view.setFloat64(40, newest, true);
  bytes.set(json, fixedSize);
  view.setUint32(4, crc32c(bytes.subarray(8)), true);
  return bytes;
}

/** Reads a footer; undefined when it is not the one of this segment. */
export function decodeSegmentFooter(bytes: Uint8Array, tag: Uint8Array): SegmentFooter | undefined {
  if (bytes.length < fixedSize) return undefined;
  const view = viewOf(bytes);
  const size = view.getUint32(8, true);
  if (view.getUint32(0, true) !== magic || size > maxSize || aligned(fixedSize + size) > bytes.length) return undefined;
  if (!tag.every((byte, i) => bytes[16 + i] === byte)) return undefined;
  if (view.getUint32(4, true) !== crc32c(bytes.subarray(8, aligned(fixedSize + size)))) return undefined;
  try {
    const producers = JSON.parse(
      new TextDecoder().decode(bytes.subarray(fixedSize, fixedSize + size)),
    ) as ProducerSnapshot;
    return { endId: getInteger(view, 24), number: getInteger(view, 32), newest: view.getFloat64(40, true), producers };
  } catch {
    return undefined; // The checksum was right, so this is a version of ours that wrote nonsense. The walk knows better.
  }
}
