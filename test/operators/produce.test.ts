import test from "ava";
import {
  catchError,
  concat,
  from,
  map,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  tap,
  throwError,
  timer,
  type ObservableInput,
} from "rxjs";
import { produce, type ProduceOptions } from "../../operators/produce.ts";
import type { BackendPartition } from "../../src/model/backend.ts";
import type { Appended, EventBatch } from "../../src/model/batch.ts";
import type { EventInput } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import type { Rejection } from "../../src/model/rejection.ts";
import { fromFunction } from "../../src/model/validators/fromFunction.ts";
import { boom, fakePartition, fakeTopic, later, marbles, memoryTopic, standardCases } from "./helpers.ts";

const instant = () => of<Appended>({ firstId: 0 });

standardCases(test, "produce()", {
  operator: () => produce(fakeTopic({ partitions: [fakePartition({ append: instant })] })),
  value: () => ({ metadata: "v" }),
});

/** A partition that numbers its events and takes as long as a diagram or a function says. */
function partition(answer: () => Observable<unknown>, stored: string[] = []): BackendPartition {
  let next = 0;
  return fakePartition({
    append: (batch: EventBatch) => {
      const firstId = next;
      next += batch.count;
      return answer().pipe(
        tap(() => stored.push(new TextDecoder().decode(batch.metadata))),
        map(() => ({ firstId })),
      );
    },
  });
}

const inputs = Object.fromEntries(Array.from("abcdefXY", (metadata) => [metadata, { metadata }])) as Record<
  string,
  EventInput<string>
>;

/** Refuses `X` at once and `Y` after 3 ms. */
const validator = fromFunction<string>((metadata) => {
  if (metadata === "X") boom();
  return metadata === "Y" ? later<void>(3, boom) : undefined;
});

const ids = (source: Observable<Receipt>) =>
  source.pipe(
    map(({ id }) => String(id)),
    catchError((error: unknown) => throwError(() => codeOf(error))),
  );
const codeOf = (error: unknown) =>
  error instanceof SluiceError ? error.code : error instanceof Error ? error.message : error;

const producing =
  (append: () => Observable<unknown>, options?: ProduceOptions<string>, stored?: string[]) =>
  (source: ObservableInput<EventInput<string>>) =>
    ids(
      produce(
        fakeTopic<string>({ partitions: [partition(append, stored)], components: { validator } }),
        options,
      )(source),
    );

test("produce() emits a receipt for each event once it is stored", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-abc--------|", inputs);
    const subs = "       ^-----------!";
    const append = () => cold("--r|");
    const expected = "   ---0-(12)---|";
    expectObservable(source.pipe(producing(append))).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("produce() completes once everything is stored", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("ab|", inputs).pipe(producing(() => cold("---r|")))).toBe("---0--(1|)");
  });
});

test("produce() names the topic, the partition, the id and the time in its receipts", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const topic = fakeTopic<string>({
      partitions: [fakePartition({ append: () => of({ firstId: 5, ids: Float64Array.of(5) }) })],
    });
    expectObservable(cold("--a|", inputs).pipe(produce(topic))).toBe("--r|", {
      r: { topic: "t", partition: 0, id: 5, timestamp: 2 },
    });
  });
});

test("produce() sends the events of each partition in batches of its own", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const partitions = [0, 1].map((index) => ({ ...partition(() => cold("-r|")), index }));
    const source = cold("(abcd|)", inputs);
    const topic = fakeTopic<string>({ partitions });
    const places = produce(topic, { batchSize: 2 })(source).pipe(
      map((receipt) => `${receipt.partition}:${receipt.id}`),
    );
    expectObservable(places).toBe("-(wxyz|)", { w: "0:0", x: "0:1", y: "1:0", z: "1:1" });
  });
});

test("produce() stores what was accepted, then fails with the error of its source", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("a-#", inputs);
    expectObservable(source.pipe(producing(() => cold("-----r|")))).toBe("-----(0#)");
    expectSubscriptions(source.subscriptions).toBe("^-!");
  });
});

test('produce() fails at a rejected event under "fail", after all before it is stored', (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const stored: string[] = [];
    const source = cold("a-X-b-", inputs);
    expectObservable(source.pipe(producing(() => cold("-----r|"), {}, stored))).toBe(
      "-----(0#)",
      undefined,
      "ERR_INVALID_METADATA",
    );
    expectSubscriptions(source.subscriptions).toBe("^-!");
  });
});

test("produce() fails at an event that is rejected after its source has completed", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("Y|", inputs).pipe(producing(instant))).toBe("---#", undefined, "ERR_INVALID_METADATA");
  });
});

test('produce() leaves a rejected event out under "skip"', (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("a-X-b|", inputs).pipe(producing(instant, { rejected: "skip" }))).toBe("0---1|");
  });
});

