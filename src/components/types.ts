import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ComponentSpec, PartitionSelector, SelectPartition, Serializer, Validator } from "../model/component.ts";
import type { BinaryFunctions, TextFunctions } from "../model/serializers/serializeWith.ts";
import type { ValidateFunction } from "../model/validators/fromFunction.ts";
import type { InferJsonSchema, JsonSchemaObject, JsonTypeName } from "../model/validators/inferJsonSchema.ts";
import type { schemaMark } from "./schemaMark.ts";

/** Which of the three components of a topic. */
export type ComponentKind = "validator" | "partitionSelector" | "serializer";

/** A schema with the types that it describes. Made by `schema()`. */
export interface SchemaInput<Input = unknown, Output = Input> {
  /** The schema itself. */
  readonly [schemaMark]: JsonSchemaObject | StandardSchemaV1;
  /** For the compiler only: never there at run time. */
  readonly types?: {
    /** What may be pushed. */
    readonly input: Input;
    /** What is stored. */
    readonly output: Output;
  };
}

/**
 * Whatever can be given as the validator of a topic: what `schema()` makes, a validator, a Standard Schema, a function that throws, a
 * stored description (`{ type: "event-pattern", pattern }`, `{ type: "name:./module.js" }`), or a plain JSON Schema.
 */
export type ValidatorInput<M = unknown> =
  | SchemaInput<unknown, M>
  | Validator<M>
  | Validator // One that says nothing of its type, such as an event pattern, fits a topic of any.
  | StandardSchemaV1<unknown, M>
  | ValidateFunction<M>
  | ComponentSpec
  | JsonSchemaObject;

/** Whatever can be given as the partition selector of a topic: a selector, a function, or a stored description (`{ type: "by-key", key }`). */
export type PartitionSelectorInput<M = unknown> = PartitionSelector<M> | SelectPartition<M> | ComponentSpec;

/** Whatever can be given as the serializer of a topic: a serializer, its two functions, or a stored description (`{ type: "cbor" }`). */
export type SerializerInput<M = unknown> = Serializer<M> | TextFunctions<M> | BinaryFunctions<M> | ComponentSpec;

/**
 * The type of the metadata that a validator lets through and that is stored. `unknown` where the validator does not say.
 *
 * @example
 * ```ts
 * import { type InferMetadata, schema } from "sluice";
 *
 * const collision = schema({ type: "object", properties: { energy: { type: "number" } }, required: ["energy"] });
 * const metadata: InferMetadata<typeof collision> = { energy: 7 };
 * console.log(metadata.energy); // 7
 * ```
 */
export type InferMetadata<V> = InferSide<V, "output">;

/**
 * The type of the metadata that may be pushed through a validator. It differs from {@link InferMetadata} where a Standard Schema
 * transforms, or fills in defaults.
 *
 * @example
 * ```ts
 * import { type InferInput, schema } from "sluice";
 *
 * const energy = schema({ type: "integer" });
 * const pushed: InferInput<typeof energy> = 7;
 * console.log(pushed); // 7
 * ```
 */
export type InferInput<V> = InferSide<V, "input">;

/** The order is that of resolving: a schema may be callable, and a validator object may have a `type` of its own. */
type InferSide<V, Side extends "input" | "output"> =
  V extends SchemaInput<infer Input, infer Output>
    ? { input: Input; output: Output }[Side]
    : V extends StandardSchemaV1
      ? { input: StandardSchemaV1.InferInput<V>; output: StandardSchemaV1.InferOutput<V> }[Side]
      : V extends (...args: never[]) => unknown
        ? InferParameter<V>
        : V extends { validate(metadata: never, data: never): infer Answer }
          ? InferAnswer<Answer>
          : V extends { readonly type: "json-schema"; readonly schema: infer S }
            ? InferJsonSchema<S>
            : V extends { readonly type: JsonTypeName | readonly JsonTypeName[] } | { readonly $schema: string }
              ? InferJsonSchema<V>
              : unknown;

type InferParameter<V> = V extends (metadata: infer M, ...rest: never[]) => unknown ? M : unknown;

/** A validator may answer with a promise, and one that answers with nothing leaves the metadata as it is. */
type InferAnswer<Answer> = Awaited<Answer> extends infer M ? ([M] extends [void] ? unknown : M) : unknown;
