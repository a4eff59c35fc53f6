import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describeValue } from "../model/describeValue.ts";
import type { InferJsonSchema, JsonSchemaObject } from "../model/validators/inferJsonSchema.ts";
import { isStandardSchema } from "../model/validators/standardSchema.ts";
import { schemaMark } from "./schemaMark.ts";
import type { SchemaInput } from "./types.ts";

/**
 * Marks a schema as the validator of a topic and gives the topic its type: a JSON Schema written in place, or a Standard
 * Schema (Zod, Valibot, ArkType and others).
 *
 * A JSON Schema is stored with the topic. A Standard Schema is code: whoever opens the topic elsewhere hands it in again.
 *
 * @param definition - The schema. A JSON Schema is checked when the topic is made.
 * @returns The schema, with the types of what may be pushed and of what is stored.
 * @throws TypeError when `definition` is not an object.
 *
 * @example
 * ```ts
 * import { schema, type InferMetadata } from "sluice";
 *
 * const collision = schema({
 *   type: "object",
 *   properties: { energy: { type: "number" }, detector: { enum: ["ecal", "hcal"] } },
 *   required: ["energy"],
 * });
 * const metadata: InferMetadata<typeof collision> = { energy: 7, detector: "ecal" };
 * console.log(metadata); // { energy: 7, detector: "ecal" }
 * ```
 */
export function schema<Input, Output>(definition: StandardSchemaV1<Input, Output>): SchemaInput<Input, Output>;
export function schema<const S extends JsonSchemaObject>(
  definition: S,
): SchemaInput<InferJsonSchema<S>, InferJsonSchema<S>>;
export function schema(definition: StandardSchemaV1 | JsonSchemaObject): SchemaInput {
  const isObject = typeof definition === "object" && definition !== null && !Array.isArray(definition);
  if (!isObject && !isStandardSchema(definition)) {
    throw new TypeError(
      `A schema must be a JSON Schema or a Standard Schema: current value is ${describeValue(definition)}`,
    );
  }
  return { [schemaMark]: definition };
}

/** Whether a value was made by {@link schema}. @internal */
export function isSchemaInput(value: unknown): value is SchemaInput {
  return typeof value === "object" && value !== null && schemaMark in value;
}
