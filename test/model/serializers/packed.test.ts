import test from "ava";
import fc from "fast-check";
import { SluiceError } from "../../../src/model/errors.ts";
import { packed } from "../../../src/model/serializers/packed.ts";
import type { JsonSchemaObject } from "../../../src/model/validators/inferJsonSchema.ts";

const max = Number.MAX_SAFE_INTEGER;

function pack(schema: JsonSchemaObject, value: unknown): Uint8Array {
  return packed(schema).serialize(value) as Uint8Array;
}

test("packed() takes one byte for an energy from 0 to 99, required or not", (t) => {
  const properties = { energy: { type: "integer", minimum: 0, maximum: 99 } } as const;
  const optional = packed({ type: "object", properties });
  const required = packed({ type: "object", properties, required: ["energy"] });

  t.deepEqual(optional.serialize({ energy: 42 }), Uint8Array.of(0b1_0101010));
  t.deepEqual(required.serialize({ energy: 42 }), Uint8Array.of(0b0101010_0));
  t.deepEqual(optional.deserialize(Uint8Array.of(0b1_0101010)), { energy: 42 });
  t.deepEqual(optional.deserialize(Uint8Array.of(0)), {});
  t.is(required.form, "bytes");
  t.deepEqual(required.spec, { type: "packed", schema: { type: "object", properties, required: ["energy"] } });
});

/** Every kind of schema, values of it, and how many bytes each value takes. */
const forms: [schema: JsonSchemaObject, values: [value: unknown, bytes: number][]][] = [
  [{ const: "anything" }, [["anything", 0]]],
  [{ const: { a: [1, 2] } }, [[{ a: [1, 2] }, 0]]],
  [{ type: "null" }, [[null, 0]]],
  [
    { type: "boolean" },
    [
      [true, 1],
      [false, 1],
    ],
  ],
  [
    { enum: ["a", "b", 3, null, { x: 1 }] },
    [
      ["a", 1],
      [3, 1],
      [null, 1],
      [{ x: 1 }, 1],
    ],
  ],
  [
    { enum: Array.from({ length: 257 }, (_, i) => i) },
    [
      [0, 2],
      [256, 2],
    ],
  ],
  [{ type: "integer", minimum: -5, maximum: -5 }, [[-5, 0]]],
  [
    { type: "integer", minimum: -128, maximum: 127 },
    [
      [-128, 1],
      [127, 1],
    ],
  ],
  [{ type: "integer", minimum: 0, maximum: 256 }, [[256, 2]]],
  [
    { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 257 },
    [
      [1, 1],
      [256, 1],
    ],
  ],
  [
    { type: "integer", minimum: 0.5, maximum: 2.5 },
    [
      [1, 1],
      [2, 1],
    ],
  ],
  [
    { type: "integer", minimum: 0, maximum: max },
    [
      [max, 7],
      [0, 7],
      [2 ** 52 + 1, 7],
    ],
  ],
  [
    { type: "integer", minimum: 0 },
    [
      [0, 1],
      [127, 1],
      [128, 2],
      [max, 8],
    ],
  ],
  [
    { type: "integer", minimum: 1000 },
    [
      [1000, 1],
      [1128, 2],
      [max, 8],
    ],
  ],
  [
    { type: "integer" },
    [
      [0, 2],
      [-0, 2],
      [-1, 2],
      [1, 2],
      [max, 9],
      [-max, 9],
    ],
  ],
  [
    { type: "integer", minimum: -max, maximum: max },
    [
      [-max, 9],
      [max, 9],
    ],
  ],
  [
    { type: "integer", maximum: 10 },
    [
      [10, 2],
      [-300, 3],
    ],
  ],
  [
    { type: "number" },
    [
      [0.1, 8],
      [-1e308, 8],
      [5e-324, 8],
      [-0, 8],
    ],
  ],
  [
    { type: "number", format: "float" },
    [
      [0.5, 4],
      [-2, 4],
    ],
  ],
  [
    { type: "number", minimum: 0, exclusiveMaximum: 1 },
    [
      [0, 8],
      [0.999, 8],
    ],
  ],
  [
    { type: "string" },
    [
      ["", 1],
      ["é\u{1F680}", 7],
      ["\uFEFFmark\u0000", 9],
      ["x".repeat(128), 130],
    ],
  ],
  [{ type: "string", minLength: 1, maxLength: 2 }, [["\u{1F680}\u{1F680}", 9]]],
  [
    { type: "array", items: { type: "boolean" } },
    [
      [[], 1],
      [[true, false, true], 2],
    ],
  ],
  [
    { type: "array", items: { type: "boolean" }, maxItems: 3 },
    [
      [[], 1],
      [[true, true, true], 1],
    ],
  ],
  [{ type: "array", items: { type: "integer", minimum: 0, maximum: 15 }, minItems: 2, maxItems: 2 }, [[[15, 0], 1]]],
  [{ type: "array", items: { const: 1 }, maxItems: 65_536 }, [[[1, 1, 1], 3]]],
  [
    { type: ["integer", "null"], minimum: 0, maximum: 127 },
    [
      [null, 1],
      [127, 1],
    ],
  ],
  [
    { type: ["null", "string"] },
    [
      [null, 1],
      ["é", 4],
    ],
  ],
  [{ type: "object" }, [[{}, 0]]],
  [
    {
      type: "object",
      required: ["run", "a"],
      additionalProperties: false,
      title: "annotations are allowed",
      properties: {
        run: { type: "object", properties: { id: { type: "string" }, ok: { type: "boolean" } }, required: ["ok"] },
        a: { type: "array", items: { type: "object", properties: { n: { type: "null" } } } },
        o: { type: "number" },
      },
    },
    [
      [{ run: { ok: true }, a: [] }, 2],
      [{ run: { id: "é", ok: false }, a: [{}, { n: null }], o: 1.5 }, 13],
    ],
  ],
];

