import { Observable, type ObservableInput, type OperatorFunction, type Subscriber } from "rxjs";
import { checkFunction, checkInteger } from "../src/model/check.ts";
import { Fifo } from "./internal/fifo.ts";
import { innerFrom } from "./internal/innerFrom.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";

/** The two bounds of {@link orderedMap}. */
export interface OrderedMapOptions {
  /** How many inner streams may be subscribed to at once. @default Infinity */
  readonly concurrency?: number | undefined;
  /**
   * How many inner streams may be running or finished and waiting for an earlier one, together; at least `concurrency`.
   * Without this bound one slow value would let all later results pile up. @default concurrency
   */
  readonly backpressure?: number | undefined;
}

/**
 * Maps each value to an inner stream, runs several at once, and emits their values in the order of the source. It has
 * the order of `concatMap` and the overlap of `mergeMap`.
 *
 * @param project - Returns a promise, an Observable or any other `ObservableInput` for a value and its index.
 * @param options - The two bounds. What exceeds them waits in a queue, as in `mergeMap`.
 * @returns An operator. It fails as soon as an inner stream whose turn has come fails, after the values before it.
 * @throws TypeError when `project` is not a function, RangeError when a bound is out of range.
 *
 * @example
 * ```ts
 * import { of, timer, map } from "rxjs";
 * import { orderedMap } from "sluice/operators";
 *
 * of(30, 10, 20)
 *   .pipe(orderedMap((ms) => timer(ms).pipe(map(() => ms)), { concurrency: 3 }))
 *   .subscribe((ms) => console.log(ms)); // 30, 10, 20
 * ```
 */
export function orderedMap<T, R>(
  project: (value: T, index: number) => ObservableInput<R>,
  options: OrderedMapOptions = {},
): OperatorFunction<T, R> {
  const { concurrency = Infinity, backpressure = concurrency } = options;
  checkFunction("project", project);
  checkBound("concurrency", concurrency, 1);
  checkBound("backpressure", backpressure, concurrency);
  return (source) => new Observable((subscriber) => subscribe(source, subscriber, project, concurrency, backpressure));
}

/** One inner stream: its values wait here until its turn has come. */
interface Lane<R> {
  values: R[];
  done: boolean;
  failed: boolean;
  error: unknown;
}

function subscribe<T, R>(
  source: Observable<T>,
  subscriber: Subscriber<R>,
  project: (value: T, index: number) => ObservableInput<R>,
  concurrency: number,
  backpressure: number,
): void {
  const lanes: Lane<R>[] = []; // In the order of the source; the first one's turn has come.
  const waiting = new Fifo<T>();
  let running = 0;
  let index = 0;
  let sourceCompleted = false;
  let advancing = false;

  const start = (value: T) => {
    const lane: Lane<R> = { values: [], done: false, failed: false, error: undefined };
    lanes.push(lane);
    running++;
    const settle = () => {
      running--;
      lane.done = true;
      advance();
    };
    const fail = (error: unknown) => {
      lane.failed = true;
      lane.error = error;
      settle();
    };
    let inner: Observable<R>;
    try {
      inner = innerFrom(project(value, index++));
    } catch (error) {
      return fail(error);
    }
    subscribeWithin(subscriber, inner, {
      next: (result) => {
        if (lanes[0] === lane && !advancing) subscriber.next(result);
        else lane.values.push(result);
      },
      error: fail,
      complete: settle,
    });
  };

  const advance = () => {
    // Whoever takes a value may bring another one, or end an inner stream, before it returns. The loop below goes on.
    if (advancing) return;
    advancing = true;
    do leave();
    while (startNext());
    advancing = false;
    if (sourceCompleted && lanes.length === 0 && waiting.size === 0) subscriber.complete();
  };

  /** Emits what is there of the lane whose turn has come, and of those behind it where it is done. */
  const leave = () => {
    while (lanes[0] !== undefined && !subscriber.closed) {
      const lane = lanes[0];
      for (const value of lane.values) subscriber.next(value); // It may grow meanwhile.
      lane.values = [];
      if (!lane.done) return;
      if (lane.failed) return subscriber.error(lane.error);
      lanes.shift();
    }
  };

  const startNext = () => {
    if (waiting.size === 0 || !mayStart() || subscriber.closed) return false;
    start(waiting.shift()!);
    return true;
  };

  const mayStart = () => running < concurrency && lanes.length < backpressure;

  subscribeWithin(subscriber, source, {
    next: (value) => {
      if (waiting.size === 0 && mayStart()) start(value);
      else waiting.push(value);
    },
    error: (error: unknown) => subscriber.error(error),
    complete: () => {
      sourceCompleted = true;
      advance();
    },
  });
}

function checkBound(name: string, value: number, min: number): void {
  if (value === Infinity) return;
  if (min === Infinity)
    throw new RangeError(`'${name}' must be at least 'concurrency', which is Infinity: current value is ${value}`);
  checkInteger(name, value, min);
}
