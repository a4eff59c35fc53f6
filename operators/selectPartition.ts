import type { OperatorFunction } from "rxjs";
import type { PartitionSelector } from "../src/model/component.ts";
import type { EventDraft } from "../src/model/draft.ts";
import { checkInteger } from "../src/model/check.ts";
import { maxPartitions, type PartitionInfo } from "../src/model/partition.ts";
import { selectDraftPartition } from "./internal/draftSteps.ts";
import { mapDrafts, type DraftStepOptions } from "./internal/mapDrafts.ts";

/**
 * Gives each draft its partition.
 *
 * @param selector - The partition selector, as a topic has it. Its state begins anew with each subscription.
 * @param partitions - The partitions to choose from, or a function that returns them as they are now.
 * @param options - Order, concurrency, time-out, and what becomes of an event that has no partition to go to.
 * @returns An operator. Under `rejected: "fail"` it fails with `ERR_INVALID_PARTITION` when the requested or selected
 * partition does not exist, with `ERR_TIMEOUT`, or with `ERR_COMPONENT` when the selector failed.
 *
 * @example
 * ```ts
 * import { map, range } from "rxjs";
 * import { EventDraft, roundRobin } from "sluice";
 * import { selectPartition } from "sluice/operators";
 *
 * range(0, 4)
 *   .pipe(map((n) => new EventDraft(n)), selectPartition(roundRobin(), 3))
 *   .subscribe((draft) => console.log(draft.partition)); // 0, 1, 2, 0
 * ```
 */
export function selectPartition<M, D extends EventDraft<M> = EventDraft<M>>(
  selector: PartitionSelector<M>,
  partitions: number | (() => readonly PartitionInfo[]),
  options: DraftStepOptions = {},
): OperatorFunction<D, D> {
  const current = typeof partitions === "number" ? fixed(partitions) : partitions;
  return mapDrafts<D>("partition selector", () => selectDraftPartition(selector, current), options);
}

function fixed(count: number): () => readonly PartitionInfo[] {
  checkInteger("partitions", count, 1, maxPartitions);
  const partitions = Array.from({ length: count }, (_, partition) => ({ partition }));
  return () => partitions;
}
