import type { BatchKeys } from "../../../src/model/compaction.ts";
import { viewOf } from "./bytes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** The bit of a size that says that the event is a tombstone. */
const tombstoneBit = 0x8000_0000;

/** The keys of a batch as bytes: the size of each, uint32, its highest bit for a tombstone; then all keys in UTF-8. */
export function encodeKeys({ keys, tombstones }: BatchKeys): Uint8Array {
  const text = keys.map((key) => encoder.encode(key));
  const bytes = new Uint8Array(text.reduce((sum, { length }) => sum + length, 4 * keys.length));
  const view = viewOf(bytes);
  let at = 4 * keys.length;
  for (const [i, key] of text.entries()) {
    view.setUint32(4 * i, (key.length | (tombstones[i] === 0 ? 0 : tombstoneBit)) >>> 0, true);
    bytes.set(key, at);
    at += key.length;
  }
  return bytes;
}

/** Reads what `encodeKeys` has written; undefined when it is something else. */
export function decodeKeys(bytes: Uint8Array, count: number): BatchKeys | undefined {
  if (bytes.length < 4 * count) return undefined;
  const view = viewOf(bytes);
  const keys: string[] = [];
  const tombstones = new Uint8Array(count);
  let at = 4 * count;
  for (let i = 0; i < count; i++) {
    const size = view.getUint32(4 * i, true);
    const end = at + (size & ~tombstoneBit);
    if (end > bytes.length) return undefined;
    keys.push(decoder.decode(bytes.subarray(at, end)));
    tombstones[i] = size >>> 31;
    at = end;
  }
  return at === bytes.length ? { keys, tombstones } : undefined;
}
