import type { Topic } from "sluice";

/** What earlier runs have left in the topic. */
export interface Earlier {
  /** Events that are stored. */
  readonly stored: number;
  /** Those of them that a consumer has acknowledged. */
  readonly acknowledged: number;
}

/** Looks up what earlier runs have stored and acknowledged, also one that was killed. */
export async function earlierRuns(topic: Pick<Topic, "lag">, consumer: string): Promise<Earlier> {
  const { total, partitions } = await topic.lag(consumer);
  const stored = partitions.reduce((sum, { end }) => sum + end, 0);
  return { stored, acknowledged: stored - total };
}
