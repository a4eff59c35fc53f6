import { retry, throwError, timer, type MonoTypeOperatorFunction } from "rxjs";
import { maxDelay as longestDelay } from "../src/model/after.ts";
import { checkAmount, checkChoice, checkFunction, checkInteger } from "../src/model/check.ts";

/** How often and when something that failed is tried again. */
export interface RetryOptions {
  /** How many times it is tried again; may be `Infinity`. @default 5 */
  readonly count?: number | undefined;
  /** Milliseconds before the first retry. Each later one waits twice as long as the one before. @default 100 */
  readonly initialDelay?: number | undefined;
  /** The longest wait, in milliseconds. @default 30000 */
  readonly maxDelay?: number | undefined;
  /** How much of each wait is left to chance, from 0 to 1, so that many do not retry at the same moment. @default 0.5 */
  readonly jitter?: number | undefined;
  /**
   * What the count, and with it the wait, counts: failures `"in-all"`, or those `"in-a-row"`, since the source has last
   * emitted a value. @default "in-all"
   */
  readonly counting?: "in-all" | "in-a-row" | undefined;
  /** Whether an error is worth a retry. @default every error is */
  readonly isRetriable?: ((error: unknown) => boolean) | undefined;
  /** A number from 0 to 1 by chance. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * Subscribes to the source again when it fails, after a wait that doubles each time up to a ceiling. The wait before
 * retry `n` is `min(maxDelay, initialDelay * 2^(n-1))`, of which the part that `jitter` names is random.
 *
 * @param options - Count, waits and which errors are worth it.
 * @returns An operator. It fails with the last error when all retries have failed, or at once with an error that is not
 * worth one.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { defer, of, throwError } from "rxjs";
 * import { retryWithBackoff } from "sluice/operators";
 *
 * let tries = 0;
 * defer(() => (++tries < 3 ? throwError(() => new Error("not yet")) : of("done")))
 *   .pipe(retryWithBackoff({ initialDelay: 10 }))
 *   .subscribe((value) => console.log(value, tries)); // done 3
 * ```
 */
export function retryWithBackoff<T>(options: RetryOptions = {}): MonoTypeOperatorFunction<T> {
  const {
    count = 5,
    initialDelay = 100,
    maxDelay = 30_000,
    jitter = 0.5,
    counting = "in-all",
    isRetriable = () => true,
    random = Math.random,
  } = options;
  if (count !== Infinity) checkInteger("count", count, 0);
  checkAmount("initialDelay", initialDelay);
  checkAmount("maxDelay", maxDelay);
  checkAmount("jitter", jitter);
  checkChoice("counting", counting, ["in-all", "in-a-row"]);
  checkFunction("isRetriable", isRetriable);
  checkFunction("random", random);
  if (jitter > 1) throw new RangeError(`'jitter' must be from 0 to 1: current value is ${jitter}`);
  const delayOf = (attempt: number) => {
    const full = Math.min(maxDelay, longestDelay, initialDelay * 2 ** Math.min(attempt - 1, 1023));
    return full * (1 - jitter * random());
  };
  return retry<T>({
    count,
    resetOnSuccess: counting === "in-a-row",
    delay: (error: unknown, attempt) => (isRetriable(error) ? timer(delayOf(attempt)) : throwError(() => error)),
  });
}
