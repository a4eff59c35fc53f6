/** What the compiler makes of schemas and components. The typecheck is the test: nothing here is run. */
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { loadJsonSchema } from "../../src/components/jsonSchema.ts";
import { resolvePartitionSelector, resolveSerializer, resolveValidator } from "../../src/components/resolve.ts";
import { schema } from "../../src/components/schema.ts";
import type {
  InferInput,
  InferMetadata,
  PartitionSelectorInput,
  SerializerInput,
  ValidatorInput,
} from "../../src/components/types.ts";
import type { Validator } from "../../src/model/component.ts";
import { byKey } from "../../src/model/partitionSelectors/byKey.ts";
import { roundRobin } from "../../src/model/partitionSelectors/roundRobin.ts";
import { json } from "../../src/model/serializers/json.ts";
import { packed } from "../../src/model/serializers/packed.ts";
import { text } from "../../src/model/serializers/text.ts";
import { acceptAll } from "../../src/model/validators/acceptAll.ts";
import { eventPattern } from "../../src/model/validators/eventPattern.ts";
import { fromFunction } from "../../src/model/validators/fromFunction.ts";
import type { InferJsonSchema, JsonSchemaObject } from "../../src/model/validators/inferJsonSchema.ts";
import { standardSchema } from "../../src/model/validators/standardSchema.ts";

/** Whether two types are the same, optional and readonly marks included. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when the answer is yes. */
declare function expectType<_Answer extends true>(): void;

/** The type of a JSON Schema in place. */
declare function inferred<const S extends JsonSchemaObject>(definition: S): InferJsonSchema<S>;

declare const loose: JsonSchemaObject;

interface Collision {
  energy: number;
  tags?: string[];
}

const collision = {
  type: "object",
  properties: { energy: { type: "number" }, tags: { type: "array", items: { type: "string" } } },
  required: ["energy"],
} as const satisfies JsonSchemaObject;

export function jsonSchemaTypes(): void {
  const scalar = inferred({ type: "string" });
  expectType<Equal<typeof scalar, string>>();
  const integer = inferred({ type: "integer", minimum: 0 });
  expectType<Equal<typeof integer, number>>();
  const nullable = inferred({ type: ["boolean", "null"] });
  expectType<Equal<typeof nullable, boolean | null>>();
  const constant = inferred({ const: { a: [1, "b"] } });
  expectType<Equal<typeof constant, { a: [1, "b"] }>>();
  const choice = inferred({ type: "string", enum: ["ecal", "hcal", null] });
  expectType<Equal<typeof choice, "ecal" | "hcal" | null>>();
  const union = inferred({
    anyOf: [{ type: "string" }, { type: "object", properties: { a: { const: 1 } }, required: ["a"] }],
  });
  expectType<Equal<typeof union, string | { a: 1 }>>();
  const either = inferred({ oneOf: [{ type: "string" }, { type: "null" }] });
  expectType<Equal<typeof either, string | null>>();
  const both = inferred({ allOf: [{ enum: [1, 2, "x"] }, { type: "number" }] });
  expectType<Equal<typeof both, 1 | 2>>();
}

export function jsonSchemaObjects(): void {
  expectType<Equal<InferJsonSchema<typeof collision>, Collision>>();
  const nested = inferred({
    type: "object",
    properties: { run: { type: "object", properties: { id: { type: "string" } }, required: ["id", "other"] } },
    additionalProperties: false,
  });
  expectType<Equal<typeof nested, { run?: { id: string; other: unknown } }>>();
  const record = inferred({ type: "object", additionalProperties: { type: "number" } });
  expectType<Equal<typeof record, { [name: string]: number }>>();
  const open = inferred({ type: "object", properties: { a: { type: "number" } }, additionalProperties: true });
  expectType<Equal<typeof open, { [name: string]: unknown; a?: number }>>();
  const any = inferred({ type: "object" });
  expectType<Equal<typeof any, { [name: string]: unknown }>>();
  const none = inferred({ type: "object", additionalProperties: false });
  expectType<Equal<typeof none, {}>>();
}

export function jsonSchemaLists(): void {
  const list = inferred({ type: "array", items: { type: ["number", "null"] } });
  expectType<Equal<typeof list, (number | null)[]>>();
  const unknownItems = inferred({ type: "array" });
  expectType<Equal<typeof unknownItems, unknown[]>>();
  const pair = inferred({
    type: "array",
    prefixItems: [{ type: "number" }, { type: "string" }],
    items: false,
    minItems: 2,
  });
  expectType<Equal<typeof pair, [number, string]>>();
  const half = inferred({ type: "array", prefixItems: [{ type: "number" }, { type: "string" }], minItems: 1 });
  expectType<Equal<typeof half, [number, string?, ...unknown[]]>>();
  const draft7 = inferred({ type: "array", items: [{ type: "number" }], additionalItems: { type: "boolean" } });
  expectType<Equal<typeof draft7, [number?, ...boolean[]]>>();
}

