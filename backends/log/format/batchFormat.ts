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
import { aligned, alignment, bytesOf, getInteger, paddingOf, setInteger, viewOf } from "./bytes.ts";
import type { BatchKeys } from "../../../src/model/compaction.ts";
import { encodeKeys } from "./batchKeys.ts";
import { blocksOf, checksumsOf } from "./blockChecksums.ts";
import { crc32c } from "./crc32c.ts";
import { sealBatch, tagsSizeOf, type BatchSeal } from "../encryption/sealBatch.ts";
import { type SegmentCipher } from "../encryption/segmentCipher.ts";

/** How long the fixed part is. */
export const batchHeaderSize = 96;
/** "SLBT", as a number. */
export const batchMagic = 0x54424c53;
/** The largest header, tables and metadata of one batch together. A length above it is a mistake, whatever its checksum says. */
export const maxIndexedSize = 2 ** 31 - 4096;

/** The bits of the field `flags`. */
const flags = { data: 1, ids: 2, lost: 4, encrypted: 8, keys: 16 } as const;
/** Up to this size, header, tables and metadata are copied into one piece: that costs less than handing the system seven. */
const joinedSize = 16 << 10;
const zeros = new Uint8Array(8);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The fixed part of a batch. */
export interface BatchHeader {
  readonly count: number;
  readonly baseId: number;
  /** The id behind the last that it covers: where there are gaps it is more than `baseId + count`. */
  readonly next: number;
  readonly number: number;
  readonly durableMark: number;
  readonly epoch: number;
  readonly chain: number;
  readonly metadataSize: number;
  readonly producerSize: number;
  readonly dataSize: number;
  readonly sequence: number;
  readonly newest: number;
  readonly hasData: boolean;
  readonly hasIds: boolean;
  /** Whether the ids that are missing are lost. Such a batch has no events. */
  readonly isLost: boolean;
  readonly isEncrypted: boolean;
  readonly hasKeys: boolean;
  readonly bodyChecksum: number;
  /** The CRC32C of the header itself: what the next batch is chained to. */
  readonly checksum: number;
}

/** What can be stored as a batch: that of a producer, or what a repair or a compaction has left of several. */
export interface StorableBatch extends EventBatch {
  /** The id of each event, where some are missing. */
  readonly ids?: Float64Array | undefined;
  /** The id behind the last that it covers, where some are missing. */
  readonly next?: number | undefined;
  /** As in `StoredBatch`. */
  readonly lost?: boolean | undefined;
  /** The checksums of its data as it is, where they were made ahead. */
  readonly blockChecksums?: Uint32Array | undefined;
}

/** What a batch is told by its place in the log. */
export interface BatchPlace {
  readonly tag: Uint8Array;
  /** Where in the file it begins. */
  readonly position: number;
  readonly baseId: number;
  readonly number: number;
  readonly durableMark: number;
  readonly epoch: number;
  readonly chain: number;
}

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
  fillHeader(header, view, batch, place, producerId.length, dataSize, newest, cipher !== undefined);
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

/** Writes the fields of a header, but for the checksums. */
function fillHeader(
  header: Uint8Array,
  view: DataView,
  batch: StorableBatch,
  place: BatchPlace,
  producerSize: number,
  dataSize: number,
  newest: number,
  isEncrypted: boolean,
): void {
  const { count, metadata, producer, ids, next } = batch;
  view.setUint32(0, batchMagic, true);
  view.setUint32(8, isEncrypted ? flagsOf(batch) | flags.encrypted : flagsOf(batch), true);
  view.setUint32(12, count, true);
  header.set(place.tag, 16);
  setInteger(view, 24, place.baseId);
  setInteger(view, 32, place.number);
  setInteger(view, 40, place.durableMark);
  setInteger(view, 48, place.epoch);
  view.setUint32(56, place.chain, true);
  view.setUint32(64, metadata.length, true);
  view.setUint32(68, producerSize, true);
  setInteger(view, 72, dataSize);
  setInteger(view, 80, ids === undefined ? (producer?.sequence ?? 0) : next!);
  view.setFloat64(88, newest, true);
}

/** At least as long as the batch will be on the disk. */
export function estimatedLength({ count, metadata, dataEnds, producer, keys }: EventBatch): number {
  const data = dataEnds?.[count - 1] ?? 0;
  const keySize = keys?.keys.reduce((sum, key) => sum + 4 + 3 * key.length, 0) ?? 0;
  return keySize + 200 + metadata.length + 20 * count + data + Math.ceil(data / 200) + 4 * (producer?.id.length ?? 0);
}

/**
 * Reads the fixed part; undefined when it is not one of the segment with this tag that was written to this position, or
 * claims more than there is room for.
 */
