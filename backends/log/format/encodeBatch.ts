/*
 * A batch: the unit that is stored whole or not at all. It begins at a multiple of 8 bytes; every part is filled up to one.
 *
 *      0        4        8        12       16               24               32
 *    0 │ "SLBT" │ CRC32C │ flags  │ count  │ segment tag    │ id of 1st event│
 *   32 │ batch number    │ durable mark    │ writer epoch   │ chain  │CRC32C │
 *   64 │ meta   │producer│ size of data    │ sequence       │ newest time    │
 *      ├────────┴────────┴─────────────────┴────────────────┴────────────────┤
 *   96 │ producer id (UTF-8)                                                 │  ┐
 *      │ time of each event, float64, ms since 1970                          │  │
 *      │ where the data of each event ends, float64 (if flag 1)              │  │ the second
 *      │ id of each event, float64 (if flag 2)                               │  │
 *      │ where the metadata of each event ends, uint32                       │  │ CRC32C
 *      │ CRC32C of each 4,096 bytes of data, uint32                          │  │
 *      │ metadata of all events, and where it is encrypted (flag 8), 16 bytes│  │
 *      │ of tag for the metadata and for each 4,096 bytes of data            │  ┘
 *      │ data of all events, as the callers gave it                          │
 *      └─────────────────────────────────────────────────────────────────────┘
 *
 * CRC32C at 4    of bytes 8 to 95, begun with the batch's position in its file divided by 8: all sizes are trusted before
 *                anything is allocated for them, and what was written to the wrong place is not read there.
 * segment tag    the first 8 bytes of the segment's id: what another segment has left here is not read.
 * durable mark   the id behind the last event that was on the disk when this was written.
 * flags          1 events have data; 2 ids of the range are missing; 4 they are missing since they are lost, not compacted.
 *                With flag 2 the sequence is the id behind the range, since what is written anew has no producer.
 *                8 it is encrypted; 16 keys of the events follow the metadata, as a part of it (see batchKeys.ts).
 * chain          the CRC32C at 4 of the batch before, or that of the segment's header; each covers all earlier ones. It begins
 *                with 0 in a segment that was written anew, whose header says how it ends.
 * meta, producer sizes in bytes; sequence is the producer's.
 *
 * Encrypted are metadata and data, by AES-256-GCM (see encryption/segmentCipher.ts). What is not encrypted is bound to them, so it
 * cannot be changed or exchanged either. The checksums are those of the encrypted bytes: no key is needed to find damage.
 *
 * Data is summed in blocks, so that a view of it can be checked without reading the rest.
 */
