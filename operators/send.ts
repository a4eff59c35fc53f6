import { concatMap, type OperatorFunction } from "rxjs";
import type { EventBatch } from "../src/model/batch.ts";
import { storeBatch, type BatchSink, type SentBatch } from "./internal/storeBatch.ts";

/**
 * Stores batches in a partition, one after the other.
 *
 * @param sink - A backend's partition, or anything that takes batches.
 * @returns An operator that emits each batch with the backend's answer. It fails with the error of the first batch that
 * could not be stored: a `SluiceError` of the backend as it is, anything else as the cause of `ERR_STORAGE`.
 *
 * @example
 * ```ts
 * import { bufferCount, map, of } from "rxjs";
 * import { EventDraft, json, packBatch } from "sluice";
 * import { send, serialize } from "sluice/operators";
 *
 * const sink = { append: () => of({ firstId: 100 }) };
 * of({ n: 1 }, { n: 2 })
 *   .pipe(map((n) => new EventDraft(n)), serialize(json()), bufferCount(2), map((drafts) => packBatch(drafts)), send(sink))
 *   .subscribe(({ batch, appended }) => console.log(batch.count, appended.firstId)); // 2 100
 * ```
 */
export function send(sink: BatchSink): OperatorFunction<EventBatch, SentBatch> {
  return concatMap((batch) => storeBatch(sink, batch));
}

export type { BatchSink, SentBatch } from "./internal/storeBatch.ts";
