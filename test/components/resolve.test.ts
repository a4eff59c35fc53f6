import { type } from "arktype";
import test from "ava";
import { z } from "zod";
import { registerComponent } from "../../src/components/registry.ts";
import { resolvePartitionSelector, resolveSerializer, resolveValidator } from "../../src/components/resolve.ts";
import { schema } from "../../src/components/schema.ts";
import type { PartitionSelectorInput, SerializerInput, ValidatorInput } from "../../src/components/types.ts";
import { EventData } from "../../src/model/data.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { byKey } from "../../src/model/partitionSelectors/byKey.ts";
import { json } from "../../src/model/serializers/json.ts";
import { eventPattern } from "../../src/model/validators/eventPattern.ts";

const baseUrl = new URL("../fixtures/components/", import.meta.url);
const three = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];
const limited = { type: "object", properties: { energy: { type: "number", maximum: 7 } } } as const;

/** Every form of validator. All of them refuse an energy of 8, and are stored as the second part says. */
const validators: [name: string, input: ValidatorInput, stored: object][] = [
  ["a validator", eventPattern({ energy: [7] }), { type: "event-pattern", pattern: { energy: [7] } }],
  ["an object with validate", { validate: checkEnergy } as object as ValidatorInput, { type: "function" }],
  ["a function", checkEnergy, { type: "function" }],
  ["a Standard Schema", z.object({ energy: z.number().max(7) }), { type: "function", vendor: "zod" }],
  ["a Standard Schema that is callable", type({ energy: "number <= 7" }), { type: "function", vendor: "arktype" }],
  [
    "schema() of a Standard Schema",
    schema(z.object({ energy: z.number().max(7) })),
    { type: "function", vendor: "zod" },
  ],
  ["schema() of a JSON Schema", schema(limited), { type: "json-schema", schema: limited }],
  ["a JSON Schema", limited, { type: "json-schema", schema: limited }],
  [
    "a JSON Schema of several types",
    { ...limited, type: ["object", "null"] },
    { type: "json-schema", schema: { ...limited, type: ["object", "null"] } },
  ],
  ["a JSON Schema without a type", { allOf: [limited] }, { type: "json-schema", schema: { allOf: [limited] } }],
  ["a stored JSON Schema", { type: "json-schema", schema: limited }, { type: "json-schema", schema: limited }],
  [
    "a stored event pattern",
    { type: "event-pattern", pattern: { energy: [7] } },
    { type: "event-pattern", pattern: { energy: [7] } },
  ],
  ["a module", { type: "limit:./good.js", max: 7 }, { type: "limit:./good.js", max: 7 }],
];

for (const [name, input, stored] of validators) {
  test(`resolveValidator() takes ${name}`, async (t) => {
    const validator = await resolveValidator(input, { baseUrl });

    t.deepEqual(await validator.validate({ energy: 7 }, EventData.empty), { energy: 7 });
    await t.throwsAsync(async () => validator.validate({ energy: 8 }, EventData.empty), {
      code: "ERR_INVALID_METADATA",
    });
    t.deepEqual(validator.spec, stored as typeof validator.spec);
  });

  test(`resolveValidator() makes the same of what ${name} is stored as`, async (t) => {
    const { spec } = await resolveValidator(input, { baseUrl });
    const reopened = resolveValidator(JSON.parse(JSON.stringify(spec)), { baseUrl });

    if (spec.type === "function") await t.throwsAsync(reopened, { code: "ERR_COMPONENT_MISSING" });
    else t.deepEqual((await reopened).spec, spec);
  });
}

test("resolveValidator() hands a ready validator back as it is, be it an instance of a class", async (t) => {
  class Own {
    readonly spec = { type: "own" };
    validate(metadata: unknown): unknown {
      return metadata;
    }
  }
  const own = new Own();

  t.is(await resolveValidator(own), own);
});

test("resolvePartitionSelector() takes a selector, a function, an object, a stored type, a module, or nothing", async (t) => {
  const ready = byKey("k");
  const inputs: PartitionSelectorInput[] = [() => 1, { select: () => 1 } as never, { type: "selecting:./good.js" }];
  for (const input of inputs) {
    const selector = await resolvePartitionSelector(input, { baseUrl });
    t.is(selector.start()({}, three, undefined), 1);
    t.throws(() => selector.start()({}, three, 3), { code: "ERR_INVALID_PARTITION" });
  }

  t.is(await resolvePartitionSelector(ready), ready);
  t.deepEqual((await resolvePartitionSelector()).spec, { type: "round-robin" });
  const stored = { type: "by-key", key: "k", missing: "round-robin" };
  t.deepEqual((await resolvePartitionSelector(stored)).spec, stored);
  t.deepEqual((await resolvePartitionSelector({ type: "round-robin" })).spec, { type: "round-robin" });
});

