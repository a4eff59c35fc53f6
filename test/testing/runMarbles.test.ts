import test from "ava";
import { asapScheduler, of, scheduled, throwError, timer } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { acknowledge } from "../../operators/acknowledge.ts";
import { consume } from "../../operators/consume.ts";
import { produce } from "../../operators/produce.ts";
import { makeEvent } from "../../src/testing/makeEvent.ts";
import { runMarbles } from "../../src/testing/runMarbles.ts";
import { testTopic } from "../../src/testing/testTopic.ts";

test("runMarbles() gives the helpers of RxJS and returns what the test returns", (t) => {
  const answer = runMarbles(t.deepEqual, ({ cold, hot, time, expectObservable, expectSubscriptions }) => {
    const source$ = cold("a-b|");
    expectObservable(source$).toBe("a-b|");
    expectSubscriptions(source$.subscriptions).toBe("^--!");
    expectObservable(hot("-a-|")).toBe("-a-|");
    expectObservable(timer(time("---|"))).toBe("---(a|)", { a: 0 });
    return 7;
  });

  t.is(answer, 7);
});

test("runMarbles() passes on what the assertion throws", (t) => {
  const differ = new Error("they differ");
  const fail = () => {
    throw differ;
  };

  t.is(
    t.throws(() => runMarbles(fail, ({ expectObservable }) => expectObservable(of(1)).toBe("(a|)", { a: 2 }))),
    differ,
  );
});

test("runMarbles() throws when the assertion returns false", (t) => {
  const run = () =>
    runMarbles(
      () => false,
      ({ expectObservable }) => expectObservable(of(1)).toBe("(a|)", { a: 2 }),
    );

  t.throws(run, { message: /^Expected .* but got / });
});

test("runMarbles() refuses an asynchronous test", (t) => {
  t.throws(() => runMarbles(t.deepEqual, () => Promise.resolve()), {
    instanceOf: TypeError,
    message: /must not be asynchronous/,
  });
});

test("runMarbles() refuses what is no function", (t) => {
  t.throws(() => runMarbles("deepEqual" as never, () => {}), {
    instanceOf: TypeError,
    message: /'assertDeepEqual' must be a function/,
  });
  t.throws(() => runMarbles(t.deepEqual, undefined as never), {
    instanceOf: TypeError,
    message: /'test' must be a function/,
  });
});

test("runMarbles() gives real time back when the test throws", async (t) => {
  t.throws(() =>
    runMarbles(t.deepEqual, () => {
      throw new Error("broken");
    }),
  );

  await t.notThrowsAsync(new Promise((resolve) => timer(1).subscribe(resolve)));
});

test("runMarbles() neither waits for what another test has put off, nor keeps it from running", async (t) => {
  const log: string[] = [];
  asapScheduler.schedule(() => log.push("real"));
  runMarbles(t.deepEqual, ({ expectObservable }) => {
    asapScheduler.schedule(() => log.push("virtual"));
    expectObservable(scheduled(["a"], asapScheduler)).toBe("(a|)");
  });

  t.deepEqual(log, ["virtual"]);
  await new Promise((resolve) => asapScheduler.schedule(resolve));
  t.deepEqual(log, ["virtual", "real"]);
});

test("inputs() makes what a producer gets", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectObservable }) => {
    expectObservable(inputs("a-b#", { a: { n: 1 } }, "lost")).toBe(
      "a-b#",
      { a: { metadata: { n: 1 } }, b: { metadata: "b" } },
      "lost",
    );
  });
});

test("expectStored(), expectReceipts() and expectEvents() follow events through a topic", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectStored, expectReceipts, expectEvents }) => {
    const topic = testTopic<string>({ backend: memoryBackend(), partitions: 2 });
    const values = {
      a: { partition: 0, id: 0, metadata: "a" },
      b: { partition: 1, id: 0, metadata: "b" },
      c: { partition: 0, id: 1, metadata: "c" },
    };

    expectReceipts(inputs("-a-b-c|").pipe(produce(topic))).toBe("-a-b-c|", { a: [0, 0], b: [1, 0], c: [0, 1] });
    expectStored(topic).toBe("-a-b-c", values);
    expectEvents(consume(topic, "app2"), "  ^---!").toBe("-a-b", values);
  });
});

test("expectReceipts() expects errors too", (t) => {
  runMarbles(t.deepEqual, ({ expectReceipts }) => {
    expectReceipts(throwError(() => "lost")).toBe("#", undefined, "lost");
  });
});

test("expectEvents() compares the data that was brought", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectEvents, expectStored }) => {
    const topic = testTopic<string>({ backend: memoryBackend() });
    const data = Uint8Array.of(1, 2, 3);
    cold("-a", { a: { metadata: "a", data } })
      .pipe(produce(topic))
      .subscribe();

    const some = consume(topic, "app2", { dataSelector: (_metadata, descriptor) => descriptor.makeSubView(1, 2) });
    expectEvents(some).toBe("-a", { a: { partition: 0, id: 0, metadata: "a", data: Uint8Array.of(2, 3) } });
    expectEvents(consume(topic, "app3")).toBe("-a", { a: { partition: 0, id: 0, metadata: "a" } });
    expectStored(topic).toBe("-a", { a: { partition: 0, id: 0, metadata: "a", data } });
  });
});

test("expectAcknowledged() expects what a consumer acknowledges", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectAcknowledged }) => {
    const topic = testTopic<string>({ backend: memoryBackend() });
    inputs("-a--b").pipe(produce(topic)).subscribe();
    consume(topic, "app2").pipe(acknowledge()).subscribe();

    expectAcknowledged(topic, "app2").toBe("-a--b", { a: [0, 0], b: [0, 1] });
    expectAcknowledged(topic, "app3").toBe("-");
  });
});

test("expectAcknowledged() expects what becomes of events that a test made", (t) => {
  runMarbles(t.deepEqual, ({ events, expectAcknowledged }) => {
    const events$ = events("-a-b|");
    const event = makeEvent({ metadata: "alone", id: 4 });
    events$.pipe(acknowledge()).subscribe();
    timer(2).subscribe(() => void event.acknowledge());

    expectAcknowledged(events$).toBe("-a-b", { a: [0, 0], b: [0, 1] });
    expectAcknowledged(event).toBe("--a", { a: [0, 4] });
  });
});
