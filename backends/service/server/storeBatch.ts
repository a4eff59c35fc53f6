import { from, take } from "rxjs";
import type { BackendPartition } from "../../../src/model/backend.ts";
import type { EventBatch } from "../../../src/model/batch.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { encodeAppended } from "../protocol/appendCodec.ts";
import { messageTypes } from "../protocol/frame.ts";
import type { Outcome } from "./answers.ts";
import type { DirectoryEntry } from "./directory.ts";

/** Stores a batch, and calls back once with how that has ended. A client that goes away does not keep it from being stored. */
export function storeBatch(partition: BackendPartition, batch: EventBatch, done: (outcome: Outcome) => void): void {
  let outcome: Outcome | undefined;
  try {
    from(partition.append(batch))
      .pipe(take(1))
      .subscribe({
        next: (appended) => (outcome = { type: messageTypes.appended, value: encodeAppended(appended) }),
        error: (error: unknown) => done({ error }),
        complete: () => done(outcome ?? { error: unanswered() }),
      });
  } catch (error) {
    done({ error });
  }
}

function unanswered(): SluiceError {
  return new SluiceError("ERR_STORAGE", "The backend completed without an answer to a batch");
}

/** The partition of a number. @throws SluiceError `ERR_INVALID_PARTITION` when there is none. */
export function partitionOf({ topic, name }: DirectoryEntry, number: number): BackendPartition {
  const partition = topic.partitions[number];
  if (partition !== undefined) return partition;
  throw new SluiceError("ERR_INVALID_PARTITION", `Topic "${name}" has no partition ${number}`, {
    details: { topic: name, partition: number, partitions: topic.partitions.length },
  });
}