for (const [schema, values] of forms) {
  test(`packed() ${JSON.stringify(schema).slice(0, 200)}`, (t) => {
    const serializer = packed(schema);
    for (const [value, size] of values) {
      const bytes = pack(schema, value);
      t.is(bytes.length, size, JSON.stringify(value));
      // A negative zero is an integer like zero, and is not kept as such.
      t.deepEqual(serializer.deserialize(bytes), schema.type === "integer" && value === 0 ? 0 : value);
    }
  });
}

test("packed() stores the properties in the order of the schema", (t) => {
  const byte = { type: "integer", minimum: 0, maximum: 255 };
  const schema: JsonSchemaObject = { type: "object", properties: { b: byte, a: byte }, required: ["a", "b"] };

  t.deepEqual(pack(schema, { a: 1, b: 2 }), Uint8Array.of(2, 1));
});

test("packed() keeps a property named __proto__, and reads own properties only", (t) => {
  const schema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"integer"},"constructor":{"type":"boolean"}}}',
  );
  const metadata = JSON.parse('{"__proto__":7}');
  const back = packed(schema).deserialize(pack(schema, metadata)) as object;

  t.deepEqual(Object.entries(back), [["__proto__", 7]]);
  t.is(Object.getPrototypeOf(back), Object.prototype);
  t.deepEqual(Object.entries(packed(schema).deserialize(pack(schema, {})) as object), []);
});

test("packed() hands out no part of the schema itself", (t) => {
  const serializer = packed({ const: { a: 1 } });
  const back = serializer.deserialize(new Uint8Array()) as { a: number };
  back.a = 2;

  t.deepEqual(serializer.deserialize(new Uint8Array()), { a: 1 });
});

