import test from "ava";
import { from, map, take } from "rxjs";
import { acknowledgeEvery } from "../../operators/acknowledgeEvery.ts";
import { eventLog, fakeEvent, marbles, standardCases } from "./helpers.ts";

standardCases(test, "acknowledgeEvery()", {
  operator: () => acknowledgeEvery<number>(2),
  value: () => fakeEvent(0, eventLog()),
});

test("acknowledgeEvery() acknowledges every nth event, and the last one when the stream completes", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const log = eventLog();
    const [a, b, c] = [fakeEvent(0, log), fakeEvent(1, log), fakeEvent(2, log)];
    const source = cold("-a-b-c-|", { a, b, c });
    const subs = "       ^------!";
    const expected = "   -0-1-1-|";
    const counts = source.pipe(
      acknowledgeEvery(2),
      map(() => String(log.acknowledged.length)),
    );
    expectObservable(counts).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

const acknowledgedOf = (count: number, places: readonly (readonly [partition: number, id: number])[]) => {
  const log = eventLog();
  from(places.map(([partition, id]) => fakeEvent(id, log, { partition })))
    .pipe(acknowledgeEvery(count))
    .subscribe();
  return log.acknowledged;
};

test("acknowledgeEvery() counts each partition for itself", (t) => {
  const places = [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
    [0, 2],
  ] as const;
  t.deepEqual(acknowledgedOf(2, places), ["0:1", "1:1", "0:2"]);
});

test("acknowledgeEvery() acknowledges nothing twice at the end", (t) => {
  t.deepEqual(
    acknowledgedOf(1, [
      [0, 0],
      [0, 1],
    ]),
    ["0:0", "0:1"],
  );
  t.deepEqual(
    acknowledgedOf(2, [
      [0, 0],
      [0, 1],
    ]),
    ["0:1"],
  );
});

test("acknowledgeEvery() acknowledges no event that has not passed", (t) => {
  const log = eventLog();
  from([0, 1, 2].map((id) => fakeEvent(id, log)))
    .pipe(acknowledgeEvery(1), take(1))
    .subscribe();
  t.deepEqual(log.acknowledged, ["0:0"]);
});

test("acknowledgeEvery() acknowledges nothing more when its source fails or it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    const a = fakeEvent(0, log);
    expectObservable(cold("-a-#", { a }).pipe(acknowledgeEvery(2))).toBe("-a-#", { a });
    expectObservable(cold("-a--|", { a }).pipe(acknowledgeEvery(2)), "---!").toBe("-a--", { a });
    flush();
    t.deepEqual(log.acknowledged, []);
  });
});

test("acknowledgeEvery() counts anew with each subscription", (t) => {
  const operator = acknowledgeEvery<number>(2);
  const log = eventLog();
  for (const id of [0, 1])
    from([fakeEvent(id, log)])
      .pipe(operator, take(1))
      .subscribe();
  t.deepEqual(log.acknowledged, []);
});

for (const count of [0, 1.5, NaN]) {
  test(`acknowledgeEvery() refuses ${count}`, (t) => {
    t.throws(() => acknowledgeEvery(count), { instanceOf: RangeError, message: /current value is/ });
  });
}
