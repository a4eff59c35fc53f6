import type { TransactionAppend } from "./backend.ts";

/**
 * Checks what a transaction is to store. For backends with transactions.
 *
 * @throws RangeError when there are two batches for one partition.
 *
 * @internal
 */
export function checkTransaction(appends: readonly TransactionAppend[]): void {
  const places = new Set<string>();
  for (const { topic, partition } of appends) {
    const place = `${partition}/${topic.name}`;
    if (places.has(place)) {
      throw new RangeError(
        `A transaction takes one batch of a partition at the most: there are two of partition ${partition} of topic "${topic.name}"`,
      );
    }
    places.add(place);
  }
}
