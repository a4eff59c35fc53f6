import { crc32c } from "../format/crc32c.ts";
import {
  batchHeaderSize,
  batchMagic,
  decodeBatchHeader,
  indexedSizeOf,
  lengthOf,
  type BatchHeader,
} from "../format/batchHeader.ts";
import { decodeBatchBody, type BatchBody } from "../format/decodeBatchBody.ts";
import { alignment, usedLength } from "../format/bytes.ts";
import { blockSize } from "../format/blockSize.ts";
import { ChunkReader } from "./chunkReader.ts";
import { segmentHeaderSize } from "../format/segmentHeader.ts";
import type { ReadableFile } from "../storage/storage.ts";

/** Where a scan begins, and what it expects there; what is undefined is taken from the first batch. */
export interface ScanStart {
  readonly tag: Uint8Array;
  readonly id: number | undefined;
  readonly number: number | undefined;
  readonly chain: number | undefined;
  /** Where the first batch is to be. @default behind the segment's header */
  readonly offset?: number;
}

/** What of each batch is read and checked: its header, which says what to trust of the rest; also tables and metadata; or all, with its data. */
export type ScanDepth = "headers" | "metadata" | "everything";

/** What is to be looked at. */
export interface ScanOptions {
  /** How far the file may be read. */
  readonly end: number;
  readonly depth: ScanDepth;
  /** Called for each intact batch. The body, there when more than headers are read, is valid during the call. */
  readonly found?: (header: BatchHeader, offset: number, body: BatchBody | undefined) => void;
}

/** Bytes in which no batch can be read. */
export interface Gap {
  readonly offset: number;
  readonly end: number;
  /** The ids that were there: from one, to the one behind the last. */
  readonly fromId: number;
  readonly toId: number;
}

/** What a segment holds. */
export interface Scan {
  /** Behind the last intact batch. */
  readonly offset: number;
  readonly id: number;
  readonly number: number;
  readonly chain: number;
  /** Unreadable bytes with an intact batch behind them. */
  readonly gaps: readonly Gap[];
  /** The highest durable mark of a batch behind the first gap; 0 when there is none. It proves what was there. */
  readonly provenId: number;
  /** Behind the last byte that is not 0; `offset` when only zeros follow the last batch. */
  readonly used: number;
}

/** Walks a segment from its first batch to its end, and past what cannot be read. Linear in its size. */
export async function scanSegment(file: ReadableFile, start: ScanStart, options: ScanOptions): Promise<Scan> {
  const { end, depth, found } = options;
  const reader = new ChunkReader(file, end);
  const gaps: Gap[] = [];
  let { id, number, chain } = start;
  let { offset = segmentHeaderSize } = start;
  let provenId = 0;
  let used = offset;
  for (;;) {
    let at: number | undefined = offset;
    let batch = await batchAt(reader, start.tag, offset, end, depth);
    if (batch !== undefined && !follows(batch.header, id, number, chain)) batch = undefined;
    if (batch === undefined) {
      const search = await findBatch(reader, start.tag, offset + alignment, end, depth, id ?? 0);
      used = Math.max(used, search.used);
      if (search.batch === undefined) break;
      ({ at, batch } = search as { at: number; batch: FoundBatch });
      gaps.push({ offset, end: at, fromId: id ?? batch.header.baseId, toId: batch.header.baseId });
    }
    const { header, body } = batch;
    if (gaps.length > 0) provenId = Math.max(provenId, header.durableMark);
    found?.(header, at, body);
    offset = at + lengthOf(header);
    used = Math.max(used, offset);
    id = header.next;
    number = header.number + 1;
    chain = header.checksum;
  }
  return { offset, id: id ?? 0, number: number ?? 0, chain: chain ?? 0, gaps, provenId, used };
}

interface FoundBatch {
  readonly header: BatchHeader;
  readonly body: BatchBody | undefined;
}

function follows(
  header: BatchHeader,
  id: number | undefined,
  number: number | undefined,
  chain: number | undefined,
): boolean {
  return (
    (id ?? header.baseId) === header.baseId &&
    (number ?? header.number) === header.number &&
    (chain ?? header.chain) === header.chain
  );
}

async function batchAt(
  reader: ChunkReader,
  tag: Uint8Array,
  offset: number,
  end: number,
  depth: ScanDepth,
): Promise<FoundBatch | undefined> {
  const header = decodeBatchHeader(await reader.at(offset, batchHeaderSize), tag, offset, end - offset);
  if (header === undefined || depth === "headers") return header && { header, body: undefined };
  const size = indexedSizeOf(header);
  const bytes = await reader.at(offset, size);
  const body = bytes.length < size ? undefined : decodeBatchBody(header, bytes);
  if (body === undefined || depth === "metadata") return body && { header, body };
  // The window moves on with the data, so what is kept of the body has to be a copy when there is data.
  const kept =
    header.dataSize === 0
      ? body
      : { ...body, timestamps: body.timestamps.slice(), blockChecksums: body.blockChecksums.slice() };
  return (await isDataIntact(reader, offset + size, header.dataSize, kept.blockChecksums))
    ? { header, body: kept }
    : undefined;
}

async function isDataIntact(
  reader: ChunkReader,
  start: number,
  size: number,
  checksums: Uint32Array,
): Promise<boolean> {
  for (let block = 0; block < checksums.length; block++) {
    const length = Math.min(blockSize, size - block * blockSize);
    const bytes = await reader.at(start + block * blockSize, length);
    if (bytes.length < length || crc32c(bytes) !== checksums[block]) return false;
  }
  return true;
}

/** Looks for an intact batch at every place where one could begin. */
async function findBatch(
  reader: ChunkReader,
  tag: Uint8Array,
  from: number,
  end: number,
  depth: ScanDepth,
  leastId: number,
): Promise<{ readonly at?: number; readonly batch?: FoundBatch; readonly used: number }> {
  const stride = 64 << 10;
  let used = from - alignment + usedLength(await reader.at(from - alignment, alignment));
  for (let start = from; start < end; start += stride) {
    const bytes = await reader.at(start, stride);
    const inUse = usedLength(bytes);
    if (inUse > 0) used = start + inUse;
    for (const candidate of candidatesIn(bytes)) {
      const at = start + candidate;
      const batch = await batchAt(reader, tag, at, end, depth);
      if (batch !== undefined && batch.header.baseId >= leastId) return { at, batch, used };
    }
  }
  return { used };
}

/** Where the magic number of a batch stands. The list is made first, since the window may move while they are looked at. */
function candidatesIn(bytes: Uint8Array): number[] {
  const candidates: number[] = [];
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  for (let i = 0; i < words.length; i += alignment / 4) if (words[i] === batchMagic) candidates.push(i * 4);
  return candidates;
}