test("produce() hands a rejected event to an observer", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const rejected = new Subject<Rejection<string>>();
    const reports = rejected.pipe(map(({ metadata, error }) => `${metadata} ${String(codeOf(error))}`));
    expectObservable(reports).toBe("-x---y", { x: "X ERR_INVALID_METADATA", y: "Y ERR_INVALID_METADATA" });
    expectObservable(cold("aXY---b|", inputs).pipe(producing(instant, { rejected }))).toBe("0-----1|");
  });
});

test("produce() fails with what an observer of rejected events throws, and loses nothing that was accepted", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const options = { rejected: { next: boom } };
    expectObservable(cold("a-X-b-", inputs).pipe(producing(() => cold("-----r|"), options))).toBe(
      "-----(0#)",
      undefined,
      "boom",
    );
  });
});

test("produce() fails when a batch cannot be stored, also after its source has completed", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("a--------", inputs).pipe(producing(() => cold("--#")))).toBe(
      "--#",
      undefined,
      "ERR_STORAGE",
    );
    expectObservable(cold("a|", inputs).pipe(producing(() => cold("--#")))).toBe("--#", undefined, "ERR_STORAGE");
    expectObservable(cold("a|", inputs).pipe(producing(boom))).toBe("#", undefined, "ERR_STORAGE");
  });
});

for (const [name, input] of [
  ["null", null],
  ["a string", "a"],
  ["no metadata", {}],
  ["data that is not bytes", { metadata: "a", data: 7 }],
  ["a partition that is no number", { metadata: "a", partition: "1" }],
] as const) {
  test(`produce() fails with a TypeError when an event is ${name}`, (t) => {
    const result = of(input as unknown as EventInput<string>).pipe(produce(fakeTopic<string>()));
    result.subscribe({ error: (error: unknown) => t.true(error instanceof TypeError) });
    t.plan(1);
  });
}

test("produce() fails with ERR_INVALID_PARTITION when the requested partition does not exist", (t) => {
  of({ metadata: "a", partition: 7 })
    .pipe(ids0())
    .subscribe({ error: (code: unknown) => t.is(code, "ERR_INVALID_PARTITION") });
  t.plan(1);
});

const ids0 = () => producing(instant);

test("produce() stops what is in flight when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-", inputs);
    const append = cold("----r|");
    expectObservable(source.pipe(producing(() => append)), "---!").toBe("----");
    expectSubscriptions(source.subscriptions).toBe("^--!");
    expectSubscriptions(append.subscriptions).toBe("-^-!");
  });
});

test("produce() fails with ERR_OVERFLOW when a source is too fast, and stops it", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    let brought = 0;
    const source = range(0, 1000).pipe(map(() => (brought++, { metadata: "a" })));
    expectObservable(source.pipe(producing(() => cold("--r|"), { maxBufferedBytes: 1000 }))).toBe(
      "--0-(12#)",
      undefined,
      "ERR_OVERFLOW",
    );
    flush();
    t.true(brought <= 5);
  });
});

test('produce() leaves out what is too much under "drop", and tells of it', (t) => {
  marbles(t, ({ cold, flush }) => {
    const dropped: unknown[] = [];
    const stored: string[] = [];
    const rejected = { next: ({ error }: Rejection<string>) => dropped.push(codeOf(error)) };
    const options = { maxBufferedBytes: 1000, overflow: "drop", rejected } as const;
    range(0, 10)
      .pipe(
        map(() => ({ metadata: "a" })),
        producing(() => cold("--r|"), options, stored),
      )
      .subscribe();
    flush();
    t.is(dropped.length, 7);
    t.true(dropped.every((code) => code === "ERR_OVERFLOW"));
    t.deepEqual(stored, ['"a"', '"a""a"']);
  });
});

test('produce() keeps everything under "buffer"', (t) => {
  marbles(t, ({ cold, flush }) => {
    let count = 0;
    const options = { maxBufferedBytes: 1000, overflow: "buffer" } as const;
    range(0, 10)
      .pipe(
        map(() => ({ metadata: "a" })),
        producing(() => cold("--r|"), options),
      )
      .subscribe(() => count++);
    flush();
    t.is(count, 10);
  });
});

/** A backend that answers in microtasks, so that an async iterable, which knows no virtual time, can be tested without waiting. */
const soon = () => from(Promise.resolve(1));

async function* letters(log: string[], count = 1000): AsyncGenerator<EventInput<string>> {
  try {
    for (let i = 0; i < count; i++) {
      log.push("pulled");
      yield { metadata: "a" };
    }
  } finally {
    log.push("cleaned up");
  }
}

test("produce() pulls an async iterable to its end", async (t) => {
  const log: string[] = [];
  let last = "";
  await producing(soon)(letters(log, 20)).forEach((id) => (last = id));
  t.is(last, "19");
  t.is(log.at(-1), "cleaned up");
});

