import test from "ava";
import { EventData } from "../../../src/model/data.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { fromFunction } from "../../../src/model/validators/fromFunction.ts";

const data = EventData.from(new Uint8Array([1, 2]));

test("fromFunction() accepts what the function does not throw at, synchronously", (t) => {
  const seen: unknown[] = [];
  const validator = fromFunction((metadata, given) => void seen.push(metadata, given));
  const metadata = { energy: 7 };

  t.is(validator.validate(metadata, data), metadata);
  t.deepEqual(seen, [metadata, data]);
  t.deepEqual(validator.spec, { type: "function" });
});

test("fromFunction() waits for an asynchronous function", async (t) => {
  const validator = fromFunction(async () => {});

  t.deepEqual(await validator.validate({ energy: 7 }, data), { energy: 7 });
});

test("fromFunction() wraps what the function throws", (t) => {
  const cause = new Error("too hot");
  const validator = fromFunction(() => {
    throw cause;
  });
  const error = t.throws(() => validator.validate({}, data), { instanceOf: SluiceError });

  t.is(error.code, "ERR_INVALID_METADATA");
  t.is(error.cause, cause);
  t.deepEqual(error.details, { path: "", rule: "too hot" });
  t.is(error.message, "The metadata is refused by the validator: too hot");
});

test("fromFunction() wraps what the function rejects with, be it no error at all", async (t) => {
  // oxlint-disable-next-line prefer-promise-reject-errors -- A caller may do so.
  const validator = fromFunction(() => Promise.reject("no"));
  const error = await t.throwsAsync(async () => validator.validate({}, data), { instanceOf: SluiceError });

  t.is(error.code, "ERR_INVALID_METADATA");
  t.is(error.cause, "no");
  t.deepEqual(error.details, { path: "", rule: "no" });
});

test("fromFunction() lets a rejection with a path of its own pass", (t) => {
  const rejection = new SluiceError("ERR_INVALID_METADATA", "no", { details: { path: "/a", rule: "b" } });
  const validator = fromFunction(() => {
    throw rejection;
  });

  t.is(
    t.throws(() => validator.validate({}, data)),
    rejection,
  );
});

test("fromFunction() wants a function", (t) => {
  t.throws(() => fromFunction(7 as never), { instanceOf: TypeError, message: /'validator' must be a function.*7/ });
});
