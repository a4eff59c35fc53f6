const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/**
 * The 32-bit hash murmur2 as Kafka's default partitioner uses it.
 *
 * @param bytes - What to hash.
 * @param length - How many of the bytes to hash.
 * @returns A signed 32-bit integer, as in Java.
 *
 * @example
 * ```ts
 * import { murmur2 } from "sluice";
 *
 * console.log(murmur2(new TextEncoder().encode("foobar"))); // -790332482
 * ```
 */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  let hash = seed ^ length;
  const end = length & ~3;
  for (let index = 0; index < end; index += 4) {
    hash = Math.imul(hash, multiplier) ^ scramble(wordAt(bytes, index));
  }
  // One to three bytes are left over. They enter as they are, from the last to the first.
  if (end < length) hash = Math.imul(hash ^ tailOf(bytes, end, length), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

function scramble(word: number): number {
  const product = Math.imul(word, multiplier);
  return Math.imul(product ^ (product >>> 24), multiplier);
}

/** Four bytes, the lowest first. Reading past the end of a typed array gives undefined, which counts as zero here. */
function wordAt(bytes: Uint8Array, index: number): number {
  return (
    byteAt(bytes, index) |
    (byteAt(bytes, index + 1) << 8) |
    (byteAt(bytes, index + 2) << 16) |
    (byteAt(bytes, index + 3) << 24)
  );
}

function tailOf(bytes: Uint8Array, start: number, end: number): number {
  let word = 0;
  for (let index = start; index < end; index++) word |= byteAt(bytes, index) << (8 * (index - start));
  return word;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
