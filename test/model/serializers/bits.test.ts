import test from "ava";
import fc from "fast-check";
import { BitReader } from "../../../src/model/serializers/bitReader.ts";
import { BitWriter } from "../../../src/model/serializers/bitWriter.ts";

test("BitWriter puts the highest bit first and fills the last byte with zeros", (t) => {
  const bits = new BitWriter();
  bits.write(0b101, 3);
  bits.write(0b1, 1);
  bits.write(0b111111, 6);

  t.deepEqual(bits.finish(), Uint8Array.of(0b10111111, 0b11000000));
});

test("BitReader reads back numbers and bytes at any place", (t) => {
  const number = fc.integer({ min: 0, max: 53 }).chain((width) =>
    fc.tuple(
      fc.constant(width),
      fc.maxSafeNat().map((value) => value % 2 ** width),
    ),
  );
  const part = fc.oneof(number, fc.uint8Array({ maxLength: 40 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const writer = new BitWriter();
      for (const item of parts) {
        if (item instanceof Uint8Array) writer.writeBytes(item);
        else writer.write(item[1], item[0]);
      }
      const reader = new BitReader(writer.finish());
      for (const item of parts) {
        if (item instanceof Uint8Array) t.deepEqual(reader.readBytes(item.length), item);
        else t.is(reader.read(item[0]), item[1]);
      }
      t.notThrows(() => reader.finish());
    }),
  );
});

test("BitReader ends where the bytes end", (t) => {
  const code = "ERR_UNDECODABLE";
  t.throws(() => new BitReader(Uint8Array.of(1)).read(9), { code });
  t.throws(() => new BitReader(Uint8Array.of(1)).readBytes(Number.MAX_SAFE_INTEGER), { code });
  t.throws(() => new BitReader(Uint8Array.of(1)).finish(), { code, message: /1 bytes are left over/ });
  const reader = new BitReader(Uint8Array.of(1));
  reader.read(1);
  t.throws(() => reader.finish(), { code, message: /not zero/ });
});
