import type { OperatorFunction } from "rxjs";
import type { Serializer } from "../src/model/component.ts";
import type { EventDraft } from "../src/model/draft.ts";
import { serializeDraft } from "./internal/draftSteps.ts";
import { mapDrafts, type DraftStepOptions } from "./internal/mapDrafts.ts";

/**
 * Gives each draft its payload: its metadata as text or bytes.
 *
 * @param serializer - The serializer, as a topic has it.
 * @param options - Order, concurrency, time-out, and what becomes of an event that cannot be serialized.
 * @returns An operator. Under `rejected: "fail"` it fails with `ERR_SERIALIZATION` or `ERR_TIMEOUT`.
 *
 * @example
 * ```ts
 * import { of } from "rxjs";
 * import { EventDraft, json } from "sluice";
 * import { serialize } from "sluice/operators";
 *
 * of(new EventDraft({ energy: 42 }))
 *   .pipe(serialize(json()))
 *   .subscribe((draft) => console.log(draft.payload)); // {"energy":42}
 * ```
 */
export function serialize<M, D extends EventDraft<M> = EventDraft<M>>(
  serializer: Serializer<M>,
  options: DraftStepOptions = {},
): OperatorFunction<D, D> {
  return mapDrafts<D>("serializer", () => serializeDraft(serializer), options);
}