test("resolveSerializer() takes a serializer, functions, a stored type, a module, or nothing", async (t) => {
  const ready = json();
  const packedSpec = { type: "packed", schema: { type: "object", properties: { energy: { type: "integer" } } } };
  const functions: SerializerInput<string> = { form: "text", serialize: (text) => text, deserialize: (text) => text };

  t.is(await resolveSerializer(ready), ready);
  t.deepEqual((await resolveSerializer()).spec, { type: "json" });
  t.deepEqual((await resolveSerializer(functions)).spec, { type: "function" });
  for (const spec of [packedSpec, { type: "cbor" }, { type: "text" }, { type: "hex:./good.js" }]) {
    t.deepEqual((await resolveSerializer(spec, { baseUrl })).spec, spec);
  }
});

test("what was a plain function has to be handed in again", async (t) => {
  const spec = { type: "function", vendor: "zod" };
  const error = await t.throwsAsync(resolveValidator(spec), { instanceOf: SluiceError });

  t.is(error?.code, "ERR_COMPONENT_MISSING");
  t.deepEqual(error?.details, { kind: "validator", spec });
  t.regex(error?.message ?? "", /was a plain function \(a schema of zod\).*hand it in again.*or waive it by name/);
  await t.throwsAsync(resolvePartitionSelector({ type: "function" }), {
    code: "ERR_COMPONENT_MISSING",
    message: /^The partition selector was/,
  });
  await t.throwsAsync(resolveSerializer({ type: "function" }, { waive: ["validator"] }), {
    code: "ERR_COMPONENT_MISSING",
  });
});

test("what was a plain function can be waived by name", async (t) => {
  const spec = { type: "function" };

  t.deepEqual((await resolveValidator(spec, { waive: ["validator"] })).spec, { type: "accept-all" });
  t.deepEqual((await resolvePartitionSelector(spec, { waive: ["partitionSelector"] })).spec, { type: "round-robin" });
  t.deepEqual((await resolveSerializer(spec, { waive: ["serializer"] })).spec, { type: "json" });
});

test("an unknown type names the nearest one", async (t) => {
  const error = await t.throwsAsync(resolveValidator({ type: "event-patern" }), { instanceOf: SluiceError });

  t.is(error?.code, "ERR_COMPONENT");
  t.is(error?.message, 'There is no validator of type "event-patern", did you mean "event-pattern"?');
  t.is(error?.details["nearest"], "event-pattern");
  await t.throwsAsync(resolveSerializer({ type: "constructor" }), { code: "ERR_COMPONENT" });
  await t.throwsAsync(resolvePartitionSelector({ type: "object" }), { code: "ERR_COMPONENT" });
});

test("a registered type is resolved, and stored under its own name", async (t) => {
  const remove = registerComponent("validator", "acme-range", ({ max }) => schemaOf(Number(max)));
  t.teardown(remove);
  const validator = await resolveValidator({ type: "acme-range", max: 7 });

  t.deepEqual(validator.spec, { type: "acme-range", max: 7 });
  t.deepEqual(validator.validate({ energy: 7 }, EventData.empty), { energy: 7 });
  t.throws(() => validator.validate({ energy: 8 }, EventData.empty), { code: "ERR_INVALID_METADATA" });
});

test("a registered type that makes something else is an error", async (t) => {
  const remove = registerComponent("serializer", "acme-broken", () => ({ serialize() {} }));
  t.teardown(remove);

  await t.throwsAsync(resolveSerializer({ type: "acme-broken" }), {
    code: "ERR_COMPONENT",
    message: /must be an object with 'serialize'/,
  });
});

test("anything else is the caller's mistake", async (t) => {
  for (const input of [null, 7, "json", [], {}, { type: 7 }]) {
    await t.throwsAsync(resolveValidator(input as never), {
      instanceOf: TypeError,
      message: /validator of a topic must be/,
    });
    await t.throwsAsync(resolvePartitionSelector(input as never), { instanceOf: TypeError });
    await t.throwsAsync(resolveSerializer(input as never), { instanceOf: TypeError });
  }
  await t.throwsAsync(resolveValidator({ type: "event-pattern" }), {
    instanceOf: TypeError,
    message: /event pattern must be an object/,
  });
  await t.throwsAsync(resolveValidator({ type: "json-schema" }), {
    instanceOf: TypeError,
    message: /JSON Schema must be an object/,
  });
  await t.throwsAsync(resolvePartitionSelector({ type: "by-key" }), {
    instanceOf: TypeError,
    message: /'key' must be a string/,
  });
});

function checkEnergy(metadata: unknown): void {
  if ((metadata as { energy: number }).energy > 7) throw new Error("too much");
}

function schemaOf(max: number): object {
  return eventPattern({ energy: [{ numeric: ["<=", max] }] });
}
