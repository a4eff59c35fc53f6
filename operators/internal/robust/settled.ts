import { defer, EMPTY, ignoreElements, observable, type Observable, type ObservableInput } from "rxjs";
import { isPromiseLike } from "../../../src/model/isPromiseLike.ts";
import { innerFrom } from "../innerFrom.ts";

/** Calls somebody's code, and completes when the promise that it returns resolves or the Observable completes, at once otherwise. */
export function settled(call: () => unknown): Observable<never> {
  return defer(() => {
    const result = call();
    if (!isPromiseLike(result) && !isObservable(result)) return EMPTY;
    return innerFrom(result as ObservableInput<unknown>).pipe(ignoreElements());
  });
}

function isObservable(result: unknown): boolean {
  return typeof result === "object" && result !== null && observable in result;
}