export function decodeBatchHeader(
  bytes: Uint8Array,
  tag: Uint8Array,
  position: number,
  room: number,
): BatchHeader | undefined {
  if (bytes.length < batchHeaderSize) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== batchMagic) return undefined;
  for (let i = 0; i < 8; i++) if (bytes[16 + i] !== tag[i]) return undefined;
  const checksum = view.getUint32(4, true);
  if (crc32c(bytes.subarray(8, batchHeaderSize), seedOf(position)) !== checksum) return undefined;
  const bits = view.getUint32(8, true);
  const hasIds = (bits & flags.ids) !== 0;
  const [count, baseId, sequence] = [view.getUint32(12, true), getInteger(view, 24), getInteger(view, 80)];
  const header: BatchHeader = {
    hasData: (bits & flags.data) !== 0,
    hasIds,
    isLost: (bits & flags.lost) !== 0,
    isEncrypted: (bits & flags.encrypted) !== 0,
    hasKeys: (bits & flags.keys) !== 0,
    count,
    baseId,
    next: hasIds ? sequence : baseId + count,
    number: getInteger(view, 32),
    durableMark: getInteger(view, 40),
    epoch: getInteger(view, 48),
    chain: view.getUint32(56, true),
    bodyChecksum: view.getUint32(60, true),
    metadataSize: view.getUint32(64, true),
    producerSize: view.getUint32(68, true),
    dataSize: getInteger(view, 72),
    sequence: hasIds ? 0 : sequence,
    newest: view.getFloat64(88, true),
    checksum,
  };
  const isSound =
    (count > 0 || hasIds) &&
    Number.isSafeInteger(header.next) &&
    header.next >= baseId + count &&
    header.next > baseId &&
    Number.isSafeInteger(header.number) &&
    Number.isSafeInteger(header.durableMark) &&
    Number.isSafeInteger(header.sequence) &&
    Number.isSafeInteger(header.dataSize) &&
    indexedSizeOf(header) <= maxIndexedSize &&
    lengthOf(header) <= room;
  return isSound ? header : undefined;
}

/** What follows the header, without the data. Typed arrays lie over the bytes that were read. */
export interface BatchBody {
  readonly timestamps: Float64Array;
  readonly dataEnds: Float64Array | undefined;
  readonly ids: Float64Array | undefined;
  readonly metadataEnds: Uint32Array;
  readonly blockChecksums: Uint32Array;
  readonly metadata: Uint8Array;
  readonly producerId: string | undefined;
  /** Where it is encrypted: the tags, and what else the metadata is bound to. */
  readonly tags: Uint8Array | undefined;
  readonly tables: Uint8Array;
}

/**
 * Checks and reads what follows a header.
 *
 * @param bytes - Header, tables and metadata: `indexedSizeOf(header)` bytes, at a multiple of 8 within their buffer.
 * @returns Undefined when a checksum is wrong.
 */
export function decodeBatchBody(header: BatchHeader, bytes: Uint8Array): BatchBody | undefined {
  if (crc32c(bytes.subarray(batchHeaderSize)) !== header.bodyChecksum) return undefined;
  const { count, hasData, hasIds, metadataSize, producerSize } = header;
  const { buffer } = bytes;
  const producerId =
    producerSize === 0 ? undefined : decoder.decode(bytes.subarray(batchHeaderSize, batchHeaderSize + producerSize));
  let at = bytes.byteOffset + batchHeaderSize + aligned(producerSize);
  const timestamps = new Float64Array(buffer, at, count);
  at += 8 * count;
  const dataEnds = hasData ? new Float64Array(buffer, at, count) : undefined;
  if (hasData) at += 8 * count;
  const ids = hasIds ? new Float64Array(buffer, at, count) : undefined;
  if (hasIds) at += 8 * count;
  const metadataEnds = new Uint32Array(buffer, at, count);
  const tables = bytes.subarray(batchHeaderSize, at + 4 * count - bytes.byteOffset);
  const blocks = blocksOf(header.dataSize);
  const blockChecksums = new Uint32Array(buffer, at + 4 * count, blocks);
  at += aligned(4 * (count + blocks));
  const end = metadataEnds[count - 1] ?? 0;
  const isSound =
    (header.hasKeys ? end <= metadataSize : end === metadataSize) && (dataEnds?.[count - 1] ?? 0) === header.dataSize;
  return isSound
    ? {
        timestamps,
        dataEnds,
        ids,
        metadataEnds,
        blockChecksums,
        metadata: new Uint8Array(buffer, at, metadataSize),
        producerId,
        tags: header.isEncrypted
          ? new Uint8Array(buffer, at + aligned(metadataSize), tagsSizeOf(header.dataSize))
          : undefined,
        tables,
      }
    : undefined;
}

/** How long header, tables and metadata are: the data begins behind them. */
export function indexedSizeOf(header: BatchHeader): number {
  const { count, hasData, hasIds, metadataSize, producerSize, dataSize } = header;
  const wide = 1 + (hasData ? 1 : 0) + (hasIds ? 1 : 0);
  const tables = aligned(producerSize) + 8 * count * wide + aligned(4 * (count + blocksOf(dataSize)));
  return batchHeaderSize + tables + aligned(metadataSize) + (header.isEncrypted ? tagsSizeOf(dataSize) : 0);
}

/** How long a whole batch is. */
export function lengthOf(header: BatchHeader): number {
  return indexedSizeOf(header) + aligned(header.dataSize);
}

function flagsOf({ dataEnds, ids, lost, keys }: StorableBatch): number {
  const tables = (dataEnds === undefined ? 0 : flags.data) | (ids === undefined ? 0 : flags.ids);
  const bits = keys === undefined ? tables : tables | flags.keys;
  return lost === true ? bits | flags.lost : bits;
}

/** What the checksum of a header begins with. */
function seedOf(position: number): number {
  return (position / alignment) >>> 0;
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
