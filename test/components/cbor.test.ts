import test from "ava";
import fc from "fast-check";
import { loadCbor } from "../../src/components/cbor.ts";
import { SluiceError } from "../../src/model/errors.ts";

const serializer = await loadCbor();
const write = (metadata: unknown): Uint8Array => serializer.serialize(metadata) as Uint8Array;

test("loadCbor() reads back what it wrote", (t) => {
  // Neither CBOR's author nor JSON agree with us on __proto__, and JSON has no negative zero.
  const values = fc
    .jsonValue({ noUnicodeString: false })
    .filter((value) => !JSON.stringify(value).includes("__proto__"))
    .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  fc.assert(fc.property(values, (value) => t.deepEqual(serializer.deserialize(write(value)), value)));
  t.is(serializer.form, "bytes");
  t.deepEqual(serializer.spec, { type: "cbor" });
});

test("loadCbor() writes plain maps and untagged bytes, as RFC 8949 has them", (t) => {
  t.deepEqual(write({ a: 1, b: [2, 3] }), Uint8Array.from([0xb9, 0, 2, 0x61, 0x61, 1, 0x61, 0x62, 0x82, 2, 3]));
  t.deepEqual(write(Uint8Array.of(1, 2)), Uint8Array.from([0x42, 1, 2]));
});

test("loadCbor() keeps bytes, dates, BigInts, NaN and undefined", (t) => {
  const metadata = { raw: Uint8Array.of(1, 2), at: new Date(1234), big: 2n ** 60n, nan: Number.NaN, none: undefined };
  const back = serializer.deserialize(write(metadata)) as typeof metadata;

  t.deepEqual(new Uint8Array(back.raw), metadata.raw);
  t.deepEqual({ ...back, raw: metadata.raw }, metadata);
});

test("loadCbor() hands out bytes that no later call writes over", (t) => {
  const first = write({ energy: 1 });
  const copy = first.slice();
  for (let index = 0; index < 5000; index++) write({ energy: index, text: "x".repeat(index % 100) });

  t.deepEqual(first, copy);
  t.is(first.buffer.byteLength, first.length);
  t.is(Object.getPrototypeOf(first), Uint8Array.prototype);
});

test("loadCbor() refuses a cycle, and goes on working", (t) => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const error = t.throws(() => serializer.serialize(cyclic), { instanceOf: SluiceError });

  t.is(error.code, "ERR_SERIALIZATION");
  t.deepEqual(serializer.deserialize(write({ energy: 7 })), { energy: 7 });
});

test("loadCbor() refuses bytes that are cut off, left over or nonsense", (t) => {
  const bytes = write({ energy: 7 });
  for (const given of [new Uint8Array(), bytes.subarray(0, -1), Uint8Array.of(...bytes, 0), Uint8Array.of(0x1c)]) {
    t.throws(() => serializer.deserialize(given), { instanceOf: SluiceError, code: "ERR_UNDECODABLE" });
  }
  t.deepEqual(serializer.deserialize(bytes), { energy: 7 });
});
