import type { Topic } from "sluice";
import { CommandError } from "../commandError.ts";
import type { Invocation } from "../invocation.ts";
import { openBare } from "../topic/openBare.ts";
import { checkType } from "./checkType.ts";

/** The flags of `sluice partition add`. */
export interface AddPartitionsFlags {
  /** How many. */
  readonly count: number;
  /** Where a service stores them. */
  readonly type?: string | undefined;
  /** Which process of a service holds them. */
  readonly rank?: number | undefined;
}

/** Adds partitions to a topic. */
export async function addPartitions(invocation: Invocation, flags: AddPartitionsFlags, name = ""): Promise<void> {
  const { count } = flags;
  if (flags.type !== undefined) await checkType(invocation, flags.type, name);
  const topic = await openBare(await invocation.connect(), name);
  checkRank(topic, flags);
  await topic.addPartitions(count, { rank: flags.rank });
  const { partitions } = topic;
  invocation.output.result({ topic: name, partitions }, () => `${name} has ${partitions} partitions.`);
}

function checkRank({ backend: { ranks } }: Topic, { rank = 0 }: AddPartitionsFlags): void {
  const count = ranks?.count ?? 1;
  if (rank < count) return;
  const those = count === 1 ? "is one process, of rank 0" : `is ${count} processes, of the ranks 0 to ${count - 1}`;
  throw new CommandError(`There is no rank ${rank}: this backend ${those}`);
}
