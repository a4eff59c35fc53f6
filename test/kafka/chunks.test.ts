import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { touchedChunks } from "../../backends/kafka/chunkStore.ts";
import { chunksAt, formatChunks, InlineData, locationOf, parseChunks } from "../../backends/kafka/records/location.ts";
import { DataWalker, Slices } from "../../backends/kafka/records/slices.ts";
import type { EventBatch } from "../../src/index.ts";

test("where chunks are is written as text and read again", (t) => {
  const chunks = {
    size: 1_000_000,
    chunkBytes: 262_144,
    runs: [
      [1200, 3],
      [1204, 1],
    ],
  } as const;
  const text = formatChunks(chunks);

  t.is(text, "1000000/262144:1200+3,1204+1");
  t.deepEqual(parseChunks(text), {
    size: 1_000_000,
    chunkBytes: 262_144,
    runs: [
      [1200, 3],
      [1204, 1],
    ],
  });
  t.deepEqual(chunksAt(locationOf({ where: "chunks", text })), parseChunks(text));
  t.is(locationOf({ where: "chunks", text }).size, 1_000_000);
});

testProp("text that is no list of chunks is nothing", [fc.string()], (t, text) => {
  t.is(parseChunks(text), undefined);
});

test("a list of chunks that are too few for the size is nothing", (t) => {
  t.is(parseChunks("1000/100:0+9"), undefined);
  t.is(parseChunks("1000/0:0+9"), undefined);
});

test("a descriptor of data in its record carries one byte", (t) => {
  const location = new InlineData(new Uint8Array(1000));

  t.is(location.length, 1);
  t.is(chunksAt(location), undefined);
  t.is(location.slice().length, 1);
});

testProp(
  "the chunks that are touched are those that hold a byte of the ranges",
  [fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 30 })), { maxLength: 6 }), fc.integer({ min: 1, max: 17 })],
  (t, gaps, chunkBytes) => {
    let at = 0;
    const ranges = gaps.map(([gap, size]) => {
      const offset = at + gap;
      at = offset + size;
      return [offset, size] as const;
    });
    const brute = new Set<number>();
    for (const [offset, size] of ranges)
      for (let i = 0; i < size; i++) brute.add(Math.floor((offset + i) / chunkBytes));

    t.deepEqual([...touchedChunks(Float64Array.from(ranges.flat()), chunkBytes)], [...brute]);
  },
);

testProp(
  "the data of events is found in its segments, in whatever pieces it is asked for",
  [
    fc.array(fc.uint8Array({ maxLength: 9 }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat(8), { maxLength: 8 }),
    fc.integer({ min: 1, max: 5 }),
  ],
  (t, segments, cuts, piece) => {
    const all = Buffer.concat(segments);
    const ends = [...cuts.map((cut) => Math.min(cut * 3, all.length)), all.length].sort((a, b) => a - b);
    const batch = { data: segments, dataEnds: Float64Array.from(ends), count: ends.length } as unknown as EventBatch;
    const walker = new DataWalker(batch);
    for (const [index, end] of ends.entries()) {
      const start = ends[index - 1] ?? 0;
      const found: number[] = [];
      for (let from = 0; from < end - start; from += piece) {
        const slices = new Slices();
        walker.addTo(slices, index, from, Math.min(piece, end - start - from));
        found.push(...slices.toUint8Array());
      }
      t.deepEqual(found, [...all.subarray(start, end)]);
    }
  },
);
