import type { OperatorFunction } from "rxjs";
import type { Serializer } from "../src/model/component.ts";
import { describeValue } from "../src/model/describeValue.ts";
import type { EventDraft } from "../src/model/draft.ts";
import { isSluiceError, SluiceError } from "../src/model/errors.ts";
import { isPromiseLike } from "../src/model/isPromiseLike.ts";
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
  return mapDrafts<D>("serializer", () => (draft) => runSerializer(serializer, draft), options);
}

function runSerializer<M>(serializer: Serializer<M>, draft: EventDraft<M>): unknown {
  try {
    const answer = serializer.serialize(draft.metadata);
    if (!isPromiseLike<string | Uint8Array>(answer)) return assign(serializer, draft, answer);
    return answer.then(
      (payload) => assign(serializer, draft, payload),
      (error: unknown) => {
        throw failed(error);
      },
    );
  } catch (error) {
    throw failed(error);
  }
}

function assign<M>(serializer: Serializer<M>, draft: EventDraft<M>, payload: unknown): void {
  if (serializer.form === "text" ? typeof payload === "string" : payload instanceof Uint8Array) {
    draft.payload = payload as string | Uint8Array;
    return;
  }
  const wanted = serializer.form === "text" ? "a string" : "a Uint8Array";
  throw new SluiceError("ERR_SERIALIZATION", `A serializer must return ${wanted}: current value is ${describeValue(payload)}`);
}

function failed(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError("ERR_SERIALIZATION", `The serializer failed: ${reason}`, { cause: error });
}
