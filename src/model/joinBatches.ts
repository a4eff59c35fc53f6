import { dataSizeOf, idAt, type StoredBatch } from "./batch.ts";
import { joinRuns } from "./producerRuns.ts";

/**
 * Several stored batches that follow each other, as one. Their metadata is copied, which pays when the
 * batches are small: what is read together is decoded and delivered together.
 *
 * @param batches - At least one, in order.
 * @returns One batch; the only one itself when there is only one.
 * @throws RangeError when one does not begin where the one before it says to read on, when a batch says where its data is, and when
 * its events are lost.
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
  if (batches.length === 1) return first!;
  batches.forEach((batch, i) => checkJoinable(batch, batches[i + 1]));
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const metadata = new Uint8Array(batches.reduce((sum, batch) => sum + batch.metadata.length, 0));
  const metadataEnds = new Uint32Array(count);
  const timestamps = new Float64Array(count);
  const hasGaps = batches.some((batch) => batch.ids !== undefined || batch.next !== batch.firstId + batch.count);
  const ids = hasGaps ? new Float64Array(count) : undefined;
  const dataEnds = batches.some((batch) => batch.dataEnds !== undefined) ? new Float64Array(count) : undefined;
  let at = 0;
  let metadataStart = 0;
  let dataStart = 0;
  for (const batch of batches) {
    metadata.set(batch.metadata, metadataStart);
    timestamps.set(batch.timestamps.subarray(0, batch.count), at);
    for (let i = 0; i < batch.count; i++) {
      metadataEnds[at + i] = metadataStart + batch.metadataEnds[i]!;
      if (ids !== undefined) ids[at + i] = idAt(batch, i);
      if (dataEnds !== undefined) dataEnds[at + i] = dataStart + (batch.dataEnds?.[i] ?? 0);
    }
    at += batch.count;
    metadataStart += batch.metadata.length;
    dataStart += dataSizeOf(batch);
  }
  const producers = joinRuns(batches);
  const known = { ...(ids !== undefined && { ids }), ...(producers !== undefined && { producers }) };
  const arrays = { metadata, metadataEnds, timestamps, dataEnds, ...known };
  return { count, firstId: ids?.[0] ?? first!.firstId, next: batches.at(-1)!.next, ...arrays };
}

function checkJoinable(batch: StoredBatch, follower: StoredBatch | undefined): void {
  if (batch.locations !== undefined || batch.lost === true) {
    throw new RangeError(
      `Batches that are joined must have no locations and not be lost: current value has ${batch.count} events`,
    );
  }
  if (follower !== undefined && batch.next !== follower.firstId) {
    throw new RangeError(
      `Batches that are joined must follow each other: current value is ${follower.firstId} after ${batch.next}`,
    );
  }
}
