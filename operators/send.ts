import {
  catchError,
  concatMap,
  defer,
  map,
  take,
  throwError,
  throwIfEmpty,
  type ObservableInput,
  type OperatorFunction,
} from "rxjs";
import type { Appended, EventBatch } from "../src/model/batch.ts";
import { isSluiceError, SluiceError } from "../src/model/errors.ts";

/** A batch and where it was stored. */
export interface SentBatch {
  /** The batch, as it was sent. */
  readonly batch: EventBatch;
  /** What the backend answered. */
  readonly appended: Appended;
}

/** The part of a backend's partition that {@link send} needs. */
export interface BatchSink {
  /** Stores a batch, then answers once. */
  append(batch: EventBatch): ObservableInput<Appended>;
}

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
  return concatMap((batch) =>
    defer(() => sink.append(batch)).pipe(
      take(1),
      throwIfEmpty(() => new SluiceError("ERR_STORAGE", "The backend completed without an answer to a batch")),
      map((appended) => ({ batch, appended })),
      catchError((error: unknown) => throwError(() => storageError(error))),
    ),
  );
}

function storageError(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError("ERR_STORAGE", `A batch could not be stored: ${reason}`, { cause: error });
}
