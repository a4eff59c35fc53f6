import test from "ava";
import { dataSizeAt, metadataAt, type StoredBatch } from "../../src/model/batch.ts";
import { joinBatches } from "../../src/model/joinBatches.ts";

function batchOf(firstId: number, metadata: readonly string[], dataSizes?: readonly number[]): StoredBatch {
  let end = 0;
  let dataEnd = 0;
  return {
    count: metadata.length,
    firstId,
    next: firstId + metadata.length,
    metadata: new TextEncoder().encode(metadata.join("")),
    metadataEnds: Uint32Array.from(metadata, (text) => (end += text.length)),
    timestamps: Float64Array.from(metadata, (_, i) => firstId * 10 + i),
    dataEnds: dataSizes && Float64Array.from(dataSizes, (size) => (dataEnd += size)),
  };
}

function readable(batch: StoredBatch): unknown[] {
  const decoder = new TextDecoder();
  return Array.from({ length: batch.count }, (_, i) => [
    batch.firstId + i,
    decoder.decode(metadataAt(batch, i)),
    dataSizeAt(batch, i),
    batch.timestamps[i],
  ]);
}

test("joinBatches() returns a single batch as it is", (t) => {
  const batch = batchOf(3, ["a"]);
  t.is(joinBatches([batch]), batch);
});

test("joinBatches() keeps ids, metadata, sizes of data and timestamps", (t) => {
  const parts = [batchOf(5, ["a", "bc"]), batchOf(7, ["", "def"], [2, 0]), batchOf(9, ["g"], [7])];
  const joined = joinBatches(parts);
  t.deepEqual(readable(joined), parts.flatMap(readable));
  t.is(joined.next, 10);
});

test("joinBatches() of batches without data has no ends of data", (t) => {
  t.is(joinBatches([batchOf(0, ["a"]), batchOf(1, ["b"])]).dataEnds, undefined);
});
