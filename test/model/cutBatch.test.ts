import test from "ava";
import { idAt, metadataAt, type StoredBatch } from "../../src/model/batch.ts";
import { cutBatch } from "../../src/model/cutBatch.ts";

const noLimits = { maxEvents: Infinity, maxBytes: Infinity };

/** A batch whose events say their own ids, with as many bytes of data as the id. */
function batchOf(ids: readonly number[], next: number): StoredBatch {
  const texts = ids.map((id) => new TextEncoder().encode(String(id)));
  const ends = (sizes: readonly number[]) => sizes.map((_, i) => sizes.slice(0, i + 1).reduce((a, b) => a + b, 0));
  return {
    count: ids.length,
    firstId: ids[0]!,
    next,
    ids: Float64Array.from(ids),
    metadata: new Uint8Array(Buffer.concat(texts)),
    metadataEnds: Uint32Array.from(ends(texts.map(({ length }) => length))),
    timestamps: Float64Array.from(ids),
    dataEnds: Float64Array.from(ends(ids)),
  };
}

function read(batch: StoredBatch): unknown[] {
  return Array.from({ length: batch.count }, (_, i) => [
    idAt(batch, i),
    new TextDecoder().decode(metadataAt(batch, i)),
    batch.timestamps[i],
    batch.dataEnds![i]! - (i === 0 ? 0 : batch.dataEnds![i - 1]!),
  ]);
}

test("cutBatch() of a batch with gaps brings what is not in front of the id, up to the limits", (t) => {
  const ids = [3, 4, 9, 17, 18];
  const batch = batchOf(ids, 25);
  for (let from = 0; from < 25; from++) {
    for (const maxEvents of [1, 2, 100]) {
      const cut = cutBatch(batch, from, { ...noLimits, maxEvents });
      const expected = ids.filter((id) => id >= from).slice(0, maxEvents);
      t.deepEqual(
        read(cut),
        expected.map((id) => [id, String(id), id, id]),
        `from ${from}, ${maxEvents}`,
      );
      const rest = ids.find((id) => id >= from && !expected.includes(id));
      t.is(cut.next, rest ?? 25);
    }
  }
});

test("cutBatch() of a batch with gaps keeps to the bytes, and brings one event at the least", (t) => {
  const batch = batchOf([3, 9, 17], 20);
  t.deepEqual([cutBatch(batch, 0, { ...noLimits, maxBytes: 2 }).count], [2]);
  t.deepEqual([cutBatch(batch, 10, { ...noLimits, maxBytes: 1 }).count], [1]);
});

test("cutBatch() of a batch without events tells from where they are missing", (t) => {
  const gap: StoredBatch = { ...batchOf([], 9), firstId: 2, ids: undefined, dataEnds: undefined, lost: true };
  t.like(cutBatch(gap, 5, noLimits), { count: 0, firstId: 5, next: 9, lost: true });
});
