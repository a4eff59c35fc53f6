import type { PartitionSelector, SelectPartition } from "../component.ts";
import { checkPartition, partitionAt } from "./checkPartition.ts";

/**
 * Makes a selector that takes one partition after the other. It is the default of a topic.
 *
 * Each producer begins at the first partition. An event that asks for a partition gets it and does not move the turn on.
 *
 * @returns A selector that is stored as `{ type: "round-robin" }`. It throws SluiceError `ERR_INVALID_PARTITION` for a requested
 * partition that does not exist.
 *
 * @example
 * ```ts
 * import { roundRobin } from "sluice";
 *
 * const select = roundRobin().start();
 * const partitions = [{ partition: 0 }, { partition: 1 }];
 * console.log(select({}, partitions, undefined), select({}, partitions, undefined), select({}, partitions, 0)); // 0 1 0
 * ```
 */
export function roundRobin<M = unknown>(): PartitionSelector<M> {
  return { spec: { type: "round-robin" }, start: startRoundRobin };
}

/** The selection itself, also for events without a key. @internal */
export function startRoundRobin(): SelectPartition {
  let turn = 0;
  return (_metadata, partitions, requested) => {
    if (requested !== undefined) return checkPartition(requested, partitions);
    // A topic may have gained partitions since the last event, so the turn is fitted when it is used.
    const index = turn < partitions.length ? turn : 0;
    turn = index + 1;
    return partitionAt(index, partitions);
  };
}
