import { aligned, alignment, getInteger, setInteger, viewOf } from "./bytes.ts";
import { blocksOf } from "./blockChecksums.ts";
import { crc32c } from "./crc32c.ts";
import type { StorableBatch } from "./storableBatch.ts";
import { tagsSizeOf } from "../encryption/sealBatch.ts";

/** How long the fixed part is. */
export const batchHeaderSize = 96;
/** "SLBT", as a number. */
export const batchMagic = 0x54424c53;
/** The largest header, tables and metadata of one batch together. A length above it is a mistake, whatever its checksum says. */
export const maxIndexedSize = 2 ** 31 - 4096;

/** The bits of the field `flags`. */
const flags = { data: 1, ids: 2, lost: 4, encrypted: 8, keys: 16 } as const;

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

/** Writes the fields of a header, but for the checksums. How they lie is drawn in encodeBatch.ts. */
export function fillBatchHeader(
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
export function seedOf(position: number): number {
  return (position / alignment) >>> 0;
}
