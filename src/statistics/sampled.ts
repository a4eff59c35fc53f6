import {
  asyncScheduler,
  concat,
  defer,
  exhaustMap,
  from,
  interval,
  NEVER,
  Observable,
  takeUntil,
  timeout,
  type ObservableInput,
} from "rxjs";
import { checkAmount } from "../model/check.ts";

/** How statistics are taken. */
export interface StatisticsOptions {
  /** Milliseconds from one sample to the next. @default 1000 */
  readonly every?: number | undefined;
}

/** Milliseconds that a backend has at the least to answer for a sample. */
const leastPatience = 1000;

/**
 * What a backend answers for a sample, or something else where it does not answer for a period: one call that is never
 * answered would otherwise hold back all later samples.
 *
 * @internal
 */
export function answered<T, E>(
  answer: ObservableInput<T>,
  { every = 1000 }: StatisticsOptions,
  otherwise: ObservableInput<E>,
): Observable<T | E> {
  return from(answer).pipe(timeout({ first: Math.max(every, leastPatience), with: () => otherwise }));
}

/**
 * Samples of something that is counted only while somebody subscribes: each subscription counts for itself.
 *
 * @param open - Begins to count. What it returns takes a sample of the milliseconds that it is told, and what it counts with
 * is added to `counting`.
 * @param ended - Its completion ends the samples, after a last one.
 * @internal
 */
export function sampled<S>(
  { every = 1000 }: StatisticsOptions,
  open: (counting: { add(teardown: { unsubscribe(): void }): void }) => (period: number) => ObservableInput<S>,
  ended: Observable<unknown> = NEVER,
): Observable<S> {
  checkAmount("every", every, 1);
  return new Observable((subscriber) => {
    const take = open(subscriber);
    let since = asyncScheduler.now();
    const sample = () => {
      const now = asyncScheduler.now();
      const period = now - since;
      since = now;
      return take(period);
    };
    const end = new Observable<undefined>((last) => {
      const over = () => {
        last.next(undefined);
        last.complete();
      };
      return ended.subscribe({ complete: over, error: over });
    });
    const ticks = interval(every).pipe(takeUntil(end), exhaustMap(sample));
    subscriber.add(concat(ticks, defer(sample)).subscribe(subscriber));
  });
}
