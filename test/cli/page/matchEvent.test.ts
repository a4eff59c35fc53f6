import test from "ava";
import { describeData } from "../../../cli/page/describeData.ts";
import { imageType } from "../../../cli/page/imageType.ts";
import { matchEvent } from "../../../cli/page/matchEvent.ts";

const event = {
  topic: "Collisions",
  partition: 2,
  id: 7,
  metadata: { energy: 42, detector: { name: "muon" }, ok: true },
};

for (const [filter, isShown] of [
  ["", true],
  ["  ", true],
  ["muon", true],
  ["MUON collisions", true],
  ["muon electron", false],
  ["partition:2", true],
  ["partition:3", false],
  ["id:7 energy>20", true],
  ["energy>42", false],
  ["energy>=42", true],
  ["energy<43", true],
  ["energy<=41", false],
  ["energy=42", true],
  ["energy!=42", false],
  ["energy>", false],
  ["energy>much", false],
  ["detector.name=muon", true],
  ["detector.name>1", false],
  ["missing=1", false],
  ["missing!=1", false],
  ["__proto__=x", false],
  ["ok=true", true],
] as const) {
  test(`matchEvent("${filter}") ${isShown ? "shows" : "hides"} the event`, (t) =>
    t.is(matchEvent(filter)(event), isShown));
}

test("matchEvent() searches metadata that is no object", (t) => {
  t.true(matchEvent("ell")({ ...event, metadata: "hello" }));
  t.false(matchEvent("x=1")({ ...event, metadata: null }));
});

test("imageType() knows images by how they begin, and programs in SVG are none", (t) => {
  const bytes = (...list: number[]) => Uint8Array.from(list);
  t.is(imageType(bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0)), "image/png");
  t.is(imageType(bytes(0xff, 0xd8, 0xff, 0xe0)), "image/jpeg");
  t.is(imageType(new TextEncoder().encode("GIF89a")), "image/gif");
  t.is(imageType(new TextEncoder().encode("RIFF....WEBP")), "image/webp");
  t.is(imageType(new TextEncoder().encode("<svg onload='x'>")), undefined);
  t.is(imageType(bytes()), undefined);
});

test("describeData() shows text as text, and other bytes as digits", (t) => {
  t.is(describeData(new TextEncoder().encode("héllo\n"), 7), "héllo\n");
  t.is(describeData(Uint8Array.of(0, 255), 2), "00 ff");
  t.is(describeData(Uint8Array.of(0, 255), 9), "00 ff …");
  const long = new TextEncoder().encode("é".repeat(100));
  t.is(describeData(long.subarray(1), 199).slice(0, 2), "a9", "no text begins in the middle of a letter");
  t.regex(describeData(long, 200), /^é{32} …$/);
});