export function jsonSchemaUnknowns(): void {
  const untyped = inferred({ properties: { a: { type: "number" } } });
  expectType<Equal<typeof untyped, unknown>>();
  const reference = inferred({ $ref: "#/definitions/a" });
  expectType<Equal<typeof reference, unknown>>();
  const wide = inferred(loose);
  expectType<Equal<typeof wide, unknown>>();
  const negated = inferred({ not: { type: "string" } });
  expectType<Equal<typeof negated, unknown>>();
  expectType<Equal<InferJsonSchema<false>, never>>();
  expectType<Equal<InferJsonSchema<true>, unknown>>();
}

const zod = z.object({ at: z.string().transform(Number), detector: z.string().default("ecal") });
const valibot = v.object({ at: v.pipe(v.string(), v.transform(Number)) });
const ark = type({ energy: "number" });

export function inferredMetadata(): void {
  const marked = schema(collision);
  expectType<Equal<InferMetadata<typeof marked>, Collision>>();
  expectType<Equal<InferInput<typeof marked>, Collision>>();
  expectType<Equal<InferMetadata<typeof zod>, { at: number; detector: string }>>();
  expectType<Equal<InferInput<typeof zod>, { at: string; detector?: string | undefined }>>();
  const markedZod = schema(zod);
  expectType<Equal<InferMetadata<typeof markedZod>, { at: number; detector: string }>>();
  const markedValibot = schema(valibot);
  expectType<Equal<InferInput<typeof markedValibot>, { at: string }>>();
  expectType<Equal<InferMetadata<typeof markedValibot>, { at: number }>>();
  expectType<Equal<InferMetadata<typeof ark>, { energy: number }>>();
  const markedArk = schema(ark);
  expectType<Equal<InferMetadata<typeof markedArk>, { energy: number }>>();

  const ready: Validator<Collision> = eventPattern<Collision>({ energy: [{ numeric: ["<", 100] }] });
  expectType<Equal<InferMetadata<typeof ready>, Collision>>();
  expectType<Equal<InferMetadata<(metadata: Collision) => void>, Collision>>();
  expectType<Equal<InferMetadata<typeof collision>, Collision>>();
  expectType<Equal<InferMetadata<{ type: "json-schema"; schema: typeof collision }>, Collision>>();
  expectType<Equal<InferMetadata<{ type: "event-pattern" }>, unknown>>();
  expectType<Equal<InferMetadata<undefined>, unknown>>();
}

/** Everything that fits a topic of collisions. */
export const validators: ValidatorInput<Collision>[] = [
  schema(collision),
  schema(z.object({ energy: z.number() })),
  z.object({ energy: z.number() }),
  ark,
  collision,
  (metadata) => void metadata.energy,
  async ({ energy }, data) => void [energy, data.size],
  acceptAll(),
  eventPattern({ energy: [{ numeric: [">", 0, "<=", 100] }] }),
  fromFunction(({ energy }: Collision) => void energy),
  standardSchema(z.object({ energy: z.number() })),
  { type: "event-pattern", pattern: { energy: [7] } },
  { type: "limit:./limit.js", max: 7 },
];
export const selectors: PartitionSelectorInput<Collision>[] = [
  roundRobin(),
  byKey("energy"),
  ({ energy }, partitions, requested) => requested ?? energy % partitions.length,
  { type: "by-key", key: "energy" },
];
export const serializers: SerializerInput<Collision>[] = [
  json(),
  packed(collision),
  { form: "text", serialize: ({ energy }) => `${energy}`, deserialize: (stored) => ({ energy: Number(stored) }) },
  { form: "bytes", serialize: async () => new Uint8Array(), deserialize: async () => ({ energy: 7 }) },
  { type: "cbor" },
];

export async function misfits(): Promise<void> {
  // @ts-expect-error -- The schema describes something else.
  const wrong: ValidatorInput<Collision> = schema({ type: "string" });
  // @ts-expect-error -- Metadata of this topic is no text.
  const textual: SerializerInput<Collision> = text();
  // @ts-expect-error -- There is no such operator.
  eventPattern({ energy: [{ numeric: ["!=", 7] }] });
  // @ts-expect-error -- An alternative stands in a list.
  eventPattern({ energy: 7 });
  // @ts-expect-error -- There is no such type.
  schema({ type: "nonsense" });
  void [wrong, textual];
}

export async function resolved(): Promise<void> {
  const validator = await resolveValidator<Collision>(schema(collision));
  expectType<Equal<typeof validator, Validator<Collision>>>();
  const selector = await resolvePartitionSelector<Collision>(({ energy }) => energy);
  selector.start()({ energy: 7 }, [], undefined);
  const serializer = await resolveSerializer<Collision>(json());
  await serializer.serialize({ energy: 7 });
  const loaded = await loadJsonSchema(collision);
  expectType<Equal<typeof loaded, Validator<Collision>>>();
}
