import { EMPTY, from, mergeMap, observable, Observable, of, type ObservableInput } from "rxjs";
import { describeValue } from "../../../src/model/describeValue.ts";
import type { EventInput } from "../../../src/model/draft.ts";
import { isPromiseLike } from "../../../src/model/isPromiseLike.ts";

/** Events that an event was turned into: one, several or none. */
export type Outputs<I> = EventInput<I> | readonly EventInput<I>[] | null | undefined | void;

/** The events, whether they are there at once, promised or come one by one. @internal */
export function outputsOf<I>(
  answer: Outputs<I> | PromiseLike<Outputs<I>> | Observable<EventInput<I>>,
): Observable<EventInput<I>> {
  if (answer === null || answer === undefined) return EMPTY;
  if (answer instanceof Observable) return answer;
  if (isPromiseLike<Outputs<I>>(answer)) return from(answer).pipe(mergeMap((outputs) => outputsOf(outputs)));
  const isInput = Array.isArray(answer) || (typeof answer === "object" && observable in answer);
  return isInput ? from(answer as ObservableInput<EventInput<I>>) : of(answer as EventInput<I>);
}

/** @throws TypeError when it is no event. @internal */
export function checkOutput<I>(output: EventInput<I>): EventInput<I> {
  if (typeof output === "object" && output !== null && "metadata" in output) return output;
  throw new TypeError(
    `'transform' must return events { metadata, data?, partition? }: current value is ${describeValue(output)}`,
  );
}