import { dataSizeOf, type EventBatch } from "../../../src/model/batch.ts";
import type { BatchKeys } from "../../../src/model/compaction.ts";
import { sealBatch, type BatchSeal } from "../encryption/sealBatch.ts";
import { type SegmentCipher } from "../encryption/segmentCipher.ts";
import { batchHeaderSize, fillBatchHeader, maxIndexedSize, seedOf, type BatchPlace } from "./batchHeader.ts";
import { encodeKeys } from "./batchKeys.ts";
import { checksumsOf } from "./blockChecksums.ts";
import { aligned, bytesOf, paddingOf, viewOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import type { StorableBatch } from "./storableBatch.ts";

/** Up to this size, header, tables and metadata are copied into one piece: that costs less than handing the system seven. */
const joinedSize = 16 << 10;
const zeros = new Uint8Array(8);
const encoder = new TextEncoder();

/** A batch ready to be written. */
export interface EncodedBatch {
  /** What to write, in order. Metadata and data are the caller's own memory. */
  readonly segments: readonly Uint8Array[];
  readonly length: number;
  /** Where the data begins, from the start of the batch. */
  readonly dataOffset: number;
  readonly blockChecksums: Uint32Array;
  readonly newest: number;
  readonly checksum: number;
  /** What decrypts its data; undefined where it is not encrypted. */
  readonly seal: BatchSeal | undefined;
}

/** Lays a batch out for the disk. Large parts are not copied, unless they are encrypted. */
export function encodeBatch(given: StorableBatch, place: BatchPlace, cipher?: SegmentCipher): EncodedBatch {
  const batch = given.keys === undefined ? given : { ...given, metadata: withKeys(given.metadata, given.keys) };
  const { metadataEnds, timestamps, dataEnds, producer, ids } = batch;
  const dataSize = dataSizeOf(batch);
  const producerId = producer === undefined ? zeros.subarray(0, 0) : encoder.encode(producer.id);
  const newest = newestOf(timestamps);
  const header = new Uint8Array(batchHeaderSize);
  const view = viewOf(header);
  fillBatchHeader(header, view, batch, place, producerId.length, dataSize, newest, cipher !== undefined);
  const parts: Uint8Array[] = [header];
  push(parts, producerId);
  parts.push(bytesOf(timestamps));
  if (dataEnds !== undefined) parts.push(bytesOf(dataEnds));
  if (ids !== undefined) parts.push(bytesOf(ids));
  parts.push(bytesOf(metadataEnds));

  const sealed =
    cipher && sealBatch(cipher, { ...batch, number: place.number, header, tables: parts.slice(1), dataSize });
  const { metadata, data } = sealed ?? batch;
  const made = sealed === undefined ? batch.blockChecksums : undefined;
  const blockChecksums = made ?? checksumsOf(data, dataSize);
  push(parts, bytesOf(blockChecksums), metadataEnds.byteLength + blockChecksums.byteLength);
  push(parts, metadata);
  if (sealed !== undefined) parts.push(sealed.seal.tags);
  let bodyChecksum = 0;
  let dataOffset = batchHeaderSize;
  for (let i = 1; i < parts.length; i++) {
    bodyChecksum = crc32c(parts[i]!, bodyChecksum);
    dataOffset += parts[i]!.length;
  }
  if (dataOffset > maxIndexedSize)
    throw new RangeError(
      `A batch must have at most ${maxIndexedSize} bytes of metadata: current value is ${dataOffset}`,
    );
  view.setUint32(60, bodyChecksum, true);
  const checksum = crc32c(header.subarray(8), seedOf(place.position));
  view.setUint32(4, checksum, true);

  const segments = dataOffset <= joinedSize ? [join(parts, dataOffset)] : parts;
  push(segments, data, dataSize);
  const length = dataOffset + aligned(dataSize);
  return { segments, length, dataOffset, blockChecksums, newest, checksum, seal: sealed?.seal };
}

function withKeys(metadata: Uint8Array, keys: BatchKeys): Uint8Array {
  const encoded = encodeKeys(keys);
  const joined = new Uint8Array(metadata.length + encoded.length);
  joined.set(metadata);
  joined.set(encoded, metadata.length);
  return joined;
}

/** At least as long as the batch will be on the disk. */
export function estimatedLength({ count, metadata, dataEnds, producer, keys }: EventBatch): number {
  const data = dataEnds?.[count - 1] ?? 0;
  const keySize = keys?.keys.reduce((sum, key) => sum + 4 + 3 * key.length, 0) ?? 0;
  return keySize + 200 + metadata.length + 20 * count + data + Math.ceil(data / 200) + 4 * (producer?.id.length ?? 0);
}

function newestOf(timestamps: Float64Array): number {
  let newest = -Infinity;
  for (let i = 0; i < timestamps.length; i++) if (timestamps[i]! > newest) newest = timestamps[i]!;
  return newest;
}

/** Adds a part and what fills it up. */
function push(parts: Uint8Array[], part: Uint8Array | readonly Uint8Array[], size = (part as Uint8Array).length): void {
  if (part instanceof Uint8Array) {
    if (part.length > 0) parts.push(part);
  } else {
    for (const each of part) if (each.length > 0) parts.push(each);
  }
  if (paddingOf(size) > 0) parts.push(zeros.subarray(0, paddingOf(size)));
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