const run = {
  type: "object",
  properties: { list: { type: "array", items: { type: "integer" }, maxItems: 2 } },
} as const;
const misfits: [schema: JsonSchemaObject, value: unknown, path: string, message: RegExp][] = [
  [{ type: "integer", minimum: 0, maximum: 99 }, 100, "", /it must be an integer from 0 to 99: current value is 100/],
  [{ type: "integer" }, 1.5, "", /it must be a safe integer/],
  [{ type: "integer" }, 2 ** 53, "", /it must be a safe integer/],
  [{ type: "integer" }, 7n, "", /it must be a safe integer: current value is 7n/],
  [{ type: "integer", minimum: 0 }, -1, "", /at least 0/],
  [{ type: "integer", maximum: 5 }, 6, "", /at most 5/],
  [{ type: "number" }, Number.NaN, "", /finite number/],
  [{ type: "number" }, Number.POSITIVE_INFINITY, "", /finite number/],
  [{ type: "number", format: "float" }, 1e300, "", /finite number/],
  [{ type: "number", exclusiveMaximum: 1 }, 1, "", /within the bounds/],
  [{ type: "boolean" }, 1, "", /true or false/],
  [{ enum: ["a", "string a"] }, "b", "", /it must be "a" or "string a": current value is "b"/],
  [{ enum: [{ a: 1 }] }, '{"a":1}', "", /it must be/],
  [{ const: 1 }, "1", "", /it must be 1/],
  [{ type: "string" }, "\uD83D", "", /UTF-8/],
  [{ type: "string", maxLength: 1 }, "ab", "", /0 to 1 characters/],
  [{ type: "string", minLength: 1 }, "", "", /at least 1 characters/],
  [{ type: "object" }, [], "", /it must be an object/],
  [{ type: "object" }, null, "", /it must be an object/],
  [
    { type: "object", properties: { a: { type: "null" } }, required: ["a"] },
    {},
    "/a",
    /at \/a cannot be serialized: it is required/,
  ],
  [{ type: "object" }, { "a/b": 1 }, "/a~1b", /the schema has no such property/],
  [
    run,
    { list: [1, "2"] },
    "/list/1",
    /at \/list\/1 cannot be serialized: it must be a safe integer: current value is "2"/,
  ],
  [run, { list: [1, 2, 3] }, "/list", /its length must be an integer from 0 to 2/],
  [run, { list: "12" }, "/list", /it must be a list/],
  // oxlint-disable-next-line no-sparse-arrays -- A hole is a value that is missing.
  [run, { list: [, 1] }, "/list/0", /current value is undefined/],
];

for (const [index, [schema, value, path, message]] of misfits.entries()) {
  test(`packed() refuses what does not fit, ${index}: ${String(message)}`, (t) => {
    const error = t.throws(() => pack(schema, value), { instanceOf: SluiceError, message });

    t.is(error.code, "ERR_SERIALIZATION");
    t.deepEqual(error.details, { path });
  });
}

const undecodable: [name: string, schema: JsonSchemaObject, bytes: number[]][] = [
  ["no bytes", { type: "boolean" }, []],
  ["a trailing byte", { type: "boolean" }, [0x80, 0]],
  ["padding that is not zero", { type: "boolean" }, [0x81]],
  ["a value out of range", { type: "integer", minimum: 0, maximum: 99 }, [0b1100100_0]],
  ["a place that the enum does not have", { enum: [1, 2, 3] }, [0b11_000000]],
  ["a varint that never ends", { type: "integer", minimum: 0 }, Array.from({ length: 20 }, () => 0xff)],
  [
    "a varint beyond the safe integers",
    { type: "integer", minimum: 0 },
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f],
  ],
  ["a varint that is too long", { type: "integer", minimum: 0 }, [0x80, 0]],
  ["a negative zero", { type: "integer" }, [0x80, 0]],
  ["NaN", { type: "number" }, [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
  ["a float that is cut off", { type: "number", format: "float" }, [0, 0, 0]],
  ["a text that is cut off", { type: "string" }, [5, 0x61]],
  ["a text that is no UTF-8", { type: "string" }, [1, 0xff]],
  ["a text that is too short", { type: "string", minLength: 2 }, [1, 0x61]],
  [
    "a list that claims a billion items",
    { type: "array", items: { type: "boolean" } },
    [0xff, 0xff, 0xff, 0xff, 0x0f, 1],
  ],
  ["a list that is too long", { type: "array", items: { const: 1 }, maxItems: 4 }, [0b111_00000]],
];

for (const [name, schema, bytes] of undecodable) {
  test(`packed() cannot decode ${name}`, (t) => {
    t.throws(() => packed(schema).deserialize(Uint8Array.from(bytes)), {
      instanceOf: SluiceError,
      code: "ERR_UNDECODABLE",
    });
  });
}

test("packed() reads any bytes back to themselves, or refuses them", (t) => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const schemas = fc.constantFrom(...forms.map(([schema]) => schema));
  fc.assert(
    fc.property(schemas, bytes, (schema, given) => {
      const value = tryDecode(schema, given);
      if (value !== undefined) t.deepEqual(pack(schema, value.decoded), given);
    }),
    { numRuns: 3000 },
  );
});

test("packed() reads back values of any schema", (t) => {
  fc.assert(
    fc.property(schemaAndValue(), ({ schema, value }) => {
      t.deepEqual(packed(schema).deserialize(pack(schema, value)), value);
    }),
    { numRuns: 500 },
  );
});

