import test from "ava";
import { from, map, of } from "rxjs";
import { selectData } from "../../operators/selectData.ts";
import { isSluiceError } from "../../src/model/errors.ts";
import { boom, eventLog, fakeEvent, marbles, standardCases } from "./helpers.ts";

const sized = (id: number, size = 8) => fakeEvent(id, eventLog(), { size });

standardCases(test, "selectData()", { operator: () => selectData<number>(() => null), value: () => sized(0) });

test("selectData() notes what was chosen and moves nothing", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-c-|", { a: sized(0), b: sized(1), c: sized(2) });
    const subs = "       ^------!";
    const expected = "   -8-2-n-|";
    const chosen = source.pipe(
      selectData((n, whole) => [whole, whole.makeSubView(1, 2), null][n]),
      map(({ selection, data }) => (data.size === 0 ? String(selection?.size ?? "n") : "moved")),
    );
    expectObservable(chosen).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("selectData() keeps order while an asynchronous selector works on several", async (t) => {
  const waits: (() => void)[] = [];
  const seen: number[] = [];
  const done = from([sized(0), sized(1), sized(2)])
    .pipe(selectData((_, whole) => new Promise((resolve) => waits.push(() => resolve(whole)))))
    .forEach(({ id }) => void seen.push(id));
  t.is(waits.length, 3);
  for (const resolve of waits.toReversed()) resolve();
  await done;
  t.deepEqual(seen, [0, 1, 2]);
});

test("selectData() works on no more than 'concurrency' at once", (t) => {
  let asked = 0;
  from([sized(0), sized(1), sized(2)])
    .pipe(selectData(() => (asked++, new Promise<never>(() => undefined)), 2))
    .subscribe();
  t.is(asked, 2);
});

test("selectData() fails with what the selector throws or rejects with", async (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b", { a: sized(0), b: sized(1) });
    expectObservable(source.pipe(selectData(boom))).toBe("-#", undefined, new Error("boom"));
    expectSubscriptions(source.subscriptions).toBe("^!");
  });
  const rejecting = of(sized(0)).pipe(selectData(async () => boom()));
  await t.throwsAsync(
    rejecting.forEach(() => undefined),
    { message: "boom" },
  );
});

test("selectData() refuses a view of another event, and what is no descriptor", (t) => {
  const other = sized(7).descriptor;
  of(sized(0))
    .pipe(selectData(() => other))
    .subscribe({ error: (error: unknown) => t.true(isSluiceError(error, "ERR_DESCRIPTOR")) });
  t.plan(1);
});

test("selectData() fails with a TypeError when the selector returns what is no descriptor", async (t) => {
  const result = of(sized(0)).pipe(selectData(() => 7 as never));
  await t.throwsAsync(
    result.forEach(() => undefined),
    { instanceOf: TypeError, message: /current value is 7/ },
  );
});

test("selectData() refuses arguments that are wrong", (t) => {
  t.throws(() => selectData(1 as never), { instanceOf: TypeError });
  t.throws(() => selectData(() => null, 0), { instanceOf: RangeError });
});
