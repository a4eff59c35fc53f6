import test from "ava";
import fc from "fast-check";
import { SluiceError } from "../../../src/model/errors.ts";
import { json } from "../../../src/model/serializers/json.ts";

const serializer = json();

test("json() reads back what it wrote", (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const metadata = JSON.parse(JSON.stringify(value));
      t.deepEqual(serializer.deserialize(serializer.serialize(metadata) as string), metadata);
    }),
  );
  t.is(serializer.form, "text");
  t.deepEqual(serializer.spec, { type: "json" });
});

test("json() keeps a property named __proto__", (t) => {
  const text = '{"__proto__":{"a":1}}';

  t.is(serializer.serialize(serializer.deserialize(text)), text);
});

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;
const unwritable: [name: string, metadata: unknown, message: RegExp][] = [
  ["undefined", undefined, /undefined has no JSON text/],
  ["a function", () => {}, /function metadata|a function has no JSON text/],
  ["a symbol", Symbol("s"), /Symbol\(s\) has no JSON text/],
  ["a BigInt", { energy: 7n }, /BigInt/],
  ["a cycle", cyclic, /[Cc]ircular/],
];

for (const [name, metadata, message] of unwritable) {
  test(`json() refuses ${name}`, (t) => {
    const error = t.throws(() => serializer.serialize(metadata), { instanceOf: SluiceError, message });

    t.is(error.code, "ERR_SERIALIZATION");
    t.false(error.message.includes("\n"));
  });
}

test("json() refuses text that is no JSON", (t) => {
  for (const text of ["", "{", "undefined", "{}{}"]) {
    t.throws(() => serializer.deserialize(text), { instanceOf: SluiceError, code: "ERR_UNDECODABLE" });
  }
});
