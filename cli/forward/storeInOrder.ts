import {
  asapScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  forkJoin,
  from,
  ignoreElements,
  map,
  mergeMap,
  of,
  Subject,
  throwError,
  type Observable,
  type ObservableInput,
  type Subscription,
} from "rxjs";
import { retryWithBackoff, type RetryOptions } from "sluice/operators";

/** How events are stored elsewhere. */
export interface StoreInOrderOptions<E> {
  /** Stores one event. It is called for all events of a group before the first has answered. */
  readonly push: (event: E) => ObservableInput<unknown>;
  /** Called before each try with what is left of a group. Only what it answers with has still to be stored. @default all of it */
  readonly begin?: ((events: readonly E[]) => ObservableInput<readonly E[]>) | undefined;
  /** Whether an error is about the place that an event was given only: what is left is then tried again at once. @default never */
  readonly isDisplaced?: ((error: unknown, event: E) => boolean) | undefined;
  /** Called when all of a group have been pushed, so that it goes as one batch. */
  readonly pushed?: (() => void) | undefined;
  /** Whether an error is about the event itself, so that it would fail for ever. */
  readonly isRejection: (error: unknown) => boolean;
  /** What becomes of such an event; the next group waits for it. */
  readonly rejected: (event: E, error: unknown) => ObservableInput<unknown>;
  /** Whether another error may pass. */
  readonly isRetriable: (error: unknown) => boolean;
  /** How often and when the rest is tried again. */
  readonly retry: RetryOptions;
  /** The largest number of events of a group. */
  readonly maxEvents: number;
  /** Told of an error that is tried again. */
  readonly retrying?: ((error: unknown) => void) | undefined;
  /** Ends what is being stored, and the waits between tries, when it is unsubscribed. */
  readonly within?: Subscription | undefined;
}

/** An event that waits for its group. */
interface Waiting<E> {
  readonly event: E;
  readonly done: Subject<never>;
}

/**
 * Makes what stores the events of one partition in their order, whatever fails: what gathers while a group is being stored
 * makes the next group, and no group is begun before all of the one in front of it are stored or dealt with. Where a group is
 * one batch of the target, it is stored whole or not at all, so a retry never overtakes.
 *
 * @returns A function that takes one event. What it returns completes when the event is stored or dealt with.
 */
export function storeInOrder<E>(options: StoreInOrderOptions<E>): (event: E) => Observable<never> {
  const waiting: Waiting<E>[] = [];
  let isBusy = false;
  return (event) =>
    defer(() => {
      const done = new Subject<never>();
      waiting.push({ event, done });
      storeNext();
      return done;
    });

  function storeNext(): void {
    if (isBusy || waiting.length === 0) return;
    isBusy = true;
    // A turn later, so that what is delivered together is stored together.
    asapScheduler.schedule(() => {
      const group = waiting.splice(0, options.maxEvents);
      const events = group.map(({ event }) => event);
      const storing = storeGroup(events, options).subscribe({
        complete: () => end(group, ({ done }) => done.complete()),
        error: (error: unknown) => end([...group, ...waiting.splice(0)], ({ done }) => done.error(error)),
      });
      options.within?.add(storing);
    });
  }

  function end(group: readonly Waiting<E>[], tell: (each: Waiting<E>) => void): void {
    isBusy = false;
    for (const each of group) tell(each);
    storeNext();
  }
}

/** Completes when every event is stored or dealt with. Only what has failed is tried again, in its order. */
function storeGroup<E>(group: readonly E[], options: StoreInOrderOptions<E>): Observable<never> {
  const { begin = (events) => [events], isRejection, rejected, isDisplaced, isRetriable, retry, retrying } = options;
  let left = group;
  const attempt: Observable<never> = defer(() => begin(left)).pipe(
    mergeMap((events) => (events.length === 0 ? of([]) : pushAll(events, options))),
    mergeMap((outcomes) => {
      const failed = outcomes.filter(({ error }) => error !== undefined);
      const refused = failed.filter(({ error }) => isRejection(error));
      const others = failed.filter(({ error }) => !isRejection(error));
      left = others.map(({ event }) => event);
      const dealtWith = refused.map(({ event, error }) => defer(() => rejected(event, error)).pipe(ignoreElements()));
      return concat(...dealtWith, others.length === 0 ? EMPTY : goOn(others[0]!));
    }),
  );
  const goOn = ({ event, error }: Outcome<E>) =>
    isDisplaced?.(error, event) === true ? attempt : throwError(() => error);
  return attempt.pipe(
    retryWithBackoff({
      ...retry,
      isRetriable: (error) => {
        // Without anything left it was the dead letter that failed, and its event would be lost by going on.
        const isWorthIt = left.length > 0 && isRetriable(error);
        if (isWorthIt) retrying?.(error);
        return isWorthIt;
      },
    }),
  );
}

/** What has become of one event. */
interface Outcome<E> {
  readonly event: E;
  readonly error: unknown;
}

function pushAll<E>(events: readonly E[], { push, pushed }: StoreInOrderOptions<E>): Observable<Outcome<E>[]> {
  const pushes = events.map((event) => {
    const answer = pushNow(event, push);
    return answer.pipe(
      map(() => ({ event, error: undefined })),
      catchError((error: unknown) => of({ event, error: error ?? new Error("An error without a value") })),
    );
  });
  pushed?.();
  return forkJoin(pushes);
}

/** Calls at once: the order of the calls is the order of the events. */
function pushNow<E>(event: E, push: (event: E) => ObservableInput<unknown>): Observable<unknown> {
  try {
    return from(push(event));
  } catch (error) {
    return throwError(() => error);
  }
}
