import { indexedSizeOf, type BatchHeader } from "../format/batchHeader.ts";
import { decodeBatchBody } from "../format/decodeBatchBody.ts";
import type { StorableBatch } from "../format/storableBatch.ts";
import { decodeKeys } from "../format/batchKeys.ts";
import { blockSize } from "../format/blockSize.ts";
import { aligned } from "../format/bytes.ts";
import { crc32c } from "../format/crc32c.ts";
import { openBlock } from "../encryption/sealBatch.ts";
import { unreadable } from "../logErrors.ts";
import { openBody } from "../read/openBody.ts";
import type { Segment } from "../segments/segment.ts";
import { readAll } from "../storage/storage.ts";

/** Reads a batch with all of its data, as it can be stored again. Every byte is checked. */
export async function readWholeBatch(segment: Segment, header: BatchHeader, offset: number): Promise<StorableBatch> {
  const size = indexedSizeOf(header);
  const bytes = new Uint8Array(aligned(size + header.dataSize));
  const damaged = unreadable(segment.path, offset, header.baseId, header.next);
  if ((await readAll(segment.file, bytes, offset)) < bytes.length) throw damaged;
  const { batch, checksums, seal } = await decode(segment, header, bytes.subarray(0, size), offset);
  const data = bytes.subarray(size, size + header.dataSize);
  for (let i = 0; i < checksums.length; i++) {
    const block = data.subarray(i * blockSize, (i + 1) * blockSize);
    if (crc32c(block) !== checksums[i] || (seal !== undefined && !openBlock(seal, i, block))) throw damaged;
  }
  return { ...batch, data: data.length === 0 ? [] : [data] };
}

/** Reads everything of a batch but its data. */
export async function readWithoutData(segment: Segment, header: BatchHeader, offset: number): Promise<StorableBatch> {
  const bytes = new Uint8Array(aligned(indexedSizeOf(header)));
  const length = await readAll(segment.file, bytes, offset);
  return (await decode(segment, header, bytes.subarray(0, length), offset)).batch;
}

async function decode(segment: Segment, header: BatchHeader, bytes: Uint8Array, offset: number) {
  const damaged = () => unreadable(segment.path, offset, header.baseId, header.next);
  const body = bytes.length < indexedSizeOf(header) ? undefined : decodeBatchBody(header, bytes);
  if (body === undefined) throw damaged();
  const { metadata: stored, seal } = await openBody(segment, header, bytes, body, offset);
  const { metadataEnds, timestamps, dataEnds, ids, producerId, blockChecksums: checksums } = body;
  const metadata = stored.subarray(0, metadataEnds[header.count - 1] ?? 0);
  const keys = header.hasKeys ? decodeKeys(stored.subarray(metadata.length), header.count) : undefined;
  if (header.hasKeys && keys === undefined) throw damaged();
  const batch: StorableBatch = {
    count: header.count,
    metadata,
    metadataEnds,
    timestamps,
    dataEnds,
    data: [],
    ...(producerId !== undefined && { producer: { id: producerId, sequence: header.sequence } }),
    ...(keys !== undefined && { keys }),
    ...(ids !== undefined && { ids, next: header.next }),
    ...(header.isLost && { lost: true }),
  };
  return { batch, checksums, seal };
}
