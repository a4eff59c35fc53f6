import { asyncScheduler, defer, delay, dematerialize, filter, materialize, tap } from "rxjs";
import type { Fault } from "./fault.ts";

/**
 * The backend does its work at once, and whatever it answers (a value, an error, its end) comes later.
 *
 * An end that follows a value in the same instant comes with it, by the same timer: whoever has the value may end the rest,
 * and a timer that another one ends in the instant in which both are due makes the TestScheduler of RxJS 7 throw.
 *
 * @param ms - Milliseconds.
 * @internal
 */
export function delayed(ms: number): Fault {
  return (call) =>
    defer(() => {
      let last: number | undefined;
      const isWithLast = () => last === asyncScheduler.now();
      return call.pipe(
        materialize(),
        filter(({ kind }) => kind !== "C" || !isWithLast()),
        tap(() => (last = asyncScheduler.now())),
        delay(ms),
        dematerialize(),
      );
    });
}
