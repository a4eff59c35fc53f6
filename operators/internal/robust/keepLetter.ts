import { concat, defer, EMPTY, ignoreElements, mergeMap, tap, type Observable } from "rxjs";
import type { DeadLetter } from "../../processEvents.ts";
import type { DeadLetterStore } from "./deadLetterStore.ts";
import type { JournalBatch } from "./journalPartition.ts";
import { letterEvent, type LetterOrigin } from "./letterEvent.ts";
import { settled } from "./settled.ts";

/**
 * Keeps an event with the reason why it cannot be stored, and then hands it to whoever wants it. Where that fails and it is
 * subscribed to again, the event is handed over again and kept once.
 */
export function keepLetter<M>(
  store: DeadLetterStore<M>,
  origin: LetterOrigin<M>,
  letter: JournalBatch,
  error: unknown,
  deadLetter: ((letter: DeadLetter<M>) => unknown) | undefined,
): Observable<unknown> {
  let isKept = false;
  const keep = defer(() => (isKept ? EMPTY : store.add(origin.partition, letter, error))).pipe(
    tap({ complete: () => (isKept = true) }),
  );
  if (deadLetter === undefined) return keep;
  const tell = letterEvent(origin, letter.batch).pipe(mergeMap((event) => settled(() => deadLetter({ event, error }))));
  return concat(keep, tell).pipe(ignoreElements());
}
