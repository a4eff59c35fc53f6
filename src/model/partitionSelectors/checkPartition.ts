import { describeValue } from "../describeValue.ts";
import { SluiceError } from "../errors.ts";
import type { PartitionInfo } from "../partition.ts";

/**
 * Checks that a topic has a partition. A number out of range is refused and never wrapped round.
 *
 * @param partition - The number that was asked for, or that a selector chose.
 * @param partitions - The partitions of the topic.
 * @returns The number itself.
 * @throws SluiceError `ERR_INVALID_PARTITION`, with `details.partition` and `details.partitions` (how many there are).
 *
 * @example
 * ```ts
 * import { checkPartition } from "sluice";
 *
 * console.log(checkPartition(1, [{ partition: 0 }, { partition: 1 }])); // 1
 * ```
 */
export function checkPartition(partition: number, partitions: readonly PartitionInfo[]): number {
  // Partitions are normally listed in order, so the search is rarely needed.
  if (partitions[partition]?.partition === partition) return partition;
  if (partitions.some((info) => info.partition === partition)) return partition;
  const count = partitions.length;
  throw new SluiceError(
    "ERR_INVALID_PARTITION",
    `Partition ${describeValue(partition)} does not exist: the topic has ${count} partition${count === 1 ? "" : "s"}`,
    { details: { partition, partitions: count } },
  );
}

/** The partition in a place of the list, for a number that was made to fit. @internal */
export function partitionAt(index: number, partitions: readonly PartitionInfo[]): number {
  const info = partitions[index];
  if (info !== undefined) return info.partition;
  throw new SluiceError("ERR_INVALID_PARTITION", "The topic has no partition to choose from", {
    details: { partitions: 0 },
  });
}
