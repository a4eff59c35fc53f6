import test from "ava";
import { SluiceError } from "../../../src/model/errors.ts";
import { serializeWith } from "../../../src/model/serializers/serializeWith.ts";

test("serializeWith() makes a serializer of text functions", (t) => {
  const hex = serializeWith<number>({
    form: "text",
    serialize: (energy) => energy.toString(16),
    deserialize: (stored) => Number.parseInt(stored, 16),
  });

  t.is(hex.serialize(255), "ff");
  t.is(hex.deserialize("ff"), 255);
  t.is(hex.form, "text");
  t.deepEqual(hex.spec, { type: "function" });
});

test("serializeWith() makes a serializer of asynchronous byte functions", async (t) => {
  const byte = serializeWith<number>({
    form: "bytes",
    serialize: async (energy) => Uint8Array.of(energy),
    deserialize: async (bytes) => bytes[0] ?? 0,
  });

  t.deepEqual(await byte.serialize(7), Uint8Array.of(7));
  t.is(await byte.deserialize(Uint8Array.of(7)), 7);
});

test("serializeWith() gives whatever is thrown its code and keeps it as the cause", async (t) => {
  const cause = new Error("broken");
  const throwing = serializeWith<number>({
    form: "text",
    serialize: () => Promise.reject(cause),
    deserialize() {
      throw cause;
    },
  });
  const written = await t.throwsAsync(async () => throwing.serialize(0), { instanceOf: SluiceError });
  const read = t.throws(() => throwing.deserialize(""), { instanceOf: SluiceError });

  t.is(written?.code, "ERR_SERIALIZATION");
  t.is(written?.cause, cause);
  t.is(read.code, "ERR_UNDECODABLE");
  t.is(read.cause, cause);
});

test("serializeWith() refuses an answer of the wrong form", async (t) => {
  const wrong = serializeWith<number>({ form: "text", serialize: () => 7 as never, deserialize: () => 0 });
  const wrongToo = serializeWith<number>({ form: "bytes", serialize: async () => "7" as never, deserialize: () => 0 });

  t.throws(() => wrong.serialize(0), {
    code: "ERR_SERIALIZATION",
    message: /must return a string: current value is 7/,
  });
  await t.throwsAsync(async () => wrongToo.serialize(0), {
    code: "ERR_SERIALIZATION",
    message: /must return a Uint8Array/,
  });
});

test("serializeWith() wants two functions and a form", (t) => {
  const f = (): never => undefined as never;
  t.throws(() => serializeWith({ form: "text", serialize: f } as never), {
    instanceOf: TypeError,
    message: /'deserialize'/,
  });
  t.throws(() => serializeWith({ form: "xml", serialize: f, deserialize: f } as never), {
    instanceOf: RangeError,
    message: /'form'/,
  });
});
