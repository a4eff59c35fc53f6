import test from "ava";
import { from, map, of, throwError, timer, toArray, type Observable } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { consume } from "../../operators/consume.ts";
import type { DeadLetterMetadata } from "../../operators/deadLetterTo.ts";
import {
  processExactlyOnce,
  type ProcessExactlyOnceOptions,
  type TransactionReceipt,
  type TransformEvent,
} from "../../operators/processExactlyOnce.ts";
import { produce } from "../../operators/produce.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { EventInput } from "../../src/model/draft.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { EventLog } from "../../src/testing/eventLog.ts";
import { FaultPlan } from "../../src/testing/faultPlan.ts";
import { makeEvent } from "../../src/testing/makeEvent.ts";
import { testTopic } from "../../src/testing/testTopic.ts";
import { withFaults } from "../../src/testing/withFaults.ts";
import { boom, later, marbles, standardCases } from "./helpers.ts";

type Text = TopicHandle<string>;

const copy: TransformEvent<string, string> = ({ metadata }) => ({ metadata });

standardCases(test, "processExactlyOnce()", {
  operator: () => processExactlyOnce<string, string>(targetOf().target, copy, { linger: 1 }),
  value: () => makeEvent({ metadata: "made" }),
  isSynchronous: false,
});

/** Two topics of one store, with the faults of both. */
function targetOf() {
  const faults = new FaultPlan();
  const backend = withFaults(memoryBackend(), faults);
  return {
    faults,
    backend,
    source: testTopic<string>({ backend, name: "source" }),
    target: testTopic<string>({
      backend,
      name: "target",
      validator: (text: string) => {
        if (text === "bad") throw new Error("no bad text");
      },
    }),
  };
}

/** Stores events for the source. */
function store(topic: Text, ...texts: readonly string[]): void {
  from(texts.map((metadata) => ({ metadata })))
    .pipe(produce(topic))
    .subscribe();
}

/** What the target holds at the end of the test, in order. */
function textsIn<M>(topic: TopicHandle<M>): M[] {
  const texts: M[] = [];
  consume(topic, "look").subscribe(({ metadata }) => texts.push(metadata));
  return texts;
}

const events = (log: EventLog): Record<string, StreamEvent<string>> =>
  Object.fromEntries("0123456789".split("").map((name, id) => [name, makeEvent({ id, metadata: name, log })]));

const briefly = map(({ consumed, lastId, produced }: TransactionReceipt) => `${consumed} ${lastId} ${produced.length}`);

test("processExactlyOnce() stores what events are turned into, and emits a receipt for each transaction", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target } = targetOf();
    store(source, "a", "b", "c");
    flush();
    const receipts: TransactionReceipt[] = [];
    consume(source, "app", { until: "end" })
      .pipe(processExactlyOnce(target, ({ metadata }) => ({ metadata: `${metadata}!` })))
      .subscribe((receipt) => receipts.push(receipt));
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(texts, ["a!", "b!", "c!"]);
    const produced = [0, 1, 2].map((id) => ({ topic: "target", partition: 0, id, timestamp: 0 }));
    t.deepEqual(receipts, [{ topic: "source", partition: 0, consumed: 3, lastId: 2, produced }]);
  });
});

const forms: Readonly<Record<string, TransformEvent<string, string>>> = {
  "one event": copy,
  "a promise of one": ({ metadata }) => later(1, () => ({ metadata })),
  "a list": ({ metadata }) => [{ metadata }],
  "a promise of a list": ({ metadata }) => later(1, () => [{ metadata }]),
  "an Observable": ({ metadata }) => timer(1).pipe(map((): EventInput<string> => ({ metadata }))),
};
for (const [form, transform] of Object.entries(forms)) {
  test(`processExactlyOnce() takes ${form} of a transform`, (t) => {
    marbles(t, ({ flush }) => {
      const { source, target } = targetOf();
      store(source, "a", "b");
      consume(source, "app").pipe(processExactlyOnce(target, transform)).subscribe();
      flush();
      const texts = textsIn(target);
      flush();
      t.deepEqual(texts, ["a", "b"]);
    });
  });
}

test("processExactlyOnce() takes none or several events of a transform", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target } = targetOf();
    store(source, "a", "none", "b", "null", "later");
    const several: TransformEvent<string, string> = ({ metadata }) => {
      if (metadata === "none") return undefined;
      if (metadata === "null") return null;
      if (metadata === "later") return later(1, () => undefined);
      return [{ metadata }, { metadata: `${metadata}${metadata}` }];
    };
    consume(source, "app").pipe(processExactlyOnce(target, several)).subscribe();
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(texts, ["a", "aa", "b", "bb"]);
  });
});

