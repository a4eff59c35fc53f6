import test from "ava";
import fc from "fast-check";
import { parsePointer, readPointer, toPointer } from "../../src/model/jsonPointer.ts";

test("toPointer() escapes slashes and tildes", (t) => {
  t.is(toPointer([]), "");
  t.is(toPointer(["a/b", "c~d", 0, ""]), "/a~1b/c~0d/0/");
});

test("parsePointer() reads back what toPointer() wrote", (t) => {
  const segments = fc.array(fc.string({ unit: fc.constantFrom("a", "/", "~", "0", "1") }), { minLength: 1 });
  fc.assert(fc.property(segments, (names) => t.deepEqual(parsePointer(toPointer(names)), names)));
});

test("parsePointer() takes a text without a slash for the name of one property", (t) => {
  t.deepEqual(parsePointer("energy"), ["energy"]);
  t.deepEqual(parsePointer(""), []);
});

test("readPointer() finds own properties only", (t) => {
  t.is(readPointer({ a: [{ b: 7 }] }, ["a", "0", "b"]), 7);
  t.is(readPointer({}, ["__proto__"]), undefined);
  t.is(readPointer({}, ["constructor", "name"]), undefined);
  t.is(readPointer(JSON.parse('{"__proto__":7}'), ["__proto__"]), 7);
  t.is(readPointer(null, ["a"]), undefined);
  t.is(readPointer("text", []), "text");
});
