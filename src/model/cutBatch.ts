import type { ReadLimits } from "./backend.ts";
import { idAt, indexOfId, type StoredBatch } from "./batch.ts";
import { cutRuns } from "./producerRuns.ts";

/**
 * The part of a stored batch that a read may bring, from one id on: at least one event where there is one, and the batch
 * itself where all of it may be brought. Nothing but the small arrays is copied.
 *
 * @internal
 */
export function cutBatch(batch: StoredBatch, from: number, { maxEvents, maxBytes }: ReadLimits): StoredBatch {
  const { count, metadata, metadataEnds, timestamps, dataEnds, ids, producers } = batch;
  if (count === 0) return { ...batch, firstId: Math.max(from, batch.firstId) };
  const isWhole = ids === undefined ? from === batch.firstId : from <= ids[0]! && batch.firstId === ids[0];
  if (isWhole && count <= maxEvents && metadata.length <= maxBytes) return batch;
  const first = indexOfId(batch, from);
  const metadataStart = first === 0 ? 0 : metadataEnds[first - 1]!;
  const dataStart = first === 0 ? 0 : (dataEnds?.[first - 1] ?? 0);
  let last = Math.min(first + 1, count);
  const limit = Math.min(count, first + maxEvents);
  while (last < limit && metadataEnds[last]! - metadataStart <= maxBytes) last++;
  return {
    count: last - first,
    firstId: first < count ? idAt(batch, first) : from,
    ...(ids !== undefined && { ids: ids.subarray(first, last) }),
    next: last < count ? idAt(batch, last) : batch.next,
    metadata: metadata.subarray(metadataStart, last === 0 ? 0 : metadataEnds[last - 1]),
    metadataEnds: metadataEnds.slice(first, last).map((end) => end - metadataStart),
    timestamps: timestamps.subarray(first, last),
    dataEnds: dataEnds?.slice(first, last).map((end) => end - dataStart),
    ...(producers !== undefined && { producers: cutRuns(producers, first, last) }),
  };
}
