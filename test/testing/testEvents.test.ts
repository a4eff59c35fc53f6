import test from "ava";
import { map, take } from "rxjs";
import { acknowledge } from "../../operators/acknowledge.ts";
import { processEvents } from "../../operators/processEvents.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { EventLog } from "../../src/testing/eventLog.ts";
import { runMarbles } from "../../src/testing/runMarbles.ts";

test("events() numbers the events of each partition, from the last id that was given", (t) => {
  runMarbles(t.deepEqual, ({ events, expectObservable }) => {
    const events$ = events("a-b-c-a|", {
      a: { metadata: 1 },
      b: { metadata: 2, partition: 1 },
      c: { metadata: 3, id: 7 },
    });

    expectObservable(events$.pipe(map(({ partition, id, metadata }) => [partition, id, metadata]))).toBe("w-x-y-z|", {
      w: [0, 0, 1],
      x: [1, 0, 2],
      y: [0, 7, 3],
      z: [0, 8, 1],
    });
  });
});

test("events() lets a letter stand for itself", (t) => {
  runMarbles(t.deepEqual, ({ events, expectEvents }) => {
    expectEvents(events("-a#", undefined, "lost")).toBe("-a#", { a: { partition: 0, id: 0, metadata: "a" } }, "lost");
  });
});

test("events() tells its subscriptions", (t) => {
  runMarbles(t.deepEqual, ({ events, expectEvents, expectSubscriptions }) => {
    const events$ = events("a-b-c|");

    expectEvents(events$.pipe(take(1))).toBe("(a|)", { a: { partition: 0, id: 0, metadata: "a" } });
    expectEvents(events$, "^--!").toBe("a-b", {
      a: { partition: 0, id: 0, metadata: "a" },
      b: { partition: 0, id: 1, metadata: "b" },
    });
    expectSubscriptions(events$.subscriptions).toBe(["(^!)", "^--!"]);
  });
});

test("events() holds and acknowledges as a consumer's events do", (t) => {
  runMarbles(t.deepEqual, ({ cold, events, expectAcknowledged, flush }) => {
    const events$ = events("(ab)");
    const durations: Record<string, string> = { a: "---|", b: "-|" };
    events$.pipe(processEvents(({ metadata }) => cold(durations[metadata]!), { concurrency: 2 })).subscribe();

    // The second event is done first, and is acknowledged only together with the first one.
    expectAcknowledged(events$).toBe("---a", { a: [0, 1] });
    flush();
    t.is(events$.log.held, 0);
  });
});

test("events() notes what is done with them in a log that was handed in", (t) => {
  runMarbles(t.deepEqual, ({ cold, events, expectAcknowledged, expectObservable }) => {
    const fenced = new SluiceError("ERR_FENCED", "lost");
    const log = new EventLog({ store: ([, id]) => (id === 0 ? cold("--|") : cold("-#", {}, fenced)) });
    const events$ = events("a-b", undefined, undefined, log);
    const outcomes$ = events$.pipe(
      map((event) => event.acknowledge()),
      map((future) => future.completed),
    );

    expectObservable(outcomes$).toBe("x-x", { x: false });
    expectAcknowledged({ log }).toBe("--a", { a: [0, 0] });
  });
});

test("events() stores acknowledgements together that are given while one is being stored", (t) => {
  runMarbles(t.deepEqual, ({ cold, events, expectAcknowledged }) => {
    const log = new EventLog({ store: () => cold("--|") });
    events("(abc)", undefined, undefined, log).pipe(acknowledge()).subscribe();

    expectAcknowledged({ log }).toBe("--a-b", { a: [0, 0], b: [0, 2] });
  });
});
