import { selectBytes } from "./selectBytes.ts";
import type { EventBatch } from "./batch.ts";

/**
 * The events of a batch from one index on, as a batch of its own. Nothing but the small arrays of ends is copied.
 * A backend uses it when a retried batch has been stored in part.
 *
 * @param batch - The batch.
 * @param from - The index of the first event to keep, from 0 to `batch.count - 1`.
 * @returns A batch; the same one when `from` is 0.
 *
 * @example
 * ```ts
 * import { EventDraft, packBatch, sliceBatch } from "sluice";
 *
 * const drafts = ["a", "b", "c"].map((text) => Object.assign(new EventDraft(text), { payload: text }));
 * const batch = packBatch(drafts, { id: "app1", sequence: 7 });
 * console.log(sliceBatch(batch, 1).count, sliceBatch(batch, 1).producer?.sequence); // 2 8
 * ```
 */
export function sliceBatch(batch: EventBatch, from: number): EventBatch {
  if (from === 0) return batch;
  const { dataEnds, metadataEnds } = batch;
  const metadataStart = metadataEnds[from - 1]!;
  const dataStart = dataEnds?.[from - 1] ?? 0;
  const dataSize = dataEnds === undefined ? 0 : dataEnds[batch.count - 1]! - dataStart;
  return {
    count: batch.count - from,
    metadata: batch.metadata.subarray(metadataStart),
    metadataEnds: metadataEnds.slice(from).map((end) => end - metadataStart),
    timestamps: batch.timestamps.subarray(from),
    data: dataSize === 0 ? [] : selectBytes(batch.data, new Float64Array([dataStart, dataSize])),
    dataEnds: dataEnds?.slice(from).map((end) => end - dataStart),
    ...(batch.keys !== undefined && {
      keys: { keys: batch.keys.keys.slice(from), tombstones: batch.keys.tombstones.subarray(from) },
    }),
    producer: batch.producer && { ...batch.producer, sequence: batch.producer.sequence + from },
    durability: batch.durability,
  };
}
