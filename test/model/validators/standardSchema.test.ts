import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import test from "ava";
import * as v from "valibot";
import { z } from "zod";
import { EventData } from "../../../src/model/data.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { standardSchema } from "../../../src/model/validators/standardSchema.ts";

const schemas: Record<string, StandardSchemaV1> = {
  zod: z.object({ run: z.object({ "e/n": z.number().max(100) }) }),
  valibot: v.object({ run: v.object({ "e/n": v.pipe(v.number(), v.maxValue(100)) }) }),
  arktype: type({ run: { "e/n": "number <= 100" } }),
};

for (const [vendor, schema] of Object.entries(schemas)) {
  test(`standardSchema() accepts and refuses with a schema of ${vendor}`, (t) => {
    const validator = standardSchema(schema);

    t.deepEqual(validator.validate({ run: { "e/n": 7 } }, EventData.empty), { run: { "e/n": 7 } });
    t.deepEqual(validator.spec, { type: "function", vendor });
    const error = t.throws(() => validator.validate({ run: { "e/n": 101 } }, EventData.empty), {
      instanceOf: SluiceError,
    });
    t.is(error.code, "ERR_INVALID_METADATA");
    t.is(error.details["path"], "/run/e~1n");
    t.regex(String(error.details["rule"]), /100/);
    t.regex(error.message, /^The metadata at \/run\/e~1n is refused by the schema: .*100/);
  });
}

test("standardSchema() stores what the schema puts out", (t) => {
  const validator = standardSchema(
    z.object({ detector: z.string().default("ecal"), at: z.string().transform(Number) }),
  );

  t.deepEqual(validator.validate({ at: "7" }, EventData.empty), { detector: "ecal", at: 7 });
});

test("standardSchema() waits for an asynchronous schema", async (t) => {
  const validator = standardSchema(z.string().refine(async (text) => text !== "no"));

  t.is(await validator.validate("yes", EventData.empty), "yes");
  await t.throwsAsync(async () => validator.validate("no", EventData.empty), { code: "ERR_INVALID_METADATA" });
});

test("standardSchema() lists all issues, and knows paths of keys and of segments", (t) => {
  const issues = [{ message: "one", path: ["a", { key: 0 }, { key: Symbol("s") }] }, { message: "two" }];
  const validator = standardSchema({ "~standard": { version: 1, vendor: "test", validate: () => ({ issues }) } });
  const error = t.throws(() => validator.validate(0, EventData.empty), { instanceOf: SluiceError });

  t.deepEqual(error.details, {
    path: "/a/0/Symbol(s)",
    rule: "one",
    issues: [
      { path: "/a/0/Symbol(s)", rule: "one" },
      { path: "", rule: "two" },
    ],
  });
});

test("standardSchema() turns a schema that throws into a rejection", (t) => {
  const cause = new Error("broken");
  const validate = (): never => {
    throw cause;
  };
  const validator = standardSchema({ "~standard": { version: 1, vendor: "test", validate } });
  const error = t.throws(() => validator.validate(0, EventData.empty), { instanceOf: SluiceError });

  t.is(error.code, "ERR_INVALID_METADATA");
  t.is(error.cause, cause);
});

test("standardSchema() wants a Standard Schema", (t) => {
  for (const value of [undefined, {}, { "~standard": { version: 2, validate() {} } }, () => {}]) {
    t.throws(() => standardSchema(value as never), { instanceOf: TypeError, message: /must be a Standard Schema/ });
  }
});
