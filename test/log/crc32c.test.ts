import test from "ava";
import { crc32c, crc32cInJavaScript, loadNativeCrc32c } from "../../backends/log/format/crc32c.ts";
import { someBytes } from "./support.ts";

test("crc32c is that of RFC 3720", (t) => {
  t.is(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  t.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  t.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  t.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  t.is(crc32c(new Uint8Array(0)), 0);
});

test("crc32c goes on where it ended, wherever the bytes are cut", (t) => {
  const bytes = someBytes(100);
  const whole = crc32c(bytes);
  for (let cut = 0; cut <= bytes.length; cut++)
    t.is(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole);
});

test("crc32c is the same from the processor and from JavaScript, for every length, place and checksum in front", async (t) => {
  await loadNativeCrc32c();
  const bytes = someBytes(20_000, 3);
  for (let i = 0; i < 2000; i++) {
    const start = (i * 7919) % 5000;
    const part = bytes.subarray(start, start + ((i * 104_729) % 15_000));
    const before = Math.imul(i, 0x9e3779b1) >>> 0;
    t.is(crc32c(part, before), crc32cInJavaScript(part, before));
  }
});
