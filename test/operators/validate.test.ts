import test from "ava";
import { of } from "rxjs";
import { validate } from "../../operators/validate.ts";
import type { Validator } from "../../src/model/component.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { draftStepCases, type MakeStep } from "./draftStepCases.ts";
import { boom, draftOf } from "./helpers.ts";

const validator = <M>(check: Validator<M>["validate"]): Validator<M> => ({ spec: { type: "x" }, validate: check });

const make: MakeStep = (work, options) =>
  validate<string>(
    validator((metadata) => {
      const answer = work(metadata as string);
      return answer === undefined ? (metadata as string) : answer.then(() => metadata as string);
    }),
    options,
  );

draftStepCases(test, "validate()", make, "ERR_INVALID_METADATA");

test("validate() replaces the metadata with what the validator returned", (t) => {
  const upper = validator((metadata) => (metadata as string).toUpperCase());
  of(draftOf("a"))
    .pipe(validate(upper))
    .subscribe(({ metadata }) => t.is(metadata, "A"));
  t.plan(1);
});

test("validate() shows the data to the validator", (t) => {
  const sizes: number[] = [];
  const watching = validator((metadata, { size }) => (sizes.push(size), metadata));
  of(draftOf("a", { data: new Uint8Array(3) }))
    .pipe(validate(watching))
    .subscribe();
  t.deepEqual(sizes, [3]);
});

test("validate() names the path and the rule of what any validator threw", (t) => {
  of(draftOf("a"))
    .pipe(validate(validator<string>(boom)))
    .subscribe({
      error: (error: SluiceError) => {
        t.is(error.code, "ERR_INVALID_METADATA");
        t.deepEqual(error.details, { path: "", rule: "boom" });
        t.is((error.cause as Error).message, "boom");
      },
    });
  t.plan(3);
});

test("validate() hands on a SluiceError of the validator as it is", (t) => {
  const own = new SluiceError("ERR_INVALID_METADATA", "no", { details: { path: "/a", rule: "r" } });
  const refusing = validator<string>(() => {
    throw own;
  });
  of(draftOf("a"))
    .pipe(validate(refusing))
    .subscribe({ error: (error: unknown) => t.is(error, own) });
  t.plan(1);
});
