import test from "ava";
import {
  catchError,
  EMPTY,
  from,
  map,
  NEVER,
  of,
  Subject,
  throwError,
  timer,
  type Observable,
  type Subscription,
} from "rxjs";
import { processEvents, type EventHandler, type ProcessEventsOptions } from "../../operators/processEvents.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import { boom, eventLog, fakeEvent, marbles, standardCases, type EventLog } from "./helpers.ts";

standardCases(test, "processEvents()", {
  operator: () => processEvents<number>(() => undefined),
  value: () => fakeEvent(0, eventLog()),
});

/** Events named by digits, of one partition, or of partition 1 for letters. */
const eventsOf = (log: EventLog): Record<string, StreamEvent<string>> =>
  Object.fromEntries([
    ...[0, 1, 2, 3, 4, 5].map((id) => [String(id), fakeEvent(id, log, { metadata: String(id) })]),
    ...["a", "b", "c"].map((name, id) => [name, fakeEvent(id, log, { partition: 1, metadata: name })]),
  ]);

/** Handles an event for as many milliseconds as a table says. */
const taking =
  (times: Record<string, number>): EventHandler<string> =>
  ({ metadata }) =>
    timer(times[metadata] ?? 1);

const names =
  (handler: EventHandler<string>, options?: ProcessEventsOptions<string>) =>
  (source: Observable<StreamEvent<string>>): Observable<string> =>
    source.pipe(
      processEvents(handler, options),
      map(({ metadata }) => metadata),
    );

test("processEvents() handles one event at a time and acknowledges each after its handler", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions, flush }) => {
    const log = eventLog();
    const source = cold("(01)--|", eventsOf(log));
    const subs = "       ^-----!";
    const expected = "   --0-1-|";
    expectObservable(source.pipe(names(taking({ 0: 2, 1: 2 })))).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
    flush();
    t.deepEqual(log, { acknowledged: ["0:0", "0:1"], held: 0 });
  });
});

test("processEvents() never acknowledges an event in front of one that is being handled", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    const source = cold("(012)---|", eventsOf(log));
    const expected = "   -2-1----(0|)";
    const acknowledged = source.pipe(
      names(taking({ 0: 8, 1: 3, 2: 1 }), { concurrency: 3 }),
      map((name) => `${name} ${log.acknowledged.join()}`),
    );
    expectObservable(acknowledged).toBe(expected, { 2: "2 ", 1: "1 ", 0: "0 0:2" });
    flush();
  });
});

test("processEvents() holds an event until its handler is done", (t) => {
  marbles(t, ({ cold, flush }) => {
    const log = eventLog();
    const held: number[] = [];
    cold("(012)-|", eventsOf(log))
      .pipe(names(taking({}), { concurrency: 2 }))
      .subscribe(() => held.push(log.held));
    flush();
    t.deepEqual(held, [3, 2, 1]);
    t.is(log.held, 0);
  });
});

test('processEvents() "strict" handles the events of one partition one after the other, those of others beside them', (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const log = eventLog();
    const source = cold("(01ab|)", eventsOf(log));
    const expected = "   -a-b-0-(1|)";
    expectObservable(
      source.pipe(names(taking({ 0: 5, 1: 2, a: 1, b: 2 }), { concurrency: 4, ordering: "strict" })),
    ).toBe(expected);
  });
});

test("processEvents() fails with the error of a handler after those that are running have finished", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions, flush }) => {
    const log = eventLog();
    const started: string[] = [];
    const handler: EventHandler<string> = ({ metadata }) => {
      started.push(metadata);
      return metadata === "1" ? throwError(() => "bad") : timer(4);
    };
    const source = cold("(01)-2--", eventsOf(log));
    expectObservable(source.pipe(names(handler, { concurrency: 2 }))).toBe("----(0#)", undefined, "bad");
    expectSubscriptions(source.subscriptions).toBe("^---!");
    flush();
    t.deepEqual(started, ["0", "1"]);
    t.deepEqual(log, { acknowledged: ["0:0"], held: 0 });
  });
});

test("processEvents() fails with the error of a handler that is still running when its source completes", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    expectObservable(cold("0|", eventsOf(log)).pipe(names(() => cold("--#")))).toBe("--#");
    flush();
    t.deepEqual(log, { acknowledged: [], held: 0 });
  });
});

test("processEvents() fails with what the handler throws", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    expectObservable(cold("-0-1", eventsOf(log)).pipe(names(boom))).toBe("-#", undefined, new Error("boom"));
    flush();
    t.deepEqual(log, { acknowledged: [], held: 0 });
  });
});

test("processEvents() begins nothing after a failure, even when the end of a hold brings the next event", (t) => {
  const source = new Subject<ReturnType<typeof fakeEvent<string>>>();
  const log = eventLog();
  const next = fakeEvent(1, log, { metadata: "1" });
  const failing = fakeEvent(0, log, { metadata: "0" });
  failing.hold = () => () => source.next(next);
  const started: string[] = [];
  source
    .pipe(processEvents(({ metadata }) => (started.push(metadata), boom())))
    .subscribe({ error: (error: Error) => t.is(error.message, "boom") });
  source.next(failing);
  t.deepEqual(started, ["0"]);
  t.plan(2);
});

