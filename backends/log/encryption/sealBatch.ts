import { blockSize } from "../format/blockSize.ts";
import { tagSize, type SegmentCipher } from "./segmentCipher.ts";

/** What is needed to decrypt pieces of one batch. */
export interface BatchSeal {
  readonly cipher: SegmentCipher;
  /** The number of the batch. */
  readonly number: number;
  /** The fields of its header that are bound to each piece. */
  readonly bound: Uint8Array;
  /** The tag of the metadata, and of each block of data. */
  readonly tags: Uint8Array;
}

/** A batch of which the pieces are encrypted. */
export interface SealedBatch {
  readonly seal: BatchSeal;
  readonly metadata: Uint8Array;
  readonly data: readonly Uint8Array[];
}

/** What there is to encrypt of a batch. */
export interface PlainBatch {
  readonly number: number;
  /** Its header, but for the checksums. */
  readonly header: Uint8Array;
  /** What stands between the header and the checksums of the data. */
  readonly tables: readonly Uint8Array[];
  readonly metadata: Uint8Array;
  readonly data: readonly Uint8Array[];
  readonly dataSize: number;
}

/** Encrypts metadata and data of a batch. */
export function sealBatch(cipher: SegmentCipher, plain: PlainBatch): SealedBatch {
  const { number, header, tables, metadata, data, dataSize } = plain;
  const bound = boundOf(header);
  const tags = new Uint8Array(tagsSizeOf(dataSize));
  const sealed = cipher.seal(number, 0, Buffer.concat([bound, ...tables]), [metadata]);
  tags.set(sealed.tag);
  const bytes = Buffer.concat(data); // A copy: what is encrypted is not the caller's memory any more in any case.
  for (let at = 0; at < dataSize; at += blockSize) {
    const piece = 1 + at / blockSize;
    const block = cipher.seal(number, piece, bound, [bytes.subarray(at, at + blockSize)]);
    bytes.set(block.bytes[0]!, at);
    tags.set(block.tag, piece * tagSize);
  }
  return { seal: { cipher, number, bound, tags }, metadata: sealed.bytes[0]!, data: dataSize === 0 ? [] : [bytes] };
}

/** Decrypts the metadata of a batch; undefined when it, or what it is bound to, is not what was written. */
export function openMetadata(seal: BatchSeal, tables: Uint8Array, metadata: Uint8Array): Uint8Array | undefined {
  const { cipher, number, bound, tags } = seal;
  return cipher.open(number, 0, Buffer.concat([bound, tables]), metadata, tags.subarray(0, tagSize));
}

/** Decrypts a block of data where it is; false when it is not what was written. */
export function openBlock({ cipher, number, bound, tags }: BatchSeal, index: number, block: Uint8Array): boolean {
  const at = (1 + index) * tagSize;
  const plain = cipher.open(number, 1 + index, bound, block, tags.subarray(at, at + tagSize));
  if (plain !== undefined) block.set(plain);
  return plain !== undefined;
}

/** How many bytes of tags a batch has. */
export function tagsSizeOf(dataSize: number): number {
  return tagSize * (1 + Math.ceil(dataSize / blockSize));
}

/** Everything of a header but its magic number and the two checksums, which are of the encrypted bytes. */
export function boundOf(header: Uint8Array): Uint8Array {
  const bound = new Uint8Array(84);
  bound.set(header.subarray(8, 60));
  bound.set(header.subarray(64, 96), 52);
  return bound;
}