const unpackable: [schema: unknown, kind: typeof TypeError | typeof RangeError, message: RegExp][] = [
  [null, TypeError, /^The packed schema must be an object: current value is null$/],
  [{}, TypeError, /at \/type must be one of .*: current value is undefined/],
  [{ type: "any" }, TypeError, /at \/type must be one of/],
  [{ type: ["integer", "string"] }, TypeError, /at \/type must be one of/],
  [{ type: "string", pattern: "^a" }, TypeError, /at \/pattern is a keyword that cannot be packed here/],
  [{ type: "object", properties: { a: { anyOf: [] } } }, TypeError, /at \/properties\/a\/type must be/],
  [{ type: "object", properties: [] }, TypeError, /at \/properties must be an object/],
  [{ type: "object", required: ["a"] }, TypeError, /at \/required names "a", which has no schema/],
  [{ type: "object", required: "a" }, TypeError, /at \/required must be a list/],
  [{ type: "object", additionalProperties: true }, TypeError, /at \/additionalProperties must be false/],
  [{ type: "array" }, TypeError, /at \/items must be an object/],
  [
    { type: "array", items: { const: 1 } },
    RangeError,
    /must have 'maxItems' of at most 65536, since its items take no bits/,
  ],
  [
    { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 1 },
    RangeError,
    /'maxItems' of at least 'minItems'/,
  ],
  [{ type: "array", items: { type: "boolean" }, maxItems: 1.5 }, RangeError, /at \/maxItems must be an integer/],
  [{ type: "integer", minimum: 2, maximum: 1 }, RangeError, /allows no integer: its bounds are 2 and 1/],
  [{ type: "integer", minimum: 0.2, maximum: 0.8 }, RangeError, /allows no integer/],
  [{ type: "integer", minimum: "0" }, TypeError, /at \/minimum must be a finite number: current value is "0"/],
  [{ type: "integer", minimum: -1e300 }, RangeError, /safe integers/],
  [{ type: "number", format: "half" }, RangeError, /at \/format must be "float" or "double"/],
  [{ enum: [] }, TypeError, /at \/enum must be a list with at least one value/],
  [
    {
      enum: [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    },
    RangeError,
    /at \/enum must not name a value twice/,
  ],
];

for (const [schema, kind, message] of unpackable) {
  test(`packed() refuses the schema ${JSON.stringify(schema)}`, (t) => {
    t.throws(() => packed(schema as never), { instanceOf: kind, message });
  });
}

function tryDecode(schema: JsonSchemaObject, bytes: Uint8Array): { decoded: unknown } | undefined {
  try {
    return { decoded: packed(schema).deserialize(bytes) };
  } catch (error) {
    if (error instanceof SluiceError && error.code === "ERR_UNDECODABLE") return undefined;
    throw error;
  }
}

interface Example {
  schema: JsonSchemaObject;
  value: unknown;
}

/** Schemas of any depth, each with a value of it. */
function schemaAndValue(): fc.Arbitrary<Example> {
  return fc.letrec<{ any: Example; list: Example; object: Example }>((tie) => ({
    any: fc.oneof({ depthSize: "small" }, integer, text, float, tie("object"), tie("list")),
    list: fc.tuple(tie("any"), fc.nat(5)).map(([item, length]) => ({
      schema: { type: "array", items: item.schema, maxItems: 8 },
      value: Array.from({ length }, () => item.value),
    })),
    object: fc.array(fc.tuple(fc.string(), tie("any"), fc.boolean(), fc.boolean()), { maxLength: 5 }).map(objectOf),
  })).any;
}

const integer: fc.Arbitrary<Example> = fc
  .tuple(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.maxSafeInteger())
  .map((values) => values.sort((one, other) => one - other))
  .map(([minimum, value, maximum]) => ({
    schema: { type: "integer", minimum, maximum },
    value: value + 0,
  }));

const text: fc.Arbitrary<Example> = fc
  .string({ unit: "grapheme" })
  .map((value) => ({ schema: { type: ["string", "null"] } as const, value }));

const float: fc.Arbitrary<Example> = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => ({ schema: { type: "number" } as const, value }));

function objectOf(parts: [name: string, part: Example, required: boolean, present: boolean][]): Example {
  const properties = new Map(parts.map(([name, part, required, present]) => [name, { part, required, present }]));
  const entries = [...properties];
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, { part }]) => [name, part.schema])),
      required: entries.filter(([, { required }]) => required).map(([name]) => name),
    },
    value: Object.fromEntries(
      entries.filter(([, { required, present }]) => required || present).map(([name, { part }]) => [name, part.value]),
    ),
  };
}