test("processEvents() finishes what it has taken over when its source ends", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const log = eventLog();
    expectObservable(cold("(01|)", eventsOf(log)).pipe(names(taking({ 0: 2, 1: 2 })))).toBe("--0-(1|)");
    expectObservable(cold("(01#)", eventsOf(log)).pipe(names(taking({ 0: 2, 1: 2 })))).toBe("--0-(1#)");
  });
});

test("processEvents() stops its handlers and ends every hold when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions, flush }) => {
    const log = eventLog();
    const handling = cold("-----|");
    const source = cold("(01)", eventsOf(log));
    expectObservable(source.pipe(names(() => handling)), "---!").toBe("----");
    expectSubscriptions(source.subscriptions).toBe("^--!");
    expectSubscriptions(handling.subscriptions).toBe("^--!");
    flush();
    t.deepEqual(log, { acknowledged: [], held: 0 });
  });
});

test("processEvents() bears a handler that unsubscribes", (t) => {
  const log = eventLog();
  const source = new Subject<ReturnType<typeof fakeEvent<number>>>();
  const subscription: Subscription = source.pipe(processEvents<number>(() => subscription.unsubscribe())).subscribe();
  source.next(fakeEvent(0, log));
  t.deepEqual(log, { acknowledged: [], held: 0 });
});

test("processEvents() retries a handler, and acknowledges after the try that succeeds", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const log = eventLog();
    let tries = 0;
    const handler = () => (++tries < 3 ? throwError(() => "bad") : EMPTY);
    const options = { retry: { count: 2, initialDelay: 2, jitter: 0 } };
    expectObservable(cold("0-------|", eventsOf(log)).pipe(names(handler, options))).toBe("------0-|");
  });
});

test("processEvents() hands an event that cannot be handled to 'deadLetter', then acknowledges it", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    const letters: string[] = [];
    const deadLetter = ({ event, error }: { event: { metadata: string }; error: unknown }) => {
      letters.push(`${event.metadata} ${String(error)}`);
      return cold("--r|");
    };
    const handler: EventHandler<string> = ({ metadata }) => (metadata === "0" ? throwError(() => "bad") : undefined);
    expectObservable(cold("(01|)", eventsOf(log)).pipe(names(handler, { deadLetter }))).toBe("---(01|)");
    flush();
    t.deepEqual(letters, ["0 bad"]);
    t.deepEqual(log.acknowledged, ["0:0", "0:1"]);
  });
});

test("processEvents() fails with what 'deadLetter' throws or fails with", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    const fail = () => throwError(() => "dead");
    expectObservable(cold("-0-", eventsOf(log)).pipe(names(boom, { deadLetter: fail }))).toBe("-#", undefined, "dead");
    expectObservable(cold("-0-", eventsOf(log)).pipe(names(fail, { deadLetter: boom }))).toBe(
      "-#",
      undefined,
      new Error("boom"),
    );
    flush();
    t.deepEqual(log, { acknowledged: [], held: 0 });
  });
});

test("processEvents() does not recurse when handlers are done at once", (t) => {
  const log = eventLog();
  const first = new Subject<never>();
  const count = 20_000;
  let handled = 0;
  const events = Array.from({ length: count }, (_, id) => fakeEvent(id, log));
  from(events)
    .pipe(processEvents<number>(({ id }) => (id === 0 ? first : undefined)))
    .subscribe(() => handled++);
  first.complete();
  t.is(handled, count);
  t.is(log.acknowledged.at(-1), `0:${count - 1}`);
});

test("processEvents() is done with promises, Observables, or at once", async (t) => {
  const log = eventLog();
  const answers = [undefined, Promise.resolve(1), of(1, 2), EMPTY];
  const events = answers.map((_, id) => fakeEvent(id, log));
  await from(events)
    .pipe(processEvents<number>(({ id }) => answers[id]))
    .forEach(() => undefined);
  t.deepEqual(log.acknowledged, ["0:0", "0:1", "0:2", "0:3"]);
});

test("processEvents() waits for a handler that never ends, and for no other", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    const handler: EventHandler<string> = ({ metadata }) => (metadata === "0" ? NEVER : EMPTY);
    expectObservable(
      cold("(01|)", eventsOf(log)).pipe(
        names(handler, { concurrency: 2 }),
        catchError(() => EMPTY),
      ),
    ).toBe("1---");
    flush();
    t.deepEqual(log.acknowledged, []);
  });
});

for (const [options, error] of [
  [{ concurrency: 0 }, RangeError],
  [{ concurrency: 1.5 }, RangeError],
  [{ ordering: "sorted" as "strict" }, RangeError],
  [{ deadLetter: 1 as never }, TypeError],
  [{ retry: { count: -1 } }, RangeError],
] as const) {
  test(`processEvents() refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => processEvents(() => undefined, options), { instanceOf: error, message: /current value is/ });
  });
}

test("processEvents() refuses a handler that is no function", (t) => {
  t.throws(() => processEvents(1 as never), { instanceOf: TypeError });
});
