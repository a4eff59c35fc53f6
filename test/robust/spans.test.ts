import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { Spans } from "../../operators/internal/robust/spans.ts";

test("a position counts from the origin of its run, without those that were put aside", (t) => {
  const spans = new Spans([
    { producer: "a", origin: 0, isMet: true },
    { producer: "b", origin: 10, isMet: true },
  ]);
  spans.bury(3);
  spans.bury(12);
  t.deepEqual(spans.at(2), { producer: "a", sequence: 2, isMet: true, end: 10 });
  t.deepEqual(spans.at(4), { producer: "a", sequence: 3, isMet: true, end: 10 });
  t.deepEqual(spans.at(13), { producer: "b", sequence: 2, isMet: true, end: Infinity });
  t.is(spans.countBefore(10), 9);
  t.is(spans.countBefore(13), 2);
});

test("a run that begins where another one does takes its place", (t) => {
  const spans = new Spans([{ producer: "a", origin: 0, isMet: true }]);
  spans.begin({ producer: "b", origin: 5, isMet: true });
  spans.begin({ producer: "c", origin: 5, isMet: true });
  spans.begin({ producer: "d", origin: 2, isMet: true });
  t.deepEqual(
    spans.all.map(({ producer, origin }) => [producer, origin]),
    [
      ["a", 0],
      ["d", 2],
      ["c", 5],
    ],
  );
});

const shape = fc.record({
  origins: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }),
  dead: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 10 }),
  forget: fc.integer({ min: 0, max: 40 }),
});

testProp(
  "places are those that counting one by one gives, also after what is done has been forgotten",
  [shape],
  (t, { origins, dead, forget }) => {
    const spans = new Spans([{ producer: "first", origin: 0, isMet: true }]);
    for (const origin of origins) spans.begin({ producer: `run ${origin}`, origin, isMet: true });
    for (const position of dead) spans.bury(position);
    const expected = new Map<number, { producer: string; sequence: number }>();
    const counts = new Map<string, number>();
    const last = (position: number) => spans.all.filter(({ origin }) => origin <= position).at(-1)!.producer;
    for (let position = 0; position < 45; position++) {
      const producer = last(position);
      const sequence = counts.get(producer) ?? 0;
      expected.set(position, { producer, sequence });
      if (!dead.includes(position)) counts.set(producer, sequence + 1);
    }
    spans.forgetBefore(forget);
    for (let position = forget; position < 45; position++) {
      const { producer, sequence } = spans.at(position);
      t.deepEqual({ producer, sequence }, expected.get(position));
      const { from, to } = spans.living(position, 45);
      t.true(from === 45 || !dead.includes(from));
      t.true(to === 45 || dead.includes(to));
    }
  },
);
