import test from "ava";
import { EMPTY, map, merge, NEVER, of, range, Subject, timer, toArray, type Observable } from "rxjs";
import { batch, type BatchOptions } from "../../operators/batch.ts";
import { boom, marbles, standardCases } from "./helpers.ts";

standardCases(test, "batch()", { operator: () => batch<string>({ batchSize: 1 }), value: () => "v" });

const joined = (options: BatchOptions<string>) => (source: Observable<string>) =>
  source.pipe(
    batch(options),
    map((values) => values.join("")),
  );

test("batch() sends the Nth value's batch without a further push", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b---c-d-");
    const subs = "       ^----------";
    const expected = "   ---x-----y-";
    expectObservable(source.pipe(joined({ batchSize: 2 }))).toBe(expected, { x: "ab", y: "cd" });
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("batch() sends what is not full when 'linger' has passed since its first value", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("-a--b-------------c-|");
    const expected = "   ------x-------------(y|)";
    expectObservable(source.pipe(joined({ batchSize: 9, linger: 5 }))).toBe(expected, { x: "ab", y: "c" });
  });
});

test("batch() counts 'linger' from the first value also while another batch is in flight", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const send = (values: readonly string[]) => cold("20ms (r|)", { r: values.join("") });
    const source = cold("ab----c 100ms -");
    const values = { x: "ab", y: "c" };
    const expected = "   25ms x 19ms y"; // "c" has waited for longer than 5 ms when "ab" is answered.
    expectObservable(source.pipe(batch({ batchSize: 9, linger: 5 }, send))).toBe(expected, values);
    const beside = "     25ms x 5ms y";
    expectObservable(source.pipe(batch({ batchSize: 9, linger: 5, maxBatches: 3 }, send))).toBe(beside, values);
  });
});

test("batch() with an infinite 'linger' waits for the batch to fill", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-a 999ms -b--").pipe(joined({ batchSize: 2, linger: Infinity }))).toBe("- 1s -x--", {
      x: "ab",
    });
  });
});

test("batch() sends a batch that holds 'maxBatchBytes', and a larger value alone", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("-1-2-9-1-|");
    const expected = "   ---x-y---(z|)";
    const rules = { batchSize: 9, maxBatchBytes: 3, sizeOf: Number, linger: 100 };
    expectObservable(source.pipe(joined(rules))).toBe(expected, { x: "12", y: "9", z: "1" });
  });
});

test("batch() sends the rest when its source completes, and before the error of its source", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-a-b-c|").pipe(joined({ batchSize: 2 }))).toBe("---x--(y|)", { x: "ab", y: "c" });
    expectObservable(cold("-a-b-c#").pipe(joined({ batchSize: 2 }))).toBe("---x--(y#)", { x: "ab", y: "c" });
  });
});

test("batch() adaptive sends the first value at once, then what gathers while a batch is in flight", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-c------d-|");
    const subs = "       ^-------------!";
    const send = (values: readonly string[]) => cold("----r|", { r: values.join("") });
    const expected = "   -----x----y-----z|";
    expectObservable(source.pipe(batch({ batchSize: "adaptive" }, send))).toBe(expected, { x: "a", y: "bc", z: "d" });
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("batch() adaptive is bounded by 'maxBatchEvents'", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const send = (values: readonly string[]) => cold("---r|", { r: values.join("") });
    const source = cold("(abcde|)");
    expectObservable(source.pipe(batch({ maxBatchEvents: 2, maxBatches: 1 }, send))).toBe("---x---y---z|", {
      x: "a",
      y: "bc",
      z: "de",
    });
  });
});

test("batch() adaptive sends what is full while others are in flight, and lets the rest gather", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const send = (values: readonly string[]) => cold("10ms r|", { r: values.join("") });
    const source = cold("-a-bc-d-- 50ms |");
    const expected = "   11ms x 2ms y 10ms z";
    expectObservable(source.pipe(batch({ maxBatchEvents: 2 }, send)), "- 50ms !").toBe(expected, {
      x: "a",
      y: "bc",
      z: "d",
    });
  });
});

for (const maxBatches of [1, 2, 3, 5]) {
  test(`batch() has ${maxBatches} in flight at most with 'maxBatches' ${maxBatches}`, (t) => {
    marbles(t, ({ flush }) => {
      let now = 0;
      let most = 0;
      const send = () => {
        most = Math.max(most, ++now);
        return timer(5).pipe(map(() => now--));
      };
      range(0, 20)
        .pipe(batch({ batchSize: 1, maxBatches }, send))
        .subscribe();
      flush();
      t.is(most, maxBatches);
      t.is(now, 0);
    });
  });
}

test("batch() tells 'pressure' when 'maxBatches' is reached and when there is room again", (t) => {
  marbles(t, ({ cold, hot, expectObservable }) => {
    const pressure = new Subject<boolean>();
    const source = hot(" -a-b-c------|");
    const send = () => cold("----(r|)");
    const expected = "   ---t---f-----"; // The answer to "a" makes room that "c" takes within the same instant.
    expectObservable(pressure).toBe(expected, { t: true, f: false });
    source.pipe(batch({ batchSize: 1, maxBatches: 2, pressure }, send)).subscribe();
  });
});

