import { isPromiseLike } from "../../src/model/isPromiseLike.ts";

/**
 * Goes on with a value, at once when it is there and later when it is promised. Synchronous work stays synchronous, so
 * that virtual time moves it and the hot path makes no promise.
 *
 * @internal
 */
export function whenReady<T>(
  value: T | PromiseLike<T>,
  proceed: (value: T) => void,
  fail: (error: unknown) => void,
): void {
  if (isPromiseLike(value)) void value.then(proceed, fail);
  else proceed(value);
}

/** Runs a function that may answer later, and turns what it throws into a call of `error`. @internal */
export function attempt<T>(
  work: () => T | PromiseLike<T>,
  next: (value: T) => void,
  error: (error: unknown) => void,
): void {
  let answer: T | PromiseLike<T>;
  try {
    answer = work();
  } catch (thrown) {
    return error(thrown);
  }
  whenReady(answer, next, error);
}

/** Maps values in order where all answers are there at once, and waits for all of them where one is not. @internal */
export function mapAll<T, R>(
  values: readonly T[],
  work: (value: T, index: number) => R | PromiseLike<R>,
): R[] | Promise<R[]> {
  const results: (R | PromiseLike<R>)[] = [];
  let promised = false;
  for (let i = 0; i < values.length; i++) {
    const result = work(values[i]!, i);
    if (isPromiseLike(result)) promised = true;
    results.push(result);
  }
  return promised ? Promise.all(results as R[]) : (results as R[]);
}
