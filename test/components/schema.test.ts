import test from "ava";
import { type } from "arktype";
import { z } from "zod";
import { isSchemaInput, schema } from "../../src/components/schema.ts";
import { schemaMark } from "../../src/components/schemaMark.ts";

test("schema() marks a JSON Schema or a Standard Schema", (t) => {
  const jsonSchema = { type: "string" } as const;
  const zod = z.string();
  // ArkType's schemas are functions.
  const ark = type("string");

  t.is(schema(jsonSchema)[schemaMark], jsonSchema);
  t.is(schema(zod)[schemaMark], zod);
  t.is(schema(ark)[schemaMark], ark);
  t.true(isSchemaInput(schema(jsonSchema)));
  t.false(isSchemaInput(jsonSchema));
});

test("schema() refuses anything else", (t) => {
  for (const value of [undefined, null, 7, "string", [], () => {}]) {
    t.throws(() => schema(value as never), {
      instanceOf: TypeError,
      message: /must be a JSON Schema or a Standard Schema/,
    });
  }
});
