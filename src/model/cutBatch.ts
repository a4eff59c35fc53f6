import type { ReadLimits } from "./backend.ts";
import type { StoredBatch } from "./batch.ts";

/**
 * The part of a stored batch of contiguous ids that a read may bring, from one id on: at least one event, and the batch
 * itself where all of it may be brought. Nothing but the small arrays of ends is copied.
 *
 * @internal
 */
export function cutBatch(batch: StoredBatch, from: number, { maxEvents, maxBytes }: ReadLimits): StoredBatch {
  const { metadata, metadataEnds, timestamps, dataEnds } = batch;
  const first = from - batch.firstId;
  if (first === 0 && batch.count <= maxEvents && metadata.length <= maxBytes) return batch;
  const metadataStart = first === 0 ? 0 : metadataEnds[first - 1]!;
  const dataStart = first === 0 ? 0 : (dataEnds?.[first - 1] ?? 0);
  let last = first + 1;
  const limit = Math.min(batch.count, first + maxEvents);
  while (last < limit && metadataEnds[last]! - metadataStart <= maxBytes) last++;
  return {
    count: last - first,
    firstId: from,
    next: batch.firstId + last,
    metadata: metadata.subarray(metadataStart, metadataEnds[last - 1]),
    metadataEnds: metadataEnds.slice(first, last).map((end) => end - metadataStart),
    timestamps: timestamps.subarray(first, last),
    dataEnds: dataEnds?.slice(first, last).map((end) => end - dataStart),
  };
}
