import type { TextSerializer } from "../component.ts";
import { describeValue } from "../describeValue.ts";
import { asUndecodable, asUnserializable, unserializable } from "./serializationErrors.ts";

/**
 * Makes the serializer that writes metadata as JSON text. It is the default of a topic.
 *
 * It follows `JSON.stringify`: properties that are undefined are left out, and NaN and the infinities become null.
 *
 * @returns A serializer that is stored as `{ type: "json" }`. Writing throws SluiceError `ERR_SERIALIZATION` for metadata that
 * has no JSON text (undefined, a function, a BigInt, a cycle), reading throws `ERR_UNDECODABLE` for text that is no JSON.
 *
 * @example
 * ```ts
 * import { json } from "sluice";
 *
 * const serializer = json<{ energy: number }>();
 * console.log(serializer.serialize({ energy: 7 })); // {"energy":7}
 * console.log(serializer.deserialize('{"energy":7}')); // { energy: 7 }
 * ```
 */
export function json<M = unknown>(): TextSerializer<M> {
  return { spec: { type: "json" }, form: "text", serialize, deserialize: deserialize as (text: string) => M };
}

function serialize(metadata: unknown): string {
  const text = stringify(metadata);
  if (text === undefined) throw unserializable(`${describeValue(metadata)} has no JSON text`);
  return text;
}

function stringify(metadata: unknown): string | undefined {
  try {
    // The declared type forgets that there is no text for undefined and for functions.
    return JSON.stringify(metadata);
  } catch (error) {
    throw asUnserializable(error);
  }
}

function deserialize(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw asUndecodable(error);
  }
}
