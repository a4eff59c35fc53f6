import test from "ava";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../../src/model/serializers/utf8.ts";

test("encodeUtf8() and decodeUtf8() agree with the engine's own, for short texts and long ones", (t) => {
  const text = fc.oneof(fc.string({ maxLength: 100 }), fc.string({ unit: "grapheme", maxLength: 100 }));
  fc.assert(
    fc.property(text, (value) => {
      t.deepEqual(encodeUtf8(value), new TextEncoder().encode(value));
      t.is(decodeUtf8(encodeUtf8(value)), value);
    }),
  );
});

test("decodeUtf8() keeps a byte order mark and refuses what is no UTF-8", (t) => {
  t.is(decodeUtf8(encodeUtf8("\uFEFFmark")), "\uFEFFmark");
  t.throws(() => decodeUtf8(Uint8Array.of(0x61, 0xff)), { instanceOf: TypeError });
});
