import test from "ava";
import { text } from "../../../src/model/serializers/text.ts";

test("text() stores a string as it is", (t) => {
  for (const metadata of ["", "run 7", "\u{1F680}\u0000\n", "\uFEFFmark"]) {
    t.is(text().serialize(metadata), metadata);
    t.is(text().deserialize(metadata), metadata);
  }
  t.is(text().form, "text");
  t.deepEqual(text().spec, { type: "text" });
});

test("text() refuses what is no string, and what UTF-8 cannot hold", (t) => {
  for (const metadata of [7, {}, undefined, "\uD83D", "\uDE80x"]) {
    t.throws(() => text().serialize(metadata as string), { code: "ERR_SERIALIZATION" });
  }
});
