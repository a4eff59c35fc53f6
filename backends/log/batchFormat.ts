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
 *      │ where the metadata of each event ends, uint32                       │  │ CRC32C
 *      │ CRC32C of each 4,096 bytes of data, uint32                          │  │
 *      │ metadata of all events                                              │  ┘
 *      │ data of all events, as the callers gave it                          │
 *      └─────────────────────────────────────────────────────────────────────┘
 *
 * CRC32C at 4    of bytes 8 to 95: all sizes are trusted before anything is allocated for them.
 * segment tag    the first 8 bytes of the segment's id: what another segment has left here is not read.
 * durable mark   the id behind the last event that was on the disk when this was written.
 * chain          the CRC32C at 4 of the batch before, or that of the segment's header; each covers all earlier ones.
 * meta, producer sizes in bytes; sequence is the producer's.
 *
 * Data is summed in blocks, so that a view of it can be checked without reading the rest.
 */
import { dataSizeOf, type EventBatch } from "../../src/model/batch.ts";
import { aligned, bytesOf, getInteger, paddingOf, setInteger, viewOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";

/** How long the fixed part is. */
export const batchHeaderSize = 96;
/** How many bytes of data share a checksum. */
export const blockSize = 4096;
/** "SLBT", as a number. */
export const batchMagic = 0x54424c53;
/** The largest header, tables and metadata of one batch together. A length above it is a mistake, whatever its checksum says. */
export const maxIndexedSize = 2 ** 31 - 4096;

/** Up to this size, header, tables and metadata are copied into one piece: that costs less than handing the system seven. */
const joinedSize = 16 << 10;
const zeros = new Uint8Array(8);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The fixed part of a batch. */
export interface BatchHeader {
  readonly count: number;
  readonly baseId: number;
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
  readonly bodyChecksum: number;
  /** The CRC32C of the header itself: what the next batch is chained to. */
  readonly checksum: number;
}

/** What a batch is told by its place in the log. */
export interface BatchPlace {
  readonly tag: Uint8Array;
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
}

/** Lays a batch out for the disk. Large parts are not copied. */
export function encodeBatch(batch: EventBatch, place: BatchPlace): EncodedBatch {
  const { count, metadata, metadataEnds, timestamps, data, dataEnds, producer } = batch;
  const dataSize = dataSizeOf(batch);
  const producerId = producer === undefined ? zeros.subarray(0, 0) : encoder.encode(producer.id);
  const blockChecksums = checksumsOf(data, dataSize);
  const newest = newestOf(timestamps);

  const header = new Uint8Array(batchHeaderSize);
  const parts: Uint8Array[] = [header];
  push(parts, producerId);
  parts.push(bytesOf(timestamps));
  if (dataEnds !== undefined) parts.push(bytesOf(dataEnds));
  parts.push(bytesOf(metadataEnds));
  push(parts, bytesOf(blockChecksums), metadataEnds.byteLength + blockChecksums.byteLength);
  push(parts, metadata);
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

  const view = viewOf(header);
  view.setUint32(0, batchMagic, true);
  view.setUint32(8, dataEnds === undefined ? 0 : 1, true);
  view.setUint32(12, count, true);
  header.set(place.tag, 16);
  setInteger(view, 24, place.baseId);
  setInteger(view, 32, place.number);
  setInteger(view, 40, place.durableMark);
  setInteger(view, 48, place.epoch);
  view.setUint32(56, place.chain, true);
  view.setUint32(60, bodyChecksum, true);
  view.setUint32(64, metadata.length, true);
  view.setUint32(68, producerId.length, true);
  setInteger(view, 72, dataSize);
  setInteger(view, 80, producer?.sequence ?? 0);
  view.setFloat64(88, newest, true);
  const checksum = crc32c(header.subarray(8));
  view.setUint32(4, checksum, true);

  const segments = dataOffset <= joinedSize ? [join(parts, dataOffset)] : parts;
  push(segments, data, dataSize);
  return { segments, length: dataOffset + aligned(dataSize), dataOffset, blockChecksums, newest, checksum };
}

/** Reads the fixed part; undefined when it is not one of the segment with this tag, or claims more than there is room for. */
export function decodeBatchHeader(bytes: Uint8Array, tag: Uint8Array, room: number): BatchHeader | undefined {
  if (bytes.length < batchHeaderSize) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== batchMagic) return undefined;
  for (let i = 0; i < 8; i++) if (bytes[16 + i] !== tag[i]) return undefined;
  const checksum = view.getUint32(4, true);
  if (crc32c(bytes.subarray(8, batchHeaderSize)) !== checksum) return undefined;
  const header: BatchHeader = {
    hasData: (view.getUint32(8, true) & 1) === 1,
    count: view.getUint32(12, true),
    baseId: getInteger(view, 24),
    number: getInteger(view, 32),
    durableMark: getInteger(view, 40),
    epoch: getInteger(view, 48),
    chain: view.getUint32(56, true),
    bodyChecksum: view.getUint32(60, true),
    metadataSize: view.getUint32(64, true),
    producerSize: view.getUint32(68, true),
    dataSize: getInteger(view, 72),
    sequence: getInteger(view, 80),
    newest: view.getFloat64(88, true),
    checksum,
  };
  const isSound =
    header.count > 0 &&
    Number.isSafeInteger(header.baseId + header.count) &&
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
  readonly metadataEnds: Uint32Array;
  readonly blockChecksums: Uint32Array;
  readonly metadata: Uint8Array;
  readonly producerId: string | undefined;
}

