import { tagsSizeOf } from "../encryption/sealBatch.ts";
import { batchHeaderSize, type BatchHeader } from "./batchHeader.ts";
import { blocksOf } from "./blockChecksums.ts";
import { aligned } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";

const decoder = new TextDecoder();

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
