/** What a frame of lz4 begins with, in little endian. */
const lz4Magic = 0x184d2204;
/** The sizes that blocks of lz4 have at the most, by the number in the header. */
const lz4BlockSizes: Readonly<Record<number, number>> = { 4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20 };
/** What the snappy of Java begins with, which has blocks of its own: https://github.com/xerial/snappy-java. */
const xerial = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0];

/**
 * The most bytes that compressed ones can come to, as they say themselves: a decoder may ask for that much memory before it has seen
 * whether they are right. What they say is not checked any further; that is for the decoder.
 *
 * @param compression - How they are compressed, in the formats that Kafka has for it
 *   (https://github.com/google/snappy/blob/main/format_description.txt, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md).
 */
export function maxPlainLength(compression: "snappy" | "lz4", bytes: Uint8Array): number {
  return compression === "lz4" ? lz4Length(bytes) : snappyLength(bytes);
}

function snappyLength(bytes: Uint8Array): number {
  if (!xerial.every((byte, i) => bytes[i] === byte)) return preamble(bytes);
  const view = viewOf(bytes);
  let length = 0;
  for (let at = 16; at + 4 <= bytes.length;) {
    const size = view.getUint32(at);
    length += preamble(bytes.subarray(at + 4));
    at += 4 + size;
  }
  return length;
}

/** What snappy begins with: how many bytes there will be, seven bits at a time. */
function preamble(bytes: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) break;
  }
  return length;
}

/** A frame is a header, blocks, and an end; there may be several. */
function lz4Length(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  let length = 0;
  let at = 0;
  while (at + 7 <= bytes.length && view.getUint32(at, true) === lz4Magic) {
    const [flags, descriptor] = [bytes[at + 4]!, bytes[at + 5]!];
    const [hasContentSize, hasDictionary] = [flags & 0x08, flags & 0x01];
    const [hasBlockSums, hasSum] = [flags & 0x10, flags & 0x04];
    const blockSize = lz4BlockSizes[(descriptor >> 4) & 7] ?? 0;
    at += 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
    while (at + 4 <= bytes.length) {
      const word = view.getUint32(at, true);
      at += 4;
      if (word === 0) break;
      const [size, isPlain] = [word & 0x7fff_ffff, word >>> 31];
      length += isPlain ? size : blockSize;
      at += size + (hasBlockSums ? 4 : 0);
    }
    at += hasSum ? 4 : 0;
  }
  return length;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