test("batch() leaves a place in flight for what fills when it sends a batch that is not full", (t) => {
  marbles(t, ({ hot, cold, expectObservable, flush }) => {
    const pressure = new Subject<boolean>();
    const told: boolean[] = [];
    pressure.subscribe((pressed) => told.push(pressed));
    const source = hot(" -ab-c-------|");
    const flushes = hot("---f-f-------");
    const send = (values: readonly string[]) => cold("-----(r|)", { r: values.join("") });
    const rules = { batchSize: 9, linger: Infinity, flush: flushes, pressure };
    expectObservable(source.pipe(batch(rules, send))).toBe("--------x----(y|)", { x: "ab", y: "c" });
    flush();
    t.deepEqual(told, []);
  });
});

test("batch() sends what has been gathered when 'flush' emits, as soon as there is room", (t) => {
  marbles(t, ({ cold, hot, expectObservable }) => {
    const source = hot("-a-b-----c---|");
    const flush = hot(" ----f----f----");
    const expected = "  ------x----y-|";
    const send = (values: readonly string[]) => cold("--(r|)", { r: values.join("") });
    const rules = { batchSize: 9, linger: Infinity, flush };
    expectObservable(source.pipe(batch(rules, send))).toBe(expected, { x: "ab", y: "c" });
  });
});

test("batch() fails with the error of 'flush'", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a--");
    expectObservable(source.pipe(batch({ batchSize: 2, flush: cold("--#") }))).toBe("--#");
    expectSubscriptions(source.subscriptions).toBe("^-!");
  });
});

test("batch() fails with what 'project' throws, and unsubscribes", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a--");
    expectObservable(source.pipe(batch({}, boom))).toBe("-#", undefined, new Error("boom"));
    expectSubscriptions(source.subscriptions).toBe("^!");
  });
});

test("batch() fails with the error of an answer", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-a--b-").pipe(batch({}, () => cold("--#")))).toBe("---#");
  });
});

test("batch() fails with what 'sizeOf' throws, once what was gathered before is sent", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const sizeOf = (value: string) => (value === "c" ? boom() : 1);
    expectObservable(cold("-a-b-c-d-|").pipe(joined({ batchSize: 9, sizeOf, linger: Infinity }))).toBe(
      "-----(x#)",
      { x: "ab" },
      new Error("boom"),
    );
  });
});

test("batch() fails with what the observer 'pressure' throws", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const rules = { batchSize: 1, maxBatches: 1, pressure: { next: boom } };
    expectObservable(cold("-a--").pipe(batch(rules, () => NEVER))).toBe("-#", undefined, new Error("boom"));
  });
});

test("batch() stops the batch in flight when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-----|");
    const answer = cold(" -----r|");
    expectObservable(source.pipe(batch({}, () => answer)), "---!").toBe("----");
    expectSubscriptions(source.subscriptions).toBe("^--!");
    expectSubscriptions(answer.subscriptions).toBe("-^-!");
  });
});

test("batch() keeps order when an answer brings another value", (t) => {
  const source = new Subject<number>();
  const seen: (readonly number[])[] = [];
  source.pipe(batch({ batchSize: 1 })).subscribe((values) => {
    seen.push(values);
    if (values[0]! < 5) source.next(values[0]! + 1);
  });
  source.next(1);
  t.deepEqual(seen, [[1], [2], [3], [4], [5]]);
});

test("batch() does not recurse when answers come at once", async (t) => {
  const sent = await new Promise((resolve) => {
    range(0, 100_000)
      .pipe(
        batch({ batchSize: 1 }, (values) => of(values)),
        toArray(),
      )
      .subscribe((all) => resolve(all.length));
  });
  t.is(sent, 100_000);
});

test("batch() accepts answers that are empty", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-a-b-|").pipe(batch({ batchSize: 1 }, () => EMPTY))).toBe("-----|");
  });
});

test("batch() serves several subscriptions with a state of their own", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const operator = joined({ batchSize: 2 });
    expectObservable(merge(cold("-a-b-|").pipe(operator), cold("c---d|").pipe(operator))).toBe("---xy|", {
      x: "ab",
      y: "cd",
    });
  });
});

for (const [options, error] of [
  [{ batchSize: 0 }, RangeError],
  [{ batchSize: 1.5 }, RangeError],
  [{ batchSize: "big" as "adaptive" }, TypeError],
  [{ maxBatchEvents: 0 }, RangeError],
  [{ maxBatchBytes: 0 }, RangeError],
  [{ linger: -1 }, RangeError],
  [{ linger: NaN }, RangeError],
  [{ maxBatches: 0 }, RangeError],
  [{ sizeOf: 7 as never }, TypeError],
] as const) {
  test(`batch() refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => batch(options), { instanceOf: error, message: /current value is/ });
  });
}
