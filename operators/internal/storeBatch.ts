import { Observable, Subscription, type ObservableInput } from "rxjs";
import type { Appended, EventBatch } from "../../src/model/batch.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";
import { innerFrom } from "./innerFrom.ts";
import { subscribeWithin } from "./subscribeWithin.ts";

/** A batch and where it was stored. */
export interface SentBatch {
  /** The batch, as it was sent. */
  readonly batch: EventBatch;
  /** What the backend answered. */
  readonly appended: Appended;
}

/** The part of a backend's partition that `send` needs. */
export interface BatchSink {
  /** Stores a batch, then answers once. */
  append(batch: EventBatch): ObservableInput<Appended>;
}

/**
 * Stores one batch and emits the first answer. Written by hand, since a batch of one large event, or of one that is alone,
 * would pay for an operator each for the first answer, for none, for its form and for its error.
 *
 * @internal
 */
export function storeBatch(sink: BatchSink, batch: EventBatch): Observable<SentBatch> {
  return new Observable((subscriber) => {
    const fail = (error: unknown) => subscriber.error(storageError(error));
    const appending = new Subscription();
    subscriber.add(appending);
    try {
      subscribeWithin(appending, innerFrom(sink.append(batch)), {
        next: (appended) => {
          appending.unsubscribe(); // Before anybody is told: who is may send the next batch at once.
          subscriber.next({ batch, appended });
          subscriber.complete();
        },
        error: fail,
        complete: () => fail(new SluiceError("ERR_STORAGE", "The backend completed without an answer to a batch")),
      });
    } catch (error) {
      fail(error);
    }
  });
}

function storageError(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError("ERR_STORAGE", `A batch could not be stored: ${reason}`, { cause: error });
}