/**
 * Checks and reads what follows a header.
 *
 * @param bytes - Header, tables and metadata: `indexedSizeOf(header)` bytes, at a multiple of 8 within their buffer.
 * @returns Undefined when a checksum is wrong.
 */
export function decodeBatchBody(header: BatchHeader, bytes: Uint8Array): BatchBody | undefined {
  if (crc32c(bytes.subarray(batchHeaderSize)) !== header.bodyChecksum) return undefined;
  const { count, hasData, metadataSize, producerSize } = header;
  const { buffer } = bytes;
  const producerId =
    producerSize === 0 ? undefined : decoder.decode(bytes.subarray(batchHeaderSize, batchHeaderSize + producerSize));
  let at = bytes.byteOffset + batchHeaderSize + aligned(producerSize);
  const timestamps = new Float64Array(buffer, at, count);
  at += 8 * count;
  const dataEnds = hasData ? new Float64Array(buffer, at, count) : undefined;
  if (hasData) at += 8 * count;
  const metadataEnds = new Uint32Array(buffer, at, count);
  const blocks = blocksOf(header.dataSize);
  const blockChecksums = new Uint32Array(buffer, at + 4 * count, blocks);
  at += aligned(4 * (count + blocks));
  const isSound = metadataEnds[count - 1] === metadataSize && (dataEnds?.[count - 1] ?? 0) === header.dataSize;
  return isSound
    ? {
        timestamps,
        dataEnds,
        metadataEnds,
        blockChecksums,
        metadata: new Uint8Array(buffer, at, metadataSize),
        producerId,
      }
    : undefined;
}

/** How long header, tables and metadata are: the data begins behind them. */
export function indexedSizeOf({ count, hasData, metadataSize, producerSize, dataSize }: BatchHeader): number {
  const tables = aligned(producerSize) + 8 * count * (hasData ? 2 : 1) + aligned(4 * (count + blocksOf(dataSize)));
  return batchHeaderSize + tables + aligned(metadataSize);
}

/** How long a whole batch is. */
export function lengthOf(header: BatchHeader): number {
  return indexedSizeOf(header) + aligned(header.dataSize);
}

function blocksOf(dataSize: number): number {
  return Math.ceil(dataSize / blockSize);
}

/** The checksum of each block of data, wherever its segments are cut. */
function checksumsOf(data: readonly Uint8Array[], dataSize: number): Uint32Array {
  const checksums = new Uint32Array(blocksOf(dataSize));
  let at = 0;
  for (const segment of data) {
    for (let start = 0; start < segment.length;) {
      const end = Math.min(segment.length, start + blockSize - (at % blockSize));
      const block = Math.floor(at / blockSize);
      checksums[block] = crc32c(
        start === 0 && end === segment.length ? segment : segment.subarray(start, end),
        checksums[block],
      );
      at += end - start;
      start = end;
    }
  }
  return checksums;
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
