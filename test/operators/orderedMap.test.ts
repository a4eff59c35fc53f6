import test from "ava";
import { EMPTY, map, NEVER, Observable, of, range, Subject, take, timer } from "rxjs";
import { orderedMap } from "../../operators/orderedMap.ts";
import { boom, marbles, standardCases } from "./helpers.ts";

standardCases(test, "orderedMap()", { operator: () => orderedMap((value: string) => of(value)), value: () => "v" });

test("orderedMap() emits in the order of the source while the inner streams overlap", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const inner = { a: cold("-----x|"), b: cold("-y|"), c: cold("--z|") };
    const source = cold("abc|");
    const subs = "       ^--!";
    const expected = "   -----x(yz|)";
    expectObservable(source.pipe(orderedMap((name) => inner[name as keyof typeof inner]))).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
    expectSubscriptions(inner.a.subscriptions).toBe("^-----!");
    expectSubscriptions(inner.b.subscriptions).toBe("-^-!");
    expectSubscriptions(inner.c.subscriptions).toBe("--^--!");
  });
});

test("orderedMap() hands on the values of the inner stream whose turn it is at once", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const inner = { a: cold("-1-2-|"), b: cold("4-5-----6|") };
    const expected = "       -1-2-(45)6|";
    expectObservable(cold("ab|").pipe(orderedMap((name) => inner[name as keyof typeof inner]))).toBe(expected);
  });
});

test("orderedMap() runs no more than 'concurrency' and queues the rest", (t) => {
  marbles(t, ({ flush }) => {
    let now = 0;
    let most = 0;
    const work = (n: number) => {
      most = Math.max(most, ++now);
      return timer(10 - n).pipe(map(() => (now--, n)));
    };
    const seen: number[] = [];
    range(0, 9)
      .pipe(orderedMap(work, { concurrency: 3 }))
      .subscribe((n) => seen.push(n));
    flush();
    t.is(most, 3);
    t.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

test("orderedMap() lets 'backpressure' hold back what would pile up behind a slow one", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const started: string[] = [];
    const work = (name: string) => {
      started.push(name);
      return name === "a" ? cold("----------x|") : cold("-y|");
    };
    expectObservable(cold("(abcde|)").pipe(orderedMap(work, { concurrency: 2, backpressure: 3 })), "-----!").toBe(
      "------",
    );
    flush();
    t.deepEqual(started, ["a", "b", "c"]);
  });
});

test("orderedMap() fails when the turn of the failed one has come, after the values before it", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const inner = { a: cold("---x|"), b: cold("-#"), c: cold("--") };
    const source = cold("abc---");
    expectObservable(source.pipe(orderedMap((name) => inner[name as keyof typeof inner]))).toBe("---x#");
    expectSubscriptions(source.subscriptions).toBe("^---!");
    expectSubscriptions(inner.c.subscriptions).toBe("--^-!");
  });
});

test("orderedMap() fails with what 'project' throws", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("--a--");
    expectObservable(source.pipe(orderedMap(boom))).toBe("--#", undefined, new Error("boom"));
    expectSubscriptions(source.subscriptions).toBe("^-!");
  });
});

test("orderedMap() stops its inner streams when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const inner = cold("----x|");
    expectObservable(cold("a-b-").pipe(orderedMap(() => inner)), "---!").toBe("----");
    expectSubscriptions(inner.subscriptions).toBe(["^--!", "--^!"]);
  });
});

test("orderedMap() stops an inner stream that emits while it is being subscribed to", (t) => {
  let emitted = 0;
  const endless = new Observable<number>((subscriber) => {
    while (!subscriber.closed && emitted < 1000) subscriber.next(emitted++);
  });
  of("a")
    .pipe(
      orderedMap(() => endless),
      take(3),
    )
    .subscribe();
  t.is(emitted, 3);
});

test("orderedMap() keeps order when a subscriber pushes from next", (t) => {
  const source = new Subject<number>();
  const seen: string[] = [];
  const first = new Subject<string>();
  const second = new Subject<string>();
  const work = (n: number) => (n === 0 ? first : n === 1 ? second : of(`${n}a`, `${n}b`));
  source.pipe(orderedMap(work)).subscribe((value) => {
    seen.push(value);
    if (value === "1a") source.next(2);
    if (value === "1b") source.next(3);
  });
  source.next(0);
  source.next(1);
  second.next("1a");
  second.next("1b");
  second.next("1c");
  second.complete();
  first.complete();
  source.complete();
  t.deepEqual(seen, ["1a", "1b", "1c", "2a", "2b", "3a", "3b"]);
});

test("orderedMap() does not recurse when queued inner streams end at once", (t) => {
  const first = new Subject<number>();
  let seen = 0;
  range(0, 50_000)
    .pipe(orderedMap((n) => (n === 0 ? first : of(n)), { concurrency: 1 }))
    .subscribe(() => seen++);
  first.next(0);
  first.complete();
  t.is(seen, 50_000);
});

test("orderedMap() completes with inner streams that are empty, and not before one that never ends", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("a-b|").pipe(orderedMap(() => EMPTY))).toBe("---|");
    expectObservable(cold("a-b|").pipe(orderedMap(() => NEVER))).toBe("----");
  });
});

test("orderedMap() takes promises", async (t) => {
  const seen: number[] = [];
  await of(2, 1)
    .pipe(orderedMap(async (n) => n))
    .forEach((n) => void seen.push(n));
  t.deepEqual(seen, [2, 1]);
});

test("orderedMap() hands the index to 'project'", (t) => {
  const seen: number[] = [];
  of("a", "b")
    .pipe(orderedMap((_, index) => of(index)))
    .subscribe((index) => seen.push(index));
  t.deepEqual(seen, [0, 1]);
});

for (const options of [
  { concurrency: 0 },
  { concurrency: NaN },
  { backpressure: 3 },
  { concurrency: 4, backpressure: 3 },
]) {
  test(`orderedMap() refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => orderedMap(of, options), { instanceOf: RangeError, message: /current value is/ });
  });
}

test("orderedMap() refuses a 'project' that is no function", (t) => {
  t.throws(() => orderedMap(3 as never), { instanceOf: TypeError });
});
