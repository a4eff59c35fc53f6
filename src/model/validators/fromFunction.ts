import { checkFunction } from "../check.ts";
import type { Validator } from "../component.ts";
import type { EventData } from "../data.ts";
import { isPromiseLike } from "../isPromiseLike.ts";
import { mapError } from "../mapError.ts";
import { asRejection } from "./rejection.ts";

/** A validator as a plain function: it throws, or rejects, to refuse an event. What it returns is ignored. */
export type ValidateFunction<M = unknown> = (metadata: M, data: EventData) => void | PromiseLike<void>;

/**
 * Makes a validator from a function that throws to refuse an event.
 *
 * A function cannot be stored: the topic records that there is one, and whoever opens the topic elsewhere hands it in again.
 *
 * @param fn - Called with the metadata and the data of each event. It may be asynchronous; a synchronous answer is used at once.
 * @returns A validator that is stored as `{ type: "function" }`. It rejects with `ERR_INVALID_METADATA`: an error of another
 * kind is wrapped, with `details.path` `""`, its message as `details.rule` and itself as the `cause`.
 * @throws TypeError when `fn` is not a function.
 *
 * @example
 * ```ts
 * import { EventData, fromFunction } from "sluice";
 *
 * const validator = fromFunction<{ energy: number }>(({ energy }, data) => {
 *   if (energy > 100) throw new Error("too much energy");
 *   if (data.size > 1_000_000) throw new Error("too much data");
 * });
 * console.log(validator.validate({ energy: 7 }, EventData.empty)); // { energy: 7 }
 * ```
 */
export function fromFunction<M = unknown>(fn: ValidateFunction<M>): Validator<M> {
  checkFunction("validator", fn);
  return {
    spec: { type: "function" },
    validate(metadata, data) {
      const answer = mapError<void>(() => refuseFalse(fn(metadata as M, data)), asRejection);
      return isPromiseLike(answer) ? answer.then(() => metadata as M) : (metadata as M);
    },
  };
}

/** A function that says no by returning false, as a predicate does, would otherwise accept everything. */
function refuseFalse<T>(answer: T): T {
  if ((answer as unknown) === false)
    throw new TypeError("A validator must throw to refuse an event: current value is false");
  return answer;
}
