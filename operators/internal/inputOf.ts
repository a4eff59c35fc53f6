import { EMPTY, from, Observable, observable, type ObservableInput } from "rxjs";
import { isPromiseLike } from "../../src/model/isPromiseLike.ts";

/**
 * What is to be waited for of what a handler has returned. A plain value, such as the new length that `push` returns, is
 * nothing of the kind.
 *
 * @internal
 */
export function inputOf(answer: unknown): Observable<unknown> {
  if (answer instanceof Observable) return answer;
  const isInput =
    typeof answer === "object" &&
    answer !== null &&
    (isPromiseLike(answer) || observable in answer || Symbol.asyncIterator in answer);
  return isInput ? from(answer as ObservableInput<unknown>) : EMPTY;
}
