import { checkFunction } from "../check.ts";
import type { PartitionSelector, SelectPartition } from "../component.ts";
import { isPromiseLike } from "../isPromiseLike.ts";
import { checkPartition } from "./checkPartition.ts";

/**
 * Makes a partition selector from a function.
 *
 * A requested partition is checked first and then handed to the function, which decides. A function cannot be stored: the
 * topic records that there is one, and whoever opens the topic elsewhere hands it in again.
 *
 * @param fn - Called with the metadata, the partitions and the requested partition; returns the number of a partition. It may be asynchronous.
 * @returns A selector that is stored as `{ type: "function" }`. It throws SluiceError `ERR_INVALID_PARTITION` when the requested partition,
 * or the one that the function chose, does not exist.
 * @throws TypeError when `fn` is not a function.
 *
 * @example
 * ```ts
 * import { selectWith } from "sluice";
 *
 * const selector = selectWith<{ energy: number }>(({ energy }, partitions, requested) => requested ?? energy % partitions.length);
 * console.log(selector.start()({ energy: 7 }, [{ partition: 0 }, { partition: 1 }], undefined)); // 1
 * ```
 */
export function selectWith<M = unknown>(fn: SelectPartition<M>): PartitionSelector<M> {
  checkFunction("partitionSelector", fn);
  return { spec: { type: "function" }, start: () => checked(fn) };
}

/** A selection whose answers are checked. @internal */
export function checked<M>(select: SelectPartition<M>): SelectPartition<M> {
  return (metadata, partitions, requested) => {
    if (requested !== undefined) checkPartition(requested, partitions);
    const answer = select(metadata, partitions, requested);
    return isPromiseLike(answer)
      ? answer.then((partition) => checkPartition(partition, partitions))
      : checkPartition(answer, partitions);
  };
}
