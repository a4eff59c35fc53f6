import test from "ava";
import fc from "fast-check";
import type { ProducerRun, ProducerSequence, StoredBatch } from "../../src/index.ts";
import { cutBatch } from "../../src/model/cutBatch.ts";
import { joinBatches } from "../../src/model/joinBatches.ts";
import { addRun, producerAt } from "../../src/model/producerRuns.ts";

type Sender = ProducerSequence | undefined;

/** Who has sent each event: several in a row by the same, now and then with numbers left out. */
const senders = fc
  .array(fc.tuple(fc.constantFrom("p", "q", undefined), fc.nat(3), fc.integer({ min: 1, max: 4 })), { maxLength: 6 })
  .map((runs) => {
    const next = new Map<string, number>();
    return runs.flatMap(([id, skipped, count]): Sender[] => {
      if (id === undefined) return Array.from({ length: count }, () => undefined);
      const sequence = (next.get(id) ?? 0) + skipped;
      next.set(id, sequence + count);
      return Array.from({ length: count }, (_, i) => ({ id, sequence: sequence + i }));
    });
  });

function batchOf(firstId: number, events: readonly Sender[]): StoredBatch {
  const producers: ProducerRun[] = [];
  for (const [index, producer] of events.entries()) addRun(producers, index, producer);
  return {
    count: events.length,
    firstId,
    next: firstId + events.length,
    metadata: new Uint8Array(events.length),
    metadataEnds: Uint32Array.from(events, (_, i) => i + 1),
    timestamps: new Float64Array(events.length),
    dataEnds: undefined,
    ...(events.some((each) => each !== undefined) && { producers }),
  };
}

function sendersOf(batch: StoredBatch): Sender[] {
  return Array.from({ length: batch.count }, (_, i) => producerAt(batch, i));
}

test("what was sent one after the other is one run", (t) => {
  const runs: ProducerRun[] = [];
  for (const [index, sequence] of [4, 5, 6, 8].entries()) addRun(runs, index, { id: "p", sequence });
  t.deepEqual(
    runs.map(({ index }) => index),
    [0, 3],
  );
});

test("each event of a batch that was joined and cut is that of the producer who has sent it", (t) => {
  fc.assert(
    fc.property(
      fc.array(senders, { minLength: 1, maxLength: 4 }),
      fc.nat(20),
      fc.integer({ min: 1, max: 20 }),
      (parts, from, maxEvents) => {
        let id = 0;
        const batches = parts.map((events) => {
          const batch = batchOf(id, events);
          id = batch.next;
          return batch;
        });
        const joined = joinBatches(batches);
        t.deepEqual(sendersOf(joined), parts.flat());
        if (from >= joined.count) return;
        const cut = cutBatch(joined, from, { maxEvents, maxBytes: Infinity });
        t.deepEqual(sendersOf(cut), parts.flat().slice(from, from + maxEvents));
      },
    ),
  );
});

test("nobody is known to have sent an event of a backend that does not keep it", (t) => {
  t.is(producerAt({}, 0), undefined);
  t.is(producerAt({ producers: [{ index: 2, producer: { id: "p", sequence: 0 } }] }, 1), undefined);
});
