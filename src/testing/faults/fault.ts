import type { Observable } from "rxjs";

/**
 * What becomes of a call of a backend: it takes the call, which does its work when it is subscribed to, and returns what
 * the caller gets to see of it.
 *
 * @example
 * ```ts
 * import { concat, ignoreElements, NEVER } from "rxjs";
 * import { FaultPlan, type Fault } from "sluice/testing";
 *
 * const storeAndFallSilent: Fault = (call) => concat(call.pipe(ignoreElements()), NEVER);
 * const faults = new FaultPlan();
 * faults.append.inject(storeAndFallSilent, { times: 1 });
 * console.log(faults.append.calls.length); // 0
 * ```
 */
export type Fault = <T>(call: Observable<T>) => Observable<T>;

/** Which calls a fault is for. */
export interface FaultScope<C> {
  /** How many calls it lets pass before the first one that it is for. @default 0 */
  readonly skip?: number | undefined;
  /** How many calls it is for. @default Infinity, which is until it is taken back */
  readonly times?: number | undefined;
  /** Whether a call counts at all. @default every call does */
  readonly when?: ((call: C) => boolean) | undefined;
}
