import test from "ava";
import type { StoredBatch } from "../../src/model/batch.ts";
import { gatherBatches } from "../../src/model/gatherBatches.ts";

function batchOf(firstId: number, count: number): StoredBatch {
  return {
    count,
    firstId,
    next: firstId + count,
    metadata: new Uint8Array(count).fill(firstId),
    metadataEnds: Uint32Array.from({ length: count }, (_, i) => i + 1),
    timestamps: new Float64Array(count),
    dataEnds: undefined,
  };
}

const unlimited = { maxEvents: 10_000, maxBytes: 1 << 20 };

function followerIn(batches: readonly StoredBatch[]): (id: number) => StoredBatch | undefined {
  return (id) => batches.find(({ firstId }) => firstId === id);
}

test("gatherBatches() joins tiny batches until there are 64 events", (t) => {
  const batches = Array.from({ length: 20 }, (_, i) => batchOf(i * 10, 10));
  const { count, firstId, next } = gatherBatches(batches[0]!, 0, unlimited, followerIn(batches));
  t.deepEqual({ count, firstId, next }, { count: 70, firstId: 0, next: 70 });
});

test("gatherBatches() joins nothing to a batch that was cut short", (t) => {
  const batches = [batchOf(0, 10), batchOf(10, 10)];
  const { count, next } = gatherBatches(batches[0]!, 2, { ...unlimited, maxEvents: 5 }, followerIn(batches));
  t.deepEqual({ count, next }, { count: 5, next: 7 });
});

test("gatherBatches() stays within both limits", (t) => {
  const batches = Array.from({ length: 5 }, (_, i) => batchOf(i * 10, 10));
  t.is(gatherBatches(batches[0]!, 0, { ...unlimited, maxEvents: 35 }, followerIn(batches)).count, 30);
  t.is(gatherBatches(batches[0]!, 0, { ...unlimited, maxBytes: 25 }, followerIn(batches)).count, 20);
});

test("gatherBatches() gives back a batch that is not tiny, or has no follower, as it is", (t) => {
  const large = batchOf(0, 64);
  t.is(
    gatherBatches(large, 0, unlimited, () => t.fail()),
    large,
  );
  const alone = batchOf(0, 1);
  t.is(
    gatherBatches(alone, 0, unlimited, () => undefined),
    alone,
  );
});

test("gatherBatches() does not join a follower that is not tiny", (t) => {
  const batches = [batchOf(0, 1), batchOf(1, 64)];
  t.is(gatherBatches(batches[0]!, 0, unlimited, followerIn(batches)).count, 1);
});
