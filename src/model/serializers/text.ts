import type { TextSerializer } from "../component.ts";
import { describeValue } from "../describeValue.ts";
import { unserializable } from "./serializationErrors.ts";

/**
 * Makes the serializer for metadata that is text already: it is stored as it is.
 *
 * @returns A serializer that is stored as `{ type: "text" }`. Writing throws SluiceError `ERR_SERIALIZATION` for metadata that is not
 * a string, or that has half a surrogate pair in it, which UTF-8 cannot hold.
 *
 * @example
 * ```ts
 * import { text } from "sluice";
 *
 * console.log(text().serialize("run 7 started")); // run 7 started
 * ```
 */
export function text(): TextSerializer<string> {
  return { spec: { type: "text" }, form: "text", serialize, deserialize: (stored) => stored };
}

function serialize(metadata: unknown): string {
  if (typeof metadata !== "string")
    throw unserializable(`it must be a string: current value is ${describeValue(metadata)}`);
  if (!isWellFormed(metadata)) throw unserializable("it has half a surrogate pair in it");
  return metadata;
}

/** Whether a text comes back from UTF-8 unchanged. @internal */
export function isWellFormed(value: string): boolean {
  // With the flag "u" a whole pair is one character, so that only a half that stands alone is in this range.
  return !/[\uD800-\uDFFF]/u.test(value);
}
