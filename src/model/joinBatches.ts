import { dataSizeOf, type StoredBatch } from "./batch.ts";

/**
 * Several stored batches that follow each other without a gap, as one. Their metadata is copied, which pays when the
 * batches are small: what is read together is decoded and delivered together.
 *
 * @param batches - At least one, in order.
 * @returns One batch; the only one itself when there is only one.
 * @throws RangeError when there is a gap between two batches, or inside of one, or when a batch says where its data is.
 *
 * @example
 * ```ts
 * import { joinBatches, type StoredBatch } from "sluice";
 *
 * const one = (id: number): StoredBatch => ({
 *   count: 1,
 *   firstId: id,
 *   next: id + 1,
 *   metadata: new Uint8Array([id]),
 *   metadataEnds: new Uint32Array([1]),
 *   timestamps: new Float64Array([0]),
 *   dataEnds: undefined,
 * });
 * const joined = joinBatches([one(4), one(5)]);
 * console.log(joined.count, joined.firstId, joined.next); // 2 4 6
 * ```
 */
export function joinBatches(batches: readonly StoredBatch[]): StoredBatch {
  const [first] = batches;
  batches.forEach((batch, i) => checkJoinable(batch, batches[i + 1]));
  if (batches.length === 1) return first!;
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const metadata = new Uint8Array(batches.reduce((sum, batch) => sum + batch.metadata.length, 0));
  const metadataEnds = new Uint32Array(count);
  const timestamps = new Float64Array(count);
  const dataEnds = batches.some((batch) => batch.dataEnds !== undefined) ? new Float64Array(count) : undefined;
  let at = 0;
  let metadataStart = 0;
  let dataStart = 0;
  for (const batch of batches) {
    metadata.set(batch.metadata, metadataStart);
    timestamps.set(batch.timestamps.subarray(0, batch.count), at);
    for (let i = 0; i < batch.count; i++) {
      metadataEnds[at + i] = metadataStart + batch.metadataEnds[i]!;
      if (dataEnds !== undefined) dataEnds[at + i] = dataStart + (batch.dataEnds?.[i] ?? 0);
    }
    at += batch.count;
    metadataStart += batch.metadata.length;
    dataStart += dataSizeOf(batch);
  }
  return { count, firstId: first!.firstId, next: batches.at(-1)!.next, metadata, metadataEnds, timestamps, dataEnds };
}

function checkJoinable({ ids, locations, next, count }: StoredBatch, follower: StoredBatch | undefined): void {
  if (follower === undefined) return;
  if (next !== follower.firstId) {
    throw new RangeError(
      `Batches that are joined must follow each other: current value is ${follower.firstId} after ${next}`,
    );
  }
  if (ids !== undefined || locations !== undefined) {
    throw new RangeError(
      `Batches that are joined must have neither ids nor locations: current value has ${count} events`,
    );
  }
}
