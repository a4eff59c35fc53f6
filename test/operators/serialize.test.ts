import test from "ava";
import { of } from "rxjs";
import { serialize } from "../../operators/serialize.ts";
import type { Serializer } from "../../src/model/component.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { json } from "../../src/model/serializers/json.ts";
import { draftStepCases, type MakeStep } from "./draftStepCases.ts";
import { draftOf } from "./helpers.ts";

const serializer = (form: "text" | "bytes", write: (metadata: string) => unknown) =>
  ({ spec: { type: "x" }, form, serialize: write, deserialize: () => "" }) as Serializer<string>;

const make: MakeStep = (work, options) =>
  serialize<string>(
    serializer("text", (metadata) => {
      const answer = work(metadata);
      return answer === undefined ? metadata : answer.then(() => metadata);
    }),
    options,
  );

draftStepCases(test, "serialize()", make, "ERR_SERIALIZATION");

test("serialize() gives each draft its payload", (t) => {
  of(draftOf({ n: 1 }))
    .pipe(serialize(json()))
    .subscribe(({ payload }) => t.is(payload, '{"n":1}'));
  t.plan(1);
});

for (const [form, name, payload] of [
  ["text", "bytes", new Uint8Array(1)],
  ["text", "undefined", undefined],
  ["bytes", "a string", "a"],
  ["bytes", "a promise of a string", Promise.resolve("a")],
] as const) {
  test(`serialize() refuses ${name} of a serializer whose form is ${form}`, async (t) => {
    const result = of(draftOf("a")).pipe(serialize(serializer(form, () => payload)));
    const error = await t.throwsAsync<SluiceError>(
      result.forEach(() => undefined),
      { message: /current value is/ },
    );
    t.is(error?.code, "ERR_SERIALIZATION");
  });
}
