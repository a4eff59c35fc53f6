import type { ReadLimits } from "./backend.ts";
import type { StoredBatch } from "./batch.ts";
import { cutBatch } from "./cutBatch.ts";
import { joinBatches } from "./joinBatches.ts";

/** Batches of fewer events than this are read together, until there are as many. */
const tiny = 64;

/**
 * What a read from an id on brings. Where batches are tiny, several of them make one, so that reading does not cost one
 * call an event.
 *
 * @param batch - The batch that holds the id, or the gap in which it is.
 * @param from - The id.
 * @param limits - What the read may bring at the most.
 * @param follower - The batch that begins with an id, where it is at hand; undefined where it is not.
 *
 * @example
 * ```ts
 * import { gatherBatches, type StoredBatch } from "sluice";
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
 * const stored = [one(0), one(1), one(2)];
 * const limits = { maxEvents: 100, maxBytes: 1000 };
 * console.log(gatherBatches(stored[1]!, 1, limits, (id) => stored[id]).count); // 2
 * ```
 */
export function gatherBatches(
  batch: StoredBatch,
  from: number,
  limits: ReadLimits,
  follower: (id: number) => StoredBatch | undefined,
): StoredBatch {
  const first = cutBatch(batch, from, limits);
  // What was cut short goes on in its own batch, and not in the one behind it.
  if (first.next !== batch.next || first.lost === true) return first;
  const parts: StoredBatch[] = [first];
  let { count, next } = first;
  let bytes = first.metadata.length;
  while (count < tiny) {
    const more = follower(next);
    if (more === undefined || more.firstId !== next || more.count >= tiny || more.lost === true) break;
    if (count + more.count > limits.maxEvents || bytes + more.metadata.length > limits.maxBytes) break;
    parts.push(more);
    count += more.count;
    bytes += more.metadata.length;
    ({ next } = more);
  }
  return joinBatches(parts);
}