for (const options of [
  { maxBufferedBytes: 600 },
  { maxBufferedBytes: 1 << 20, batchSize: 1, maxBatches: 1 },
  { batchSize: 3, linger: 0 },
  { concurrency: 1 },
  { concurrency: 1, batchSize: 5, linger: Infinity },
] satisfies ProduceOptions<string>[]) {
  test(`produce() does not stall with ${JSON.stringify(options)}`, async (t) => {
    let count = 0;
    await producing(soon, options)(letters([], 50)).forEach(() => void count++);
    t.is(count, 50);
    count = 0;
    await producing(soon, options)(Array.from({ length: 50 }, () => ({ metadata: "a" }))).forEach(() => void count++);
    t.is(count, 50);
  });
}

test("produce() does not pull while there is no room", async (t) => {
  const log: string[] = [];
  const subscription = producing(() => NEVER, { batchSize: 1, maxBatches: 1 })(letters(log)).subscribe();
  for (let i = 0; i < 50; i++) await Promise.resolve();
  t.deepEqual(log, ["pulled"]);
  subscription.unsubscribe();
  for (let i = 0; i < 50; i++) await Promise.resolve();
  t.deepEqual(log, ["pulled", "cleaned up"]);
});

test("produce() stops pulling a synchronous iterable after take()", (t) => {
  let pulled = 0;
  function* endless() {
    while (pulled < 1000) yield { metadata: `${pulled++}` };
  }
  const topic = fakeTopic<string>({ partitions: [fakePartition({ append: instant })] });
  produce(topic)(endless()).pipe(take(2)).subscribe();
  t.is(pulled, 2);
});

test("produce() fails with what an iterable throws, and bears one that throws in its clean-up", async (t) => {
  async function* failing(): AsyncGenerator<EventInput<string>> {
    yield { metadata: "a" };
    boom();
  }
  await t.throwsAsync(
    async () => {
      await produce(memoryTopic<string>())(failing()).forEach(() => undefined);
    },
    { message: "boom" },
  );
  const sloppy = {
    [Symbol.iterator]: () => ({ next: () => ({ done: false, value: { metadata: "a" } }), return: boom }),
  };
  const subscription = producing(() => NEVER, { batchSize: 1, maxBatches: 1 })(sloppy as never).subscribe();
  t.notThrows(() => subscription.unsubscribe());
});

test("produce() gives no receipt for an event whose data was changed before it was stored", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const data = new Uint8Array(8);
    const source = concat(
      of({ metadata: "a", data }),
      timer(1).pipe(map(() => (data.fill(1), { metadata: "b" }))),
      NEVER,
    );
    expectObservable(source.pipe(producing(() => cold("--r|"), { changeDetection: "checksum" }))).toBe(
      "----(1#)",
      undefined,
      "ERR_DATA_CHANGED",
    );
  });
});

test("produce() stores the events of a partition in the order in which a receipt's subscriber brings more", (t) => {
  const source = new Subject<EventInput<string>>();
  const stored: string[] = [];
  source.pipe(producing(() => of(1), { batchSize: 1 }, stored)).subscribe((id) => {
    if (id === "0") source.next({ metadata: "b" });
  });
  source.next({ metadata: "a" });
  source.next({ metadata: "c" });
  t.deepEqual(stored, ['"a"', '"b"', '"c"']);
});

for (const [options, error] of [
  [{ name: "no spaces" }, RangeError],
  [{ batchSize: 0 }, RangeError],
  [{ maxBatches: 0 }, RangeError],
  [{ maxBufferedBytes: 0 }, RangeError],
  [{ overflow: "wait" as "drop" }, RangeError],
  [{ changeDetection: true as never }, TypeError],
  [{ ordering: "none" as "strict" }, RangeError],
  [{ concurrency: 0 }, RangeError],
  [{ componentTimeout: -1 }, RangeError],
  [{ rejected: "drop" as "skip" }, RangeError],
] as const) {
  test(`produce() refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => produce(fakeTopic<string>(), options), { instanceOf: error, message: /current value is/ });
  });
}

test("produce() sends a named producer's batches under one sequence", (t) => {
  const seen: unknown[] = [];
  const append = (batch: EventBatch) => {
    seen.push(batch.producer?.sequence);
    return of<Appended>({ firstId: 0 });
  };
  from(["a", "b", "c"])
    .pipe(
      map((metadata) => ({ metadata })),
      produce(fakeTopic<string>({ partitions: [fakePartition({ append })] }), { name: "p", batchSize: 2 }),
    )
    .subscribe();
  t.deepEqual(seen, [0, 2]);
});

test("produce() subscribes to any ObservableInput", async (t) => {
  let last = -1;
  await produce(memoryTopic<string>())(Promise.resolve({ metadata: "a" })).forEach(({ id }) => (last = id));
  t.is(last, 0);
  t.true(produce(memoryTopic<string>())([]) instanceof Observable);
});
