import test from "ava";
import { testProp, fc } from "@fast-check/ava";
import { EventDraft } from "../../src/model/draft.ts";
import { metadataAt } from "../../src/model/batch.ts";
import { packBatch } from "../../src/model/packBatch.ts";

function draftOf(payload: string | Uint8Array): EventDraft {
  const draft = new EventDraft(undefined);
  draft.payload = payload;
  return draft;
}

const encoder = new TextEncoder();

/** What each event's metadata has become. */
function packed(payloads: readonly (string | Uint8Array)[]): Uint8Array[] {
  const batch = packBatch(payloads.map(draftOf));
  return payloads.map((_, i) => metadataAt(batch, i));
}

function encoded(payloads: readonly (string | Uint8Array)[]): Uint8Array[] {
  return payloads.map((payload) => (typeof payload === "string" ? encoder.encode(payload) : payload));
}

// Halves of surrogate pairs too, which two neighbours may complete to a character that neither of them has.
const anyText = fc.string({ unit: fc.constantFrom("a", "é", "語", "😀", "\ud83d", "\ude00", ""), maxLength: 6 });

testProp(
  "packBatch encodes each text as it would be encoded alone",
  [fc.array(anyText, { minLength: 1, maxLength: 300 })],
  (t, texts) => {
    t.deepEqual(packed(texts), encoded(texts));
  },
);

testProp(
  "packBatch takes text and bytes in one batch",
  [fc.array(fc.oneof(anyText, fc.uint8Array({ maxLength: 6 })), { minLength: 1, maxLength: 20 })],
  (t, payloads) => {
    t.deepEqual(packed(payloads), encoded(payloads));
  },
);

test("packBatch finds out a character of several bytes wherever it stands among many of one", (t) => {
  for (const place of [0, 1, 127, 128, 255, 298, 299]) {
    const texts = Array.from({ length: 300 }, (_, i) => (i === place ? "éa" : "ab"));
    t.deepEqual(packed(texts), encoded(texts), `at ${place}`);
  }
});

test("packBatch packs events whose text is longer than what is encoded in one call", (t) => {
  const texts = ["a".repeat(100_000), "", "b".repeat(40_000), "c"];
  t.deepEqual(packed(texts), encoded(texts));
});
