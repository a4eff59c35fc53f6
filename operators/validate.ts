import type { OperatorFunction } from "rxjs";
import type { Validator } from "../src/model/component.ts";
import type { EventDraft } from "../src/model/draft.ts";
import { validateDraft } from "./internal/draftSteps.ts";
import { mapDrafts, type DraftStepOptions } from "./internal/mapDrafts.ts";

/**
 * Lets through the drafts that a validator accepts, with the metadata that it returned. An asynchronous validator works
 * on several at once.
 *
 * @param validator - The validator, as a topic has it.
 * @param options - Order, concurrency, time-out, and what becomes of a rejected event.
 * @returns An operator. Under `rejected: "fail"` it fails with `ERR_INVALID_METADATA` (the path and the rule are in its
 * details) or `ERR_TIMEOUT`.
 *
 * @example
 * ```ts
 * import { map, of } from "rxjs";
 * import { EventDraft, fromFunction } from "sluice";
 * import { validate } from "sluice/operators";
 *
 * const positive = fromFunction<number>((n) => {
 *   if (n <= 0) throw new Error("must be positive");
 * });
 * of(1, -2, 3)
 *   .pipe(map((n) => new EventDraft(n)), validate(positive, { rejected: "skip" }))
 *   .subscribe((draft) => console.log(draft.metadata)); // 1, 3
 * ```
 */
export function validate<M, D extends EventDraft<M> = EventDraft<M>>(
  validator: Validator<M>,
  options: DraftStepOptions = {},
): OperatorFunction<D, D> {
  return mapDrafts<D>("validator", () => validateDraft(validator), options);
}
