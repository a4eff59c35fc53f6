import type { BinarySerializer } from "../component.ts";
import type { InferJsonSchema, JsonSchemaObject } from "../validators/inferJsonSchema.ts";
import { BitReader } from "./bitReader.ts";
import { BitWriter } from "./bitWriter.ts";
import { compilePacked } from "./compilePacked.ts";

/**
 * Makes a serializer that packs metadata into as few bits as its schema needs. Names are not stored, only values.
 *
 * The schema is a JSON Schema of these parts, and the bits follow each other without a gap, up to a whole byte at the end:
 *
 * | part | bits |
 * | --- | --- |
 * | `type: "integer"` with a lower and an upper bound | as many as tell the values apart: 7 for 0 to 99 |
 * | `type: "integer"` otherwise | 8 for each 7 bits of the number, and a sign bit unless the lower bound is 0 or more |
 * | `type: "number"` | 64, or 32 with `format: "float"`, which loses precision |
 * | `type: "boolean"` | 1 |
 * | `enum` of n values, `const` | as many as tell n apart; none |
 * | `type: "string"` | a length like an unbounded integer, then UTF-8 |
 * | `type: "array"` with `items` | a length like an integer from `minItems` to `maxItems`, then the items |
 * | `type: "object"` with `properties` | the properties in the order of the schema, an optional one behind 1 bit |
 * | a type beside `"null"` | 1 bit before the value |
 *
 * Keywords that could not be kept to are refused. Of one value there is one packed form only. A schema must not change as long as
 * something packed with it is to be read.
 *
 * @param schema - The schema.
 * @returns A serializer that is stored as `{ type: "packed", schema }`. Writing throws SluiceError `ERR_SERIALIZATION`, with
 * `details.path`, for metadata that the schema does not allow. Reading throws `ERR_UNDECODABLE` for bytes that were not written so.
 * @throws TypeError or RangeError when something in the schema cannot be packed, with the path in the schema.
 *
 * @example
 * ```ts
 * import { packed } from "sluice";
 *
 * const serializer = packed({
 *   type: "object",
 *   properties: { energy: { type: "integer", minimum: 0, maximum: 99 } },
 *   required: ["energy"],
 * });
 * // JSON takes thirteen bytes.
 * console.log(serializer.serialize({ energy: 42 })); // Uint8Array [84]
 * ```
 */
export function packed<const S extends JsonSchemaObject>(schema: S): BinarySerializer<InferJsonSchema<S>> {
  const codec = compilePacked(schema);
  return {
    spec: { type: "packed", schema },
    form: "bytes",
    serialize(metadata) {
      const bits = new BitWriter();
      codec.write(bits, metadata, []);
      return bits.finish();
    },
    deserialize(bytes) {
      const bits = new BitReader(bytes);
      const metadata = codec.read(bits);
      bits.finish();
      return metadata as InferJsonSchema<S>;
    },
  };
}