test("processExactlyOnce() gathers events for as long as it lingers, and while a transaction is under way", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const log = new EventLog({ store: () => timer(3) });
    const source = cold("01-23----|", events(log));
    const expected = "   -----a----(b|)";
    expectObservable(source.pipe(processExactlyOnce(targetOf().target, copy, { linger: 2 }), briefly)).toBe(expected, {
      a: "2 1 2",
      b: "2 3 2",
    });
  });
});

test("processExactlyOnce() forgets what waits when its partition has come back and delivers it once more", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("01-012|", events(new EventLog()));
    const expected = "   ------(a|)";
    expectObservable(source.pipe(processExactlyOnce(targetOf().target, copy, { linger: 20 }), briefly)).toBe(expected, {
      a: "3 2 3",
    });
  });
});

test("processExactlyOnce() makes no transaction larger than its bound, and one of that size at once", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("(01234)--|", events(new EventLog()));
    const expected = "   (ab)-----(c|)";
    expectObservable(
      source.pipe(processExactlyOnce(targetOf().target, copy, { linger: 20, batchSize: 2 }), briefly),
    ).toBe(expected, { a: "2 1 2", b: "2 3 2", c: "1 4 1" });
  });
});

test("processExactlyOnce() keeps the order of the events, however long each takes", (t) => {
  marbles(t, ({ cold, flush }) => {
    const log = new EventLog();
    const slow: TransformEvent<string, string> = ({ metadata }) =>
      timer(10 - Number(metadata)).pipe(map((): EventInput<string> => ({ metadata })));
    cold("(0123|)", events(log))
      .pipe(processExactlyOnce(targetOf().target, slow, { concurrency: 3 }))
      .subscribe();
    flush();
    t.deepEqual(log.transactions.map(textsOf), ["0123".split("")]);
  });
});

test("processExactlyOnce() holds events until their transaction is committed", (t) => {
  marbles(t, ({ cold, flush }) => {
    const log = new EventLog({ store: () => timer(3) });
    const held: number[] = [];
    cold("(01)-2-|", events(log))
      .pipe(processExactlyOnce(targetOf().target, copy))
      .subscribe(() => held.push(log.held));
    flush();
    t.deepEqual(held, [2, 1]);
    t.is(log.held, 0);
  });
});

test("processExactlyOnce() holds nothing any more when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = new EventLog({ store: () => timer(5) });
    const source = cold("(01)-2----|", events(log));
    const unsub = "      ---!";
    expectObservable(source.pipe(processExactlyOnce(targetOf().target, copy)), unsub).toBe("----");
    flush();
    t.is(log.held, 0);
    t.deepEqual(log.acknowledged, [[0, 1]]); // It was under way, so it comes to its end.
  });
});

test("processExactlyOnce() fails with the error of a transform, and nothing of the transaction is stored", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target } = targetOf();
    store(source, "a", "b", "c");
    const errors: unknown[] = [];
    const fails: TransformEvent<string, string> = (event) => (event.metadata === "b" ? boom() : copy(event));
    consume(source, "app")
      .pipe(processExactlyOnce(target, fails, { batchSize: 2 }))
      .subscribe({ error: (error: unknown) => errors.push(String(error)) });
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(errors, ["Error: boom"]);
    t.deepEqual(texts, []);
  });
});

test("processExactlyOnce() fails after what is under way in other partitions has been committed", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const log = new EventLog({ store: () => timer(5) });
    const values = {
      a: makeEvent({ metadata: "a", log }),
      b: makeEvent({ metadata: "b", partition: 1, log }),
    };
    const fails: TransformEvent<string, string> = (event) => (event.partition === 1 ? boom() : copy(event));
    const source = cold("a-b---", values);
    const expected = "   -----(r#)";
    const processed = source.pipe(processExactlyOnce(targetOf().target, fails), briefly);
    expectObservable(processed).toBe(expected, { r: "1 0 1" }, new Error("boom"));
  });
});

