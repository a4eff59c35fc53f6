import { Observable, of, type ObservableInput, type OperatorFunction } from "rxjs";
import { checkFunction } from "../src/model/check.ts";
import { Batcher, checkBatchOptions, type BatchOptions } from "./internal/batcher.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";

/**
 * Gathers values into batches, bounded by count, bytes and time. Alone it emits arrays. With a function it sends each
 * batch through it, no more than `maxBatches` allow at once, and emits the answers; this is what makes batches adaptive,
 * since they grow while the last one is on its way.
 *
 * The adaptive rule is that of group commit: no controller and no parameter to tune, since the time of one batch in
 * flight sets the size of the next.
 *
 * @param options - Sizes, times and bounds.
 * @returns An operator. It completes when the source has and the last batch has been answered. When the source fails,
 * what was gathered is sent first. An error of `project` ends the stream.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { range } from "rxjs";
 * import { batch } from "sluice/operators";
 *
 * range(0, 5)
 *   .pipe(batch({ batchSize: 2 }))
 *   .subscribe((values) => console.log(values)); // [0, 1], [2, 3], [4]
 * ```
 */
export function batch<T>(options?: BatchOptions<T>): OperatorFunction<T, readonly T[]>;
/**
 * Gathers values into batches and sends each through a function.
 *
 * @param options - Sizes, times and bounds.
 * @param project - Sends one batch. Answers are emitted as they come: in the order of the batches with `maxBatches` 1.
 * @returns An operator that emits the answers. An error of `project` ends the stream.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { of, range } from "rxjs";
 * import { batch } from "sluice/operators";
 *
 * range(0, 5)
 *   .pipe(batch({ batchSize: 2 }, (values) => of(values.length)))
 *   .subscribe((count) => console.log(count)); // 2, 2, 1
 * ```
 */
export function batch<T, R>(
  options: BatchOptions<T>,
  project: (values: readonly T[]) => ObservableInput<R>,
): OperatorFunction<T, R>;
export function batch<T, R>(
  options: BatchOptions<T> = {},
  project: (values: readonly T[]) => ObservableInput<R> = of as never,
): OperatorFunction<T, R> {
  const rules = checkBatchOptions(options);
  checkFunction("project", project);
  return (source) =>
    new Observable((subscriber) => {
      const batcher = new Batcher<T, R>(subscriber, rules, project);
      if (options.flush !== undefined) {
        const flush = {
          next: () => batcher.flush(),
          error: (error: unknown) => subscriber.error(error),
          complete: () => {},
        };
        subscribeWithin(subscriber, options.flush, flush);
      }
      subscribeWithin(subscriber, source, batcher);
    });
}

export type { BatchOptions, BatchSize } from "./internal/batcher.ts";
