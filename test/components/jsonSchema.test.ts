import test from "ava";
import { loadJsonSchema } from "../../src/components/jsonSchema.ts";
import { EventData } from "../../src/model/data.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { JsonSchemaObject } from "../../src/model/validators/inferJsonSchema.ts";

const draft2019 = "https://json-schema.org/draft/2019-09/schema";
const draft2020 = "https://json-schema.org/draft/2020-12/schema";

async function reject(schema: JsonSchemaObject, metadata: unknown): Promise<SluiceError> {
  const validator = await loadJsonSchema(schema);
  try {
    await validator.validate(metadata, EventData.empty);
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error("The metadata was accepted");
}

test("loadJsonSchema() accepts what the schema allows, and changes nothing", async (t) => {
  const schema = {
    type: "object",
    properties: { energy: { type: "number", default: 3 }, at: { type: "string", format: "date-time" } },
    units: "an annotation that nobody knows",
  } as const;
  const validator = await loadJsonSchema(schema);
  const metadata = { at: "not a time" };

  t.is(validator.validate(metadata, EventData.empty), metadata);
  t.deepEqual(metadata, { at: "not a time" });
  t.deepEqual(validator.spec, { type: "json-schema", schema });
});

const object = (properties: object, more: object = {}): JsonSchemaObject => ({
  type: "object",
  properties: { ...properties },
  ...more,
});
const refusals: [schema: JsonSchemaObject, metadata: unknown, path: string, rule: string, message: RegExp][] = [
  [
    object({ energy: { maximum: 100 } }),
    { energy: 250 },
    "/energy",
    "maximum: 100",
    /^The metadata at \/energy must be <= 100 \(maximum: 100\): current value is 250$/,
  ],
  [object({ energy: { type: "number" } }), { energy: "7" }, "/energy", "type: number", /must be number/],
  [object({}, { required: ["a/b"] }), {}, "/a~1b", "required", /^The metadata at \/a~1b is required and missing$/],
  [object({ run: object({}, { required: ["id"] }) }), { run: {} }, "/run/id", "required", /at \/run\/id is required/],
  [object({}, { additionalProperties: false }), { x: 1 }, "/x", "additionalProperties: false", /at \/x is not allowed/],
  [
    object({}, { $schema: draft2020, unevaluatedProperties: false }),
    { x: 1 },
    "/x",
    "unevaluatedProperties: false",
    /at \/x is not allowed/,
  ],
  [
    object({}, { propertyNames: { maxLength: 1 } }),
    { long: 1 },
    "/long",
    'propertyNames: {"maxLength":1}',
    /at \/long is not allowed/,
  ],
  [
    object({}, { dependencies: { a: ["b"] } }),
    { a: 1 },
    "/b",
    'dependencies: {"a":["b"]}',
    /at \/b is missing: must have property b/,
  ],
  [{ type: "array", items: { enum: [1, 2] } }, [1, 3], "/1", "enum: [1,2]", /at \/1 must be equal to one of/],
  [{ type: ["string", "null"] }, 7, "", 'type: ["string","null"]', /^The metadata must be string,null/],
  [{ $schema: draft2020, prefixItems: [{ const: 1 }] }, [2], "/0", "const: 1", /must be equal to constant/],
  [
    { $schema: draft2019, dependentRequired: { a: ["b"] } },
    { a: 1 },
    "/b",
    'dependentRequired: {"a":["b"]}',
    /at \/b is missing/,
  ],
  [{ definitions: { e: { minimum: 1 } }, $ref: "#/definitions/e" }, 0, "", "minimum: 1", /must be >= 1/],
  [{ not: { type: "null" } }, null, "", 'not: {"type":"null"}', /must NOT be valid/],
];

for (const [schema, metadata, path, rule, message] of refusals) {
  test(`loadJsonSchema() refuses by ${rule} ${JSON.stringify(schema)}`, async (t) => {
    const error = await reject(schema, metadata);

    t.is(error.code, "ERR_INVALID_METADATA");
    t.is(error.details["path"], path);
    t.is(error.details["rule"], rule);
    t.regex(error.message, message);
  });
}

test("loadJsonSchema() names the deepest place of alternatives, and lists all issues", async (t) => {
  const schema = { anyOf: [{ type: "string" }, object({ run: object({ id: { type: "integer" } }) })] };
  const error = await reject(schema, { run: { id: "x" } });

  t.is(error.details["path"], "/run/id");
  t.is(error.details["rule"], "type: integer");
  t.deepEqual(
    (error.details["issues"] as { path: string }[]).map(({ path }) => path),
    ["", "/run/id", ""],
  );
  const flat = await reject({ anyOf: [{ type: "string" }, { type: "number" }] }, true);
  t.regex(String(flat.details["rule"]), /^anyOf: /);
});

test("loadJsonSchema() looks at own properties only", async (t) => {
  const schema = JSON.parse(
    '{"type":"object","required":["constructor","__proto__"],"properties":{"toString":{"type":"number"}}}',
  );
  const validator = await loadJsonSchema(schema);

  t.is((await reject(schema, {})).details["path"], "/constructor");
  t.is((await reject(schema, { constructor: 1 })).details["path"], "/__proto__");
  t.notThrows(() => validator.validate(JSON.parse('{"__proto__":1,"constructor":1}'), EventData.empty));
});

test("loadJsonSchema() does not take NaN and the infinities for numbers", async (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    t.is((await reject({ type: "number" }, value)).details["rule"], "type: number");
  }
});

const malformed: [schema: unknown, message: RegExp][] = [
  [7, /must be an object: current value is 7/],
  [{ type: "nonsense" }, /cannot be used: .*type/],
  [{ minimum: "1" }, /cannot be used: .*minimum/],
  [{ minimun: 1 }, /unknown keyword "minimun", did you mean "minimum"\?/],
  [object({ a: { patern: "x" } }), /unknown keyword "patern", did you mean "pattern"\?/],
  [{ $ref: "https://elsewhere/schema.json" }, /cannot be used: .*elsewhere/],
  [{ $schema: "http://json-schema.org/draft-04/schema#" }, /cannot be used: .*draft-04/],
  [{ $async: true }, /must not use '\$async'/],
];

for (const [schema, message] of malformed) {
  test(`loadJsonSchema() refuses the schema ${JSON.stringify(schema)}`, async (t) => {
    await t.throwsAsync(loadJsonSchema(schema as JsonSchemaObject), { instanceOf: TypeError, message });
  });
}
