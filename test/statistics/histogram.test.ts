import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { Histogram } from "../../src/statistics/histogram.ts";

test("a histogram of nothing has no spread", (t) => {
  t.is(new Histogram().spread(), undefined);
});

test("a histogram of one value knows it exactly", (t) => {
  const histogram = new Histogram();
  histogram.record(3.7, 5);
  t.deepEqual(histogram.spread(), { count: 5, min: 3.7, p50: 3.7, p99: 3.7, max: 3.7 });
});

testProp(
  "the percentiles of a histogram are within five in a hundred of the true ones, its bounds exact",
  [
    fc.array(fc.oneof(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 1, max: 1e6, noNaN: true })), {
      minLength: 1,
      maxLength: 300,
    }),
  ],
  (t, values) => {
    const histogram = new Histogram();
    for (const value of values) histogram.record(value);
    const sorted = values.toSorted((a, b) => a - b);
    const spread = histogram.spread()!;
    t.is(spread.count, values.length);
    t.is(spread.min, sorted[0]!);
    t.is(spread.max, sorted.at(-1)!);
    for (const [share, guess] of [
      [0.5, spread.p50],
      [0.99, spread.p99],
    ] as const) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
      t.true(guess >= exact && guess <= Math.max(exact * 1.05, 1 / 64), `${guess} for ${exact}`);
    }
  },
);
