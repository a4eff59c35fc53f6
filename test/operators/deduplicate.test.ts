import test from "ava";
import { deduplicate } from "../../operators/deduplicate.ts";
import { boom, marbles, standardCases } from "./helpers.ts";

let fresh = 0;
standardCases(test, "deduplicate()", { operator: () => deduplicate({ keyOf: () => fresh++ }), value: () => "v" });

const byValue = () => deduplicate<string>({ keyOf: (value) => value });

test("deduplicate() leaves out a key that has passed before", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-a-a-c-b-|");
    const subs = "       ^------------!";
    const expected = "   -a-b-----c---|";
    expectObservable(source.pipe(byValue())).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("deduplicate() forgets the oldest of 'maxKeys' keys", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("-a-b-b-c-b-a-|");
    const expected = "   -a-b---c---a-|";
    expectObservable(source.pipe(deduplicate({ keyOf: (value) => value, maxKeys: 2 }))).toBe(expected);
  });
});

test("deduplicate() leaves out a sequence number that is not above the highest of its producer", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const places = {
      a: { producer: "p", sequence: 0 },
      b: { producer: "p", sequence: 1 },
      c: { producer: "q", sequence: 0 },
      u: undefined,
    };
    const source = cold("-a-b-a-c-u-u-b-|", places);
    const expected = "   -a-b---c-u-u---|";
    expectObservable(source.pipe(deduplicate({ sequenceOf: (place) => place }))).toBe(expected, places);
  });
});

test("deduplicate() remembers nothing from one subscription to the next", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const result = cold("-a-a-|").pipe(byValue());
    expectObservable(result).toBe("-a---|");
    expectObservable(result).toBe("-a---|");
  });
});

test("deduplicate() fails with what 'keyOf' throws", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-|");
    expectObservable(source.pipe(deduplicate({ keyOf: boom }))).toBe("-#", undefined, new Error("boom"));
    expectSubscriptions(source.subscriptions).toBe("^!");
  });
});

test("deduplicate() fails with what 'sequenceOf' throws", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-a-b-|").pipe(deduplicate({ sequenceOf: boom }))).toBe("-#", undefined, new Error("boom"));
  });
});

test("deduplicate() refuses options that are wrong", (t) => {
  t.throws(() => deduplicate({ keyOf: 1 as never }), { instanceOf: TypeError });
  t.throws(() => deduplicate({ sequenceOf: 1 as never }), { instanceOf: TypeError });
  t.throws(() => deduplicate({ keyOf: String, maxKeys: 0 }), { instanceOf: RangeError });
});
