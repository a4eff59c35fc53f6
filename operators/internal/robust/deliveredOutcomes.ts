import { idAt, type Appended } from "../../../src/model/batch.ts";
import type { JournalBatch } from "./journalPartition.ts";
import type { Delivered } from "./robustTypes.ts";

/** What is told of each event of a batch that was stored. */
export function* deliveredOutcomes(
  topic: string,
  partition: number,
  { position, batch }: JournalBatch,
  appended: Appended,
): Generator<Delivered> {
  for (let i = 0; i < batch.count; i++) {
    const id = idAt(appended, i);
    yield { kind: "delivered", topic, partition, position: position + i, timestamp: batch.timestamps[i]!, id };
  }
}