for (const [what, value, name] of [
  ["that the target does not accept", { metadata: "bad" }, "ERR_INVALID_METADATA"],
  ["for a partition that there is not", { metadata: "a", partition: 7 }, "ERR_INVALID_PARTITION"],
] as const) {
  test(`processExactlyOnce() fails with ${name} for an event ${what}`, (t) => {
    marbles(t, ({ flush }) => {
      const { source, target } = targetOf();
      store(source, "a");
      const errors: SluiceError[] = [];
      consume(source, "app")
        .pipe(processExactlyOnce(target, () => value))
        .subscribe({ error: (error: SluiceError) => errors.push(error) });
      flush();
      t.deepEqual(
        errors.map(({ code }) => code),
        [name],
      );
    });
  });
}

test("processExactlyOnce() fails with a TypeError for what is no event", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("0", events(new EventLog()));
    const error = new TypeError("'transform' must return events { metadata, data?, partition? }: current value is 5");
    const processed = source.pipe(processExactlyOnce(targetOf().target, (() => [5]) as never));
    expectObservable(processed).toBe("#", undefined, error);
  });
});

test("processExactlyOnce() stores a letter in the place of what cannot be handled, in the same transaction", (t) => {
  marbles(t, ({ flush }) => {
    const { backend, source, target } = targetOf();
    const deadLetter = testTopic<DeadLetterMetadata<string>>({ backend, name: "dead" });
    store(source, "a", "b", "nowhere", "c");
    flush();
    const fragile: TransformEvent<string, string> = (event) => {
      if (event.metadata === "b") boom();
      return event.metadata === "nowhere" ? { metadata: "", partition: 9 } : copy(event);
    };
    const receipts: TransactionReceipt[] = [];
    consume(source, "app")
      .pipe(processExactlyOnce(target, fragile, { deadLetter }))
      .subscribe((receipt) => receipts.push(receipt));
    flush();
    const [texts, letters] = [textsIn(target), textsIn(deadLetter)];
    flush();
    t.deepEqual(texts, ["a", "c"]);
    t.deepEqual(
      letters.map(({ metadata, origin, error }) => [metadata, origin.id, error.code ?? error.message]),
      [
        ["b", 1, "boom"],
        ["nowhere", 2, "ERR_INVALID_PARTITION"],
      ],
    );
    t.is(receipts.length, 1);
  });
});

test("processExactlyOnce() goes on from the last committed position after a failure", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target, faults } = targetOf();
    const failures: unknown[] = [];
    faults.transact.failOnce(new Error("connection reset"));
    store(source, "a", "b", "c");
    process(source, target, { batchSize: 2, failures: { next: (error) => failures.push(String(error)) } });
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(texts, ["a", "b", "c"]);
    t.deepEqual(failures, ["SluiceError: A transaction could not be committed: connection reset"]);
  });
});

test("processExactlyOnce() stores nothing twice when the answer to a transaction is lost", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target, faults } = targetOf();
    faults.transact.loseAnswer(undefined, { times: 2 });
    store(source, "a", "b", "c", "d", "e");
    process(source, target, { batchSize: 2 });
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(texts, ["a", "b", "c", "d", "e"]);
  });
});

test("processExactlyOnce() joins again when it was fenced, and what it had begun with is stored once", (t) => {
  marbles(t, ({ flush, cold }) => {
    const { source, target, faults } = targetOf();
    const failures: unknown[] = [];
    process(source, target, { failures: { next: (error) => failures.push((error as SluiceError).code) } });
    cold("--f---g").subscribe((name) => {
      if (name === "f") faults.fence(0);
      store(source, name);
    });
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(texts, ["f", "g"]);
    t.deepEqual(failures, ["ERR_FENCED"]);
  });
});

test("processExactlyOnce() gives back what it has not begun with when its partition goes", (t) => {
  marbles(t, ({ flush, cold }) => {
    const { source, target, faults } = targetOf();
    store(source, "a", "b");
    process(source, target, { linger: 10 });
    cold("---r").subscribe(() => faults.revoke(0, { away: 5 }));
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(texts, ["a", "b"]);
    t.is(faults.transact.calls.length, 1);
  });
});

test("processExactlyOnce() gives up after as many failures in a row as it is told", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target, faults } = targetOf();
    faults.transact.fail(new SluiceError("ERR_UNREACHABLE", "gone"));
    store(source, "a");
    const errors: unknown[] = [];
    consume(source, "app")
      .pipe(processExactlyOnce(target, copy, { retry: { count: 2 } }))
      .subscribe({ error: (error: SluiceError) => errors.push(error.code) });
    flush();
    t.deepEqual(errors, ["ERR_UNREACHABLE"]);
    t.is(faults.transact.calls.length, 3);
  });
});

