import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { protocolError } from "../../backends/kafka/client/kafkaError.ts";
import { PlaceTaken, RecordSink } from "../../backends/kafka/recordSink.ts";
import { RecordParts } from "../../backends/kafka/records/recordParts.ts";
import { Leader } from "./leader.ts";

/** A sink that gives a batch up when its first attempt was not answered. */
function sinkTo(leader: Leader, deliveryTimeout = 1): RecordSink {
  const { cluster, topic } = leader.cluster();
  return new RecordSink(cluster, topic, 0, { compressor: undefined, deliveryTimeout, requestTimeout: 100 });
}

function send(sink: RecordSink, count: number, value: number, rules?: Parameters<RecordSink["send"]>[1]) {
  const encoder = sink.newBatch(100);
  for (let i = 0; i < count; i++) {
    const parts = new RecordParts();
    parts.value.add(Uint8Array.of(value, i));
    encoder.add(1000, parts);
  }
  return sink.send(encoder, rules);
}

test("a batch that is still on its way is refused once another one has its place", async (t) => {
  for (const count of [1, 2, 3]) {
    const leader = new Leader();
    const sink = sinkTo(leader);
    await send(sink, 4, 0);
    leader.fates.push("held back");
    await t.throwsAsync(send(sink, 2, 1));
    t.is(await send(sink, count, 2), 4);
    const [said] = leader.letGo();
    // A batch of as many records counts as a repetition, and is not stored either.
    t.is(said, count === 2 ? "stored" : protocolError.outOfOrderSequence);
    t.is(leader.batches.length, 2);
    t.is(await send(sink, 1, 3), 4 + count);
  }
});

test("a batch that was stored although nobody said so keeps its place: who repeats it is told, who does not comes behind it", async (t) => {
  for (const count of [1, 2, 3]) {
    const leader = new Leader();
    const sink = sinkTo(leader);
    leader.fates.push("answer lost");
    await t.throwsAsync(send(sink, 2, 1));
    await t.throwsAsync(send(sink, count, 2, { whenTaken: "tell" }), { instanceOf: PlaceTaken });
    await t.throwsAsync(send(sink, count, 2, { whenTaken: "tell" }), { instanceOf: PlaceTaken });
    t.is(await send(sink, count, 2), 2);
    t.is(leader.batches.length, 2);
  }
});

test("the same batch, sent again after its answer was lost, is stored once and answered", async (t) => {
  const leader = new Leader();
  const sink = sinkTo(leader);
  leader.fates.push("answer lost");
  await t.throwsAsync(send(sink, 2, 1));
  t.is(await send(sink, 2, 1, { whenTaken: "tell" }), 0);
  t.is(await send(sink, 1, 2), 2);
  t.is(leader.batches.length, 2);
});

test("once it is renewed, what was on its way is refused as soon as something was stored", async (t) => {
  const leader = new Leader();
  const sink = sinkTo(leader);
  leader.fates.push("held back");
  await t.throwsAsync(send(sink, 2, 1));
  sink.renew();
  t.is(await send(sink, 2, 2), 0);
  t.deepEqual(leader.letGo(), [protocolError.invalidProducerEpoch]);
});

test("what needs a batch that failed is not stored", async (t) => {
  const leader = new Leader();
  const sink = sinkTo(leader);
  leader.fates.push("held back");
  const needs = send(sink, 1, 1);
  await Promise.all([t.throwsAsync(needs), t.throwsAsync(send(sink, 1, 2, { needs }))]);
  t.deepEqual(leader.batches, []);
});

testProp(
  "whatever is lost or late, a batch whose future has resolved is stored once, and what is let go later changes nothing",
  [
    fc.array(
      fc.record({
        fate: fc.constantFrom("answered", "answer lost", "held back" as const),
        count: fc.integer({ min: 1, max: 3 }),
        letsGo: fc.boolean(),
      }),
      { maxLength: 12 },
    ),
  ],
  async (t, steps) => {
    const leader = new Leader();
    const sink = sinkTo(leader);
    const answered: { readonly value: number; readonly offset: number }[] = [];
    for (const [value, { fate, count, letsGo }] of steps.entries()) {
      leader.fates.push(fate);
      const offset = await send(sink, count, value).catch(() => undefined);
      leader.fates.length = 0;
      if (offset !== undefined) {
        answered.push({ value, offset });
        const before = leader.batches.length;
        leader.letGo(); // All of them are older than what has just been answered.
        t.is(leader.batches.length, before);
      } else if (letsGo) leader.letGo();
    }
    const stored = leader.batches.map(({ offset, bytes }) => ({ offset, value: bytes[61 + 6]! }));
    for (const each of answered)
      t.deepEqual(
        stored.filter(({ value }) => value === each.value),
        [{ offset: each.offset, value: each.value }],
      );
    t.is(new Set(stored.map(({ value }) => value)).size, stored.length);
  },
);
