import test from "ava";
import { retryWithBackoff } from "../../operators/retryWithBackoff.ts";
import { boom, marbles, standardCases } from "./helpers.ts";

standardCases(test, "retryWithBackoff()", { operator: () => retryWithBackoff<string>({ count: 0 }), value: () => "v" });

test("retryWithBackoff() doubles each wait up to 'maxDelay', then fails with the last error", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("a-#");
    const subs = ["^-!", "----^-!", "----------^-!", "----------------^-!"];
    const expected = "   a---a-----a-----a-#";
    expectObservable(source.pipe(retryWithBackoff({ count: 3, initialDelay: 2, maxDelay: 4, jitter: 0 }))).toBe(
      expected,
    );
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("retryWithBackoff() lets a source through that does not fail", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("a-b|").pipe(retryWithBackoff())).toBe("a-b|");
  });
});

test("retryWithBackoff() leaves the part of a wait to chance that 'jitter' names", (t) => {
  marbles(t, ({ cold, expectSubscriptions }) => {
    const source = cold("#");
    source
      .pipe(retryWithBackoff({ count: 1, initialDelay: 100, jitter: 0.5, random: () => 1 }))
      .subscribe({ error: () => undefined });
    expectSubscriptions(source.subscriptions).toBe(["(^!)", "50ms (^!)"]);
  });
});

test("retryWithBackoff() fails at once with an error that is not worth a retry", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-#", undefined, "fatal");
    expectObservable(source.pipe(retryWithBackoff({ isRetriable: (error) => error !== "fatal" }))).toBe(
      "-#",
      undefined,
      "fatal",
    );
    expectSubscriptions(source.subscriptions).toBe("^!");
  });
});

test("retryWithBackoff() ends its wait when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-#");
    expectObservable(source.pipe(retryWithBackoff({ initialDelay: 10, jitter: 0 })), "-----!").toBe("------");
    expectSubscriptions(source.subscriptions).toBe("^!");
  });
});

test("retryWithBackoff() fails with what 'isRetriable' or 'random' throws", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-#").pipe(retryWithBackoff({ isRetriable: boom }))).toBe("-#", undefined, new Error("boom"));
    expectObservable(cold("-#").pipe(retryWithBackoff({ random: boom }))).toBe("-#", undefined, new Error("boom"));
  });
});

test("retryWithBackoff() waits a timer's longest time where the waits have no ceiling", (t) => {
  marbles(t, ({ cold, expectSubscriptions }) => {
    const source = cold("#");
    const options = { count: 1, initialDelay: 2 ** 40, maxDelay: Infinity, jitter: 0 };
    source.pipe(retryWithBackoff(options)).subscribe({ error: () => undefined });
    expectSubscriptions(source.subscriptions).toBe(["(^!)", `${2 ** 31 - 1}ms (^!)`]);
  });
});

for (const [options, error] of [
  [{ count: -1 }, RangeError],
  [{ initialDelay: -1 }, RangeError],
  [{ maxDelay: NaN }, RangeError],
  [{ jitter: 1.1 }, RangeError],
  [{ isRetriable: 1 as never }, TypeError],
  [{ random: 1 as never }, TypeError],
] as const) {
  test(`retryWithBackoff() refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => retryWithBackoff(options), { instanceOf: error, message: /current value is/ });
  });
}