test("processExactlyOnce() fails with what could not be committed also where its source ends with that", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target, faults } = targetOf();
    store(source, "a");
    flush();
    faults.transact.fail(new SluiceError("ERR_UNREACHABLE", "gone"));
    const ends: unknown[] = [];
    consume(source, "app", { until: "end" })
      .pipe(processExactlyOnce(target, copy, { retry: { count: 1 } }))
      .subscribe({ error: (error: SluiceError) => ends.push(error.code), complete: () => ends.push("complete") });
    flush();
    t.deepEqual(ends, ["ERR_UNREACHABLE"]);
  });
});

test("processExactlyOnce() does not try again what cannot get better", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target, faults } = targetOf();
    (target.backend.seal() as Observable<void>).subscribe();
    store(source, "a");
    const errors: unknown[] = [];
    consume(source, "app")
      .pipe(processExactlyOnce(target, copy))
      .subscribe({ error: (error: SluiceError) => errors.push(error.code) });
    flush();
    t.deepEqual(errors, ["ERR_TOPIC_SEALED"]);
    t.is(faults.transact.calls.length, 1);
  });
});

test("processExactlyOnce() fails with what its observer of failures throws", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target, faults } = targetOf();
    faults.transact.failOnce();
    store(source, "a");
    const errors: unknown[] = [];
    consume(source, "app")
      .pipe(processExactlyOnce(target, copy, { failures: { next: boom } }))
      .subscribe({ error: (error: unknown) => errors.push(String(error)) });
    flush();
    t.deepEqual(errors, ["Error: boom"]);
  });
});

test("processExactlyOnce() fails with ERR_UNSUPPORTED for events of a backend without transactions", (t) => {
  const event = makeEvent({ metadata: "a" });
  Object.defineProperty(event.source, "transact", {
    value: () => throwError(() => new SluiceError("ERR_UNSUPPORTED", "no transactions")),
  });
  marbles(t, ({ flush }) => {
    const errors: unknown[] = [];
    of(event)
      .pipe(processExactlyOnce(targetOf().target, copy))
      .subscribe({ error: (error: SluiceError) => errors.push(error.code) });
    flush();
    t.deepEqual(errors, ["ERR_UNSUPPORTED"]);
  });
});

test("processExactlyOnce() lets nobody's mistake pass", (t) => {
  const { target } = targetOf();
  const make = (options: object) => () => processExactlyOnce(target, copy, options);
  t.throws(() => processExactlyOnce(undefined as never, copy), { instanceOf: TypeError, message: /'target'/ });
  t.throws(() => processExactlyOnce(target, 5 as never), { instanceOf: TypeError, message: /'transform'/ });
  t.throws(make({ batchSize: 0 }), { instanceOf: RangeError, message: /'batchSize'.*0$/ });
  t.throws(make({ linger: -1 }), { instanceOf: RangeError, message: /'linger'/ });
  t.throws(make({ concurrency: 1.5 }), { instanceOf: RangeError, message: /'concurrency'/ });
  t.throws(make({ deadLetter: {} }), { instanceOf: TypeError, message: /'deadLetter'/ });
  t.throws(make({ retry: { count: -1 } }), { instanceOf: RangeError, message: /'count'/ });
  t.throws(make({ retry: { isRetriable: 1 } }), { instanceOf: TypeError, message: /'isRetriable'/ });
});

test("processExactlyOnce() can be subscribed to again", (t) => {
  marbles(t, ({ flush }) => {
    const { source, target } = targetOf();
    store(source, "a");
    const processed = consume(source, "app", { until: "end" }).pipe(processExactlyOnce(target, copy), toArray());
    const counts: number[] = [];
    processed.subscribe((receipts) => counts.push(receipts.length));
    flush();
    store(source, "b");
    processed.subscribe((receipts) => counts.push(receipts.length));
    flush();
    const texts = textsIn(target);
    flush();
    t.deepEqual(counts, [1, 1]);
    t.deepEqual(texts, ["a", "b"]);
  });
});

function process(source: Text, target: Text, options: ProcessExactlyOnceOptions<string>): void {
  consume(source, "app")
    .pipe(processExactlyOnce(target, copy, options))
    .subscribe();
}

function textsOf({ appends }: EventLog["transactions"][number]): string[] {
  const texts: string[] = [];
  for (const { batch } of appends) {
    let start = 0;
    for (const end of batch.metadataEnds) {
      texts.push(JSON.parse(new TextDecoder().decode(batch.metadata.subarray(start, end))) as string);
      start = end;
    }
  }
  return texts;
}
