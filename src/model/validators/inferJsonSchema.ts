/** The names of the types of JSON Schema. */
export type JsonTypeName = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";

/**
 * A JSON Schema, loosely typed: any keyword is allowed, and the loader checks the schema itself. Written as a literal for
 * {@link InferJsonSchema} it gives the type of the metadata.
 */
export interface JsonSchemaObject {
  /** The draft, by the URL of its meta-schema. Draft-07 without it. */
  readonly $schema?: string;
  /** The type of the value, or several types. */
  readonly type?: JsonTypeName | readonly JsonTypeName[];
  /** The schema of each property. */
  readonly properties?: { readonly [name: string]: unknown };
  /** The properties that must be there. */
  readonly required?: readonly string[];
  /** Any other keyword. */
  readonly [keyword: string]: unknown;
}

/**
 * The type that a JSON Schema describes, from a schema written as a literal (`const`).
 *
 * It knows `type` (also several), `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `minItems`,
 * `enum`, `const`, `anyOf`, `oneOf` and `allOf`. Where the schema does not say it is `unknown`: `properties` without
 * `type: "object"` also accept a string, for instance. Elements of a tuple are optional unless `minItems` reaches them.
 *
 * @example
 * ```ts
 * import type { InferJsonSchema } from "sluice";
 *
 * type Collision = InferJsonSchema<{
 *   type: "object";
 *   properties: { energy: { type: "number" }; tags: { type: "array"; items: { type: "string" } } };
 *   required: ["energy"];
 * }>;
 * const collision: Collision = { energy: 7 }; // { energy: number; tags?: string[] }
 * console.log(collision.energy); // 7
 * ```
 */
export type InferJsonSchema<S> = S extends true
  ? unknown
  : S extends false
    ? never
    : S extends { readonly const: infer C }
      ? Mutable<C>
      : S extends { readonly enum: readonly (infer E)[] }
        ? Mutable<E>
        : InferType<S> & InferUnion<S, "anyOf"> & InferUnion<S, "oneOf"> & InferAllOf<S>;

type InferType<S> = S extends { readonly type: readonly (infer T)[] }
  ? InferNamed<S, T>
  : S extends { readonly type: infer T }
    ? InferNamed<S, T>
    : unknown;

/** Distributes over the names of several types. */
type InferNamed<S, T> = T extends "string"
  ? string
  : T extends "number" | "integer"
    ? number
    : T extends "boolean"
      ? boolean
      : T extends "null"
        ? null
        : T extends "object"
          ? InferObject<S>
          : T extends "array"
            ? InferArray<S>
            : unknown;

type InferUnion<S, Keyword extends string> = S extends { readonly [K in Keyword]: readonly (infer Branch)[] }
  ? Branch extends unknown
    ? InferJsonSchema<Branch>
    : never
  : unknown;

type InferAllOf<S> = S extends { readonly allOf: infer Branches } ? IntersectionOf<Branches> : unknown;

type IntersectionOf<Branches> = Branches extends readonly [infer First, ...infer Rest]
  ? InferJsonSchema<First> & IntersectionOf<Rest>
  : unknown;

type InferObject<S> = Flat<InferProperties<PropertiesOf<S>, RequiredOf<S>> & InferMissing<S> & InferAdditional<S>>;

type PropertiesOf<S> = S extends { readonly properties: infer P } ? P : {};

type RequiredOf<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;

type InferProperties<P, R> = {
  -readonly [K in keyof P as K extends R ? K : never]: InferJsonSchema<P[K]>;
} & {
  -readonly [K in keyof P as K extends R ? never : K]?: InferJsonSchema<P[K]>;
};

/** Properties that are required and not described. */
type InferMissing<S> = { [K in Exclude<RequiredOf<S> & string, keyof PropertiesOf<S>>]: unknown };

/**
 * Other properties. A schema that leaves `additionalProperties` out allows them, but its type stays closed beside described
 * properties: otherwise a typing mistake in a name would compile. Beside described properties the type of the others is
 * `unknown`, since TypeScript asks an index signature to fit them too.
 */
type InferAdditional<S> = S extends { readonly additionalProperties: false }
  ? {}
  : keyof PropertiesOf<S> extends never
    ? { [name: string]: S extends { readonly additionalProperties: infer A } ? InferJsonSchema<A> : unknown }
    : S extends { readonly additionalProperties: unknown } | { readonly patternProperties: unknown }
      ? { [name: string]: unknown }
      : {};

/** `items` as a list is the tuple of draft-07, `prefixItems` that of 2020-12. */
type InferArray<S> = S extends { readonly prefixItems: infer P extends readonly unknown[] }
  ? InferTuple<P, MinItemsOf<S>, RestOf<S, "items">>
  : S extends { readonly items: infer P extends readonly unknown[] }
    ? InferTuple<P, MinItemsOf<S>, RestOf<S, "additionalItems">>
    : S extends { readonly items: infer I }
      ? InferJsonSchema<I>[]
      : unknown[];

type MinItemsOf<S> = S extends { readonly minItems: infer N extends number } ? N : 0;

type RestOf<S, Keyword extends string> = S extends { readonly [K in Keyword]: infer I }
  ? I extends false
    ? []
    : InferJsonSchema<I>[]
  : unknown[];

/** Elements are required up to the number `Min`, and optional from there on. */
type InferTuple<
  P extends readonly unknown[],
  Min extends number,
  Rest extends unknown[],
  Done extends unknown[] = [],
> = P extends readonly [infer First, ...infer Others]
  ? Done["length"] extends Min
    ? [...Done, ...OptionalElements<P>, ...Rest]
    : InferTuple<Others, Min, Rest, [...Done, InferJsonSchema<First>]>
  : [...Done, ...Rest];

type OptionalElements<P extends readonly unknown[]> = P extends readonly [infer First, ...infer Others]
  ? [InferJsonSchema<First>?, ...OptionalElements<Others>]
  : [];

/** A literal without `readonly`. */
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

/** One object type in place of an intersection of several, so that editors show it whole. */
type Flat<T> = { [K in keyof T]: T[K] };
