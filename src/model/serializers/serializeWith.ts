import { checkChoice, checkFunction } from "../check.ts";
import type { BinarySerializer, ComponentSpec, Serializer, TextSerializer } from "../component.ts";
import { describeValue } from "../describeValue.ts";
import { isPromiseLike } from "../isPromiseLike.ts";
import { mapError } from "../mapError.ts";
import { asUndecodable, asUnserializable, unserializable } from "./serializationErrors.ts";

/** Functions that make text of metadata, and metadata of text. Both may be asynchronous. */
export type TextFunctions<M = unknown> = Omit<TextSerializer<M>, "spec">;

/** Functions that make bytes of metadata, and metadata of bytes. Both may be asynchronous. */
export type BinaryFunctions<M = unknown> = Omit<BinarySerializer<M>, "spec">;

/**
 * Makes a serializer from two functions.
 *
 * Functions cannot be stored: the topic records that there are some, and whoever opens the topic elsewhere hands them in again.
 *
 * @param functions - `serialize`, `deserialize`, and `form`: `"text"` when they work with strings, `"bytes"` when with `Uint8Array`s.
 * @returns A serializer that is stored as `{ type: "function" }`. Whatever `serialize` throws becomes SluiceError `ERR_SERIALIZATION`, as
 * does an answer of the wrong form; whatever `deserialize` throws becomes `ERR_UNDECODABLE`. The error thrown is the `cause`.
 * @throws TypeError or RangeError when something of the three is missing or wrong.
 *
 * @example
 * ```ts
 * import { serializeWith } from "sluice";
 *
 * const hex = serializeWith<number>({
 *   form: "text",
 *   serialize: (energy) => energy.toString(16),
 *   deserialize: (text) => Number.parseInt(text, 16),
 * });
 * console.log(hex.serialize(255)); // ff
 * ```
 */
export function serializeWith<M = unknown>(functions: TextFunctions<M>): TextSerializer<M>;
export function serializeWith<M = unknown>(functions: BinaryFunctions<M>): BinarySerializer<M>;
export function serializeWith<M = unknown>(functions: TextFunctions<M> | BinaryFunctions<M>): Serializer<M> {
  return guarded(functions, { type: "function" });
}

/** The same for functions that can be stored, since they come from a module. @internal */
export function guarded<M>(functions: TextFunctions<M> | BinaryFunctions<M>, spec: ComponentSpec): Serializer<M> {
  checkFunction("serialize", functions.serialize);
  checkFunction("deserialize", functions.deserialize);
  const form = checkChoice("form", functions.form, ["text", "bytes"]);
  const check = form === "text" ? checkText : checkBytes;
  // The form decides about both functions at once, which the type system cannot follow through one wrapper for two forms.
  const { serialize, deserialize } = functions as {
    serialize: Write;
    deserialize: (stored: unknown) => M | PromiseLike<M>;
  };
  return {
    spec,
    form,
    serialize(metadata: M) {
      const stored = mapError(() => serialize.call(functions, metadata), asUnserializable);
      return isPromiseLike(stored) ? stored.then(check) : check(stored);
    },
    deserialize: (stored: unknown) => mapError(() => deserialize.call(functions, stored), asUndecodable),
  } as Serializer<M>;
}

type Write = (metadata: unknown) => unknown;

function checkText(stored: unknown): unknown {
  if (typeof stored === "string") return stored;
  throw unserializable(`'serialize' must return a string: current value is ${describeValue(stored)}`);
}

function checkBytes(stored: unknown): unknown {
  if (stored instanceof Uint8Array) return stored;
  throw unserializable(`'serialize' must return a Uint8Array: current value is ${describeValue(stored)}`);
}
