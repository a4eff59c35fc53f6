import test from "ava";
import {
  concat,
  concatMap,
  delay,
  EMPTY,
  from,
  lastValueFrom,
  map,
  mergeMap,
  NEVER,
  of,
  Subject,
  take,
  throwError,
  timer,
  toArray,
  type Observable,
} from "rxjs";
import { acknowledge } from "../../operators/acknowledge.ts";
import { acknowledgeEvery } from "../../operators/acknowledgeEvery.ts";
import { consume } from "../../operators/consume.ts";
import { processEvents } from "../../operators/processEvents.ts";
import type { BackendPartition, Lease } from "../../src/model/backend.ts";
import type { StoredBatch } from "../../src/model/batch.ts";
import type { ConsumeOptions, ConsumerStatus, UndecodableEvent } from "../../src/model/consumeOptions.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import { serializeWith } from "../../src/model/serializers/serializeWith.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { boom, fakeLease, fakePartition, fakeTopic, marbles, memoryTopic, stock, storedBatch } from "./helpers.ts";

const codeOf = (error: unknown) =>
  error instanceof SluiceError ? error.code : error instanceof Error ? error.message : error;
const metadataOf = <M>(source: Observable<StreamEvent<M>>) => source.pipe(map(({ metadata }) => metadata));

/** Every event that a consumer delivers now, without waiting. */
function now<M>(topic: TopicHandle<M>, options?: ConsumeOptions<M>, name = "reader"): M[] {
  const seen: M[] = [];
  consume(topic, name, options)
    .subscribe((event) => seen.push(event.metadata))
    .unsubscribe();
  return seen;
}

test("consume() never ends while the topic is not sealed, and leaves the group when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const read = cold<never>("-");
    const join = cold<readonly Lease[]>("l", { l: [fakeLease()] });
    const topic = fakeTopic({ partitions: [fakePartition({ read: () => read })], join: () => join });
    expectObservable(consume(topic, "reader"), "----!").toBe("-----");
    expectSubscriptions(read.subscriptions).toBe("^---!");
    expectSubscriptions(join.subscriptions).toBe("^---!");
  });
});

test("consume() completes at the end of a sealed topic", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const read = (position: number) =>
      position === 0 ? cold("--b|", { b: storedBatch(0, ["a", "b"]) }) : cold<never>("----|");
    const topic = fakeTopic<string>({ partitions: [fakePartition({ read })] });
    expectObservable(metadataOf(consume(topic, "reader"))).toBe("--(ab)|");
  });
});

test("consume() delivers what is there, in order, from every partition", (t) => {
  const topic = memoryTopic<string>(2);
  stock(topic, ["a", "b"]);
  stock(topic, ["x"], { partition: 1 });
  t.deepEqual(now(topic), ["a", "b", "x"]);
  t.deepEqual(now(topic, { partitions: [1] }), ["x"]);
});

test("consume() fails when the backend cannot join or read", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(consume(fakeTopic({ join: () => cold("--#") }), "reader")).toBe("--#");
    expectObservable(consume(fakeTopic({ partitions: [fakePartition({ read: () => cold("--#") })] }), "reader")).toBe(
      "--#",
    );
  });
});

for (const [startFrom, expected] of [
  ["earliest", ["a", "b", "c"]],
  ["latest", []],
  [2, ["c"]],
  [new Date(0), ["a", "b", "c"]],
  [{ last: 2 }, ["b", "c"]],
  [{ last: 9 }, ["a", "b", "c"]],
] as const) {
  test(`consume() starts from ${JSON.stringify(startFrom)}`, (t) => {
    marbles(t, ({ flush }) => {
      const topic = memoryTopic<string>();
      stock(topic, ["a", "b", "c"]);
      t.deepEqual(now(topic, { startFrom }), expected);
      flush();
    });
  });
}

test("consume() goes on behind the last acknowledged event, whatever 'startFrom' says", (t) => {
  marbles(t, ({ flush }) => {
    const topic = memoryTopic<string>();
    stock(topic, ["a", "b", "c"]);
    consume(topic, "reader").pipe(take(2), acknowledge()).subscribe();
    flush();
    t.deepEqual(now(topic, { startFrom: "earliest" }), ["c"]);
    t.deepEqual(now(topic, {}, "other"), ["a", "b", "c"]);
  });
});

test("consume() loses no acknowledgement that was given before it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectSubscriptions, flush }) => {
    const acknowledged: number[] = [];
    const store = cold<never>("---|");
    const lease = fakeLease({ acknowledge: (position) => (acknowledged.push(position), store) });
    const join = cold("l", { l: [lease] });
    const topic = fakeTopic<string>({
      partitions: [
        fakePartition({ read: (position) => (position === 0 ? of(storedBatch(0, ["a", "b", "c"])) : NEVER) }),
      ],
      join: () => join,
    });
    consume(topic, "reader").pipe(acknowledge(), take(2)).subscribe();
    expectSubscriptions(store.subscriptions).toBe(["^--!", "---^--!"]);
    expectSubscriptions(join.subscriptions).toBe("^-----!");
    flush();
    t.deepEqual(acknowledged, [1, 2]);
  });
});

test("consume() acknowledges nothing that take() has cut off", (t) => {
  marbles(t, ({ flush }) => {
    const topic = memoryTopic<string>();
    stock(topic, ["a", "b", "c"]);
    consume(topic, "reader").pipe(acknowledgeEvery(1), take(1)).subscribe();
    flush();
    t.deepEqual(now(topic), ["b", "c"]);
  });
});

test("consume() bounds what it reads by 'batchSize' and reads no further than it delivers", (t) => {
  const seen: unknown[] = [];
  const read: BackendPartition["read"] = (position, { maxEvents }) => {
    seen.push([position, maxEvents]);
    return position < 4 ? of(storedBatch(position, ["a", "b"])) : NEVER;
  };
  const topic = fakeTopic<string>({ partitions: [fakePartition({ read })] });
  consume(topic, "reader", { batchSize: 2 })
    .pipe(processEvents(() => NEVER))
    .subscribe();
  t.deepEqual(seen, [
    [0, 2],
    [2, 2],
  ]);
});

test('consume() with demand "acknowledged" waits for acknowledgements, says so, and warns', (t) => {
  marbles(t, ({ expectObservable, flush }) => {
    const topic = memoryTopic<string>();
    for (const name of ["a", "b", "c", "d"]) stock(topic, [name]);
    const states = new Subject<ConsumerStatus>();
    const warnings: string[] = [];
    const options = {
      demand: "acknowledged",
      batchSize: 1,
      maxBatches: 2,
      warnAfter: 3,
      warn: (text: string) => warnings.push(text),
      status: states,
    } as const;
    expectObservable(states.pipe(map(({ state }) => state[0]))).toBe("(sw)");
    const events = consume(topic, "reader", options).pipe(
      mergeMap((event) => timer(9).pipe(map(() => (event.acknowledge(), event.metadata)))),
    );
    expectObservable(events, "---------------!").toBe("---------(ab)-----");
    flush();
    t.is(warnings.length, 1);
  });
});

test("consume() ends 'until: \"end\"' at the end as it was at subscription", (t) => {
  marbles(t, ({ expectObservable }) => {
    const topic = memoryTopic<string>(2);
    stock(topic, ["a"]);
    const result = consume(topic, "reader", { until: "end" }).pipe(metadataOf);
    expectObservable(result.pipe(map((name) => (stock(topic, ["later"]), name)))).toBe("(a|)");
    expectObservable(consume(memoryTopic(), "reader", { until: "end" })).toBe("|");
  });
});

test("consume() ends 'until: { idle }' so many milliseconds after the last event", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const topic = memoryTopic<string>();
    cold("--a--b").subscribe((name) => stock(topic, [name]));
    expectObservable(metadataOf(consume(topic, "reader", { until: { idle: 4 } }))).toBe("--a--b---|");
    expectObservable(consume(memoryTopic(), "reader", { until: { idle: Infinity } })).toBe("-");
  });
});

test("consume() tells its status, with the reason of its end", (t) => {
  const states: unknown[] = [];
  const status = { next: ({ state, reason }: ConsumerStatus) => states.push([state, reason]) };
  consume(memoryTopic(), "reader", { until: "end", status }).subscribe();
  t.deepEqual(states, [
    ["starting", undefined],
    ["ended", "snapshot"],
  ]);
});

test("consume() fails with what the observers 'status' and 'errors' throw", (t) => {
  marbles(t, ({ expectObservable }) => {
    expectObservable(consume(memoryTopic(), "reader", { status: { next: boom } })).toBe(
      "#",
      undefined,
      new Error("boom"),
    );
    const topic = memoryTopic<string>();
    stock(topic, ["a"]);
    const twice = consume(topic, "reader", { errors: { next: boom } }).pipe(acknowledge(), acknowledge());
    expectObservable(twice.pipe(map(() => "x"))).toBe("#", undefined, new Error("boom"));
  });
});

test("consume() fails with what 'warn' throws", (t) => {
  marbles(t, ({ expectObservable }) => {
    const topic = memoryTopic<string>();
    stock(topic, ["a"]);
    const options = { demand: "acknowledged", maxBatches: 1, warnAfter: 3, warn: boom } as const;
    expectObservable(metadataOf(consume(topic, "reader", options))).toBe("a--#", undefined, new Error("boom"));
  });
});

test("consume() moves the selected data only, and none without a selector", (t) => {
  const topic = memoryTopic<string>();
  stock(topic, ["a", "b"], { size: 8 });
  const sizes = (options: ConsumeOptions<string>) => {
    const seen: number[] = [];
    consume(topic, "reader", options)
      .subscribe(({ data }) => seen.push(data.size))
      .unsubscribe();
    return seen;
  };
  t.deepEqual(sizes({}), [0, 0]);
  t.deepEqual(
    sizes({ dataSelector: (name, descriptor) => (name === "a" ? descriptor.makeSubView(2, 3) : null) }),
    [3, 0],
  );
  const memory = new Uint8Array(64);
  t.deepEqual(sizes({ dataSelector: (_, descriptor) => descriptor, dataAllocator: () => memory }), [8, 8]);
  t.is(memory.indexOf(1), 0);
});

for (const [name, options, error] of [
  ["the selector throws", { dataSelector: boom }, "boom"],
  ["the selector rejects", { dataSelector: () => Promise.reject(new Error("boom")) }, "boom"],
  ["the allocator throws", { dataSelector: (_: unknown, whole: never) => whole, dataAllocator: boom }, "boom"],
  [
    "the allocator returns too little",
    { dataSelector: (_: unknown, whole: never) => whole, dataAllocator: () => new Uint8Array(1) },
    "ERR_ALLOCATION",
  ],
  ["the selector never answers", { dataSelector: () => new Promise(() => {}), componentTimeout: 1 }, "ERR_TIMEOUT"],
  [
    "the allocator never answers",
    {
      dataSelector: (_: unknown, whole: never) => whole,
      dataAllocator: () => new Promise(() => {}),
      componentTimeout: 1,
    },
    "ERR_TIMEOUT",
  ],
] as const) {
  test(`consume() fails when ${name}`, async (t) => {
    const topic = memoryTopic<string>();
    stock(topic, ["a"], { size: 8 });
    const error_ = await t.throwsAsync(
      consume(topic, "reader", options as ConsumeOptions<string>).forEach(() => undefined),
    );
    t.is(codeOf(error_), error);
  });
}

test("consume() gives selectors and allocators that answer in time all of their time, each for itself", async (t) => {
  const topic = memoryTopic<string>();
  stock(topic, ["a", "b", "c"], { size: 8 });
  const sizes = consume(topic, "reader", {
    until: "end",
    componentTimeout: 5000,
    dataSelector: (_, whole) => Promise.resolve(whole.makeSubView(0, 4)),
    dataAllocator: (_, { size }) => Promise.resolve(new Uint8Array(size)),
  }).pipe(
    map(({ data }) => data.size),
    toArray(),
  );
  t.deepEqual(await lastValueFrom(sizes), [4, 4, 4]);
});

test("consume() fails when the backend answers a request for data with nothing", (t) => {
  const topic = memoryTopic<string>();
  stock(topic, ["a"], { size: 8 });
  topic.backend.partitions[0]!.fetch = () => EMPTY;
  consume(topic, "reader", { dataSelector: (_, whole) => whole }).subscribe({
    next: () => t.fail(),
    error: (error: unknown) => t.is(codeOf(error), "ERR_STORAGE"),
  });
  t.plan(1);
});

test("consume() does not stall when data fills 'maxBytes' while another batch was read ahead", (t) => {
  marbles(t, ({ flush }) => {
    for (let maxBytes = 1; maxBytes < 140; maxBytes += 3) {
      const topic = memoryTopic<string>();
      for (const name of ["a", "b", "c", "d"]) stock(topic, [name.repeat(8), name, name.repeat(12)], { size: 35 });
      const { fetch } = topic.backend.partitions[0]!;
      topic.backend.partitions[0]!.fetch = (reads) =>
        from(fetch.call(topic.backend.partitions[0], reads)).pipe(delay(2));
      let seen = 0;
      consume(topic, "reader", { maxBytes, dataSelector: (_, whole) => whole }).subscribe(() => seen++);
      flush();
      t.is(seen, 12, `maxBytes ${maxBytes}`);
    }
  });
});

test("consume() does not recurse where the data of each event has to be fetched for itself", (t) => {
  marbles(t, ({ flush }) => {
    const count = 8000;
    const shared = new Uint8Array(1 << 16);
    const batch = storedBatch(
      0,
      Array.from({ length: count }, () => 1),
      Array.from({ length: count }, () => shared.length),
    );
    const read = (position: number) => (position === 0 ? of(batch) : NEVER);
    const fetch = () => of([[shared]]);
    const topic = fakeTopic<number>({ partitions: [fakePartition({ read, fetch })] });
    let seen = 0;
    consume(topic, "reader", { maxBytes: shared.length, dataSelector: (_, whole) => whole }).subscribe(() => seen++);
    flush();
    t.is(seen, count);
  });
});

const broken = (metadata: readonly unknown[]) => {
  const read = (position: number) => (position === 0 ? of(storedBatch(0, metadata)) : NEVER);
  return fakeTopic<string>({ partitions: [fakePartition({ read })] });
};
const mixed = ["a", new Uint8Array([0xff]), "c"];

test("consume() fails at an event that cannot be decoded, or skips it, by 'undecodable'", (t) => {
  marbles(t, ({ expectObservable }) => {
    const codes = consume(broken(mixed), "reader").pipe(map(({ id }) => id));
    codes.subscribe({ error: (error: unknown) => t.is(codeOf(error), "ERR_UNDECODABLE") });
    expectObservable(metadataOf(consume(broken(mixed), "reader", { undecodable: "skip" }))).toBe("(ac)");
  });
});

test('consume() delivers an event that cannot be decoded under "deliver", and its metadata throws', (t) => {
  consume(broken(mixed), "reader", { undecodable: "deliver" }).subscribe((event) => {
    if (event.id === 1) t.is(codeOf(t.throws(() => event.metadata)), "ERR_UNDECODABLE");
    else t.is(typeof event.metadata, "string");
  });
  t.plan(4);
});

test("consume() hands an event that cannot be decoded to an observer, and fails with what that throws", (t) => {
  const seen: UndecodableEvent[] = [];
  const events: number[] = [];
  consume(broken(mixed), "reader", { undecodable: { next: (event) => seen.push(event) } }).subscribe(({ id }) =>
    events.push(id),
  );
  t.deepEqual(
    seen.map(({ id, bytes }) => [id, [...bytes]]),
    [[1, [0xff]]],
  );
  t.deepEqual(events, [0, 2]);
  consume(broken(mixed), "reader", { undecodable: { next: boom } }).subscribe({
    error: (error: unknown) => t.is(codeOf(error), "boom"),
  });
  t.plan(3);
});

test("consume() awaits metadata that is decoded asynchronously, and keeps order", async (t) => {
  const serializer = serializeWith<string>({
    form: "text",
    serialize: (metadata) => metadata,
    deserialize: async (text) => (text.includes("b") ? boom() : text),
  });
  const read = (position: number) => (position === 0 ? of(storedBatch(0, ["a", "b", "c"])) : EMPTY);
  const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], components: { serializer } });
  const seen: string[] = [];
  await consume(topic, "reader", { undecodable: "skip" }).forEach(({ metadata }) => void seen.push(metadata));
  t.deepEqual(seen, ['"a"', '"c"']);
});

test("consume() gives a partition back when it is taken away, after what was delivered is acknowledged", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log: string[] = [];
    const read = (position: number) => (position === 0 ? of(storedBatch(0, ["a"])) : NEVER);
    const lease = fakeLease({
      revoked: cold("--r"),
      acknowledge: () => (log.push("acknowledged"), of(undefined)),
      release: () => log.push("released"),
    });
    const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], join: () => cold("l", { l: [lease] }) });
    const handled = consume(topic, "reader").pipe(processEvents((event) => timer(5).pipe(map(() => event))));
    expectObservable(metadataOf(handled), "---------!").toBe("-----a----");
    flush();
    t.deepEqual(log, ["acknowledged", "released"]);
  });
});

test("consume() delivers nothing more once the lease says, in front of a delivery, that the partition may be somebody else's", (t) => {
  marbles(t, ({ flush }) => {
    const revoked = new Subject<void>();
    const seen: string[] = [];
    let released = 0;
    const lease = fakeLease({
      revoked,
      confirm: () => {
        if (seen.length === 2) revoked.next();
      },
      release: () => released++,
    });
    const read = (position: number) => (position === 0 ? of(storedBatch(0, ["a", "b", "c"])) : NEVER);
    const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], join: () => concat(of([lease]), NEVER) });
    consume(topic, "reader", { drainTimeout: 5 }).subscribe((event) => {
      seen.push(event.metadata);
      event.acknowledge();
    });
    flush();
    t.deepEqual(seen, ["a", "b"]);
    t.is(released, 1);
  });
});

test("consume() gives a partition back after 'drainTimeout', and never when it is infinite", (t) => {
  marbles(t, ({ cold, flush }) => {
    const released: string[] = [];
    for (const drainTimeout of [7, Infinity]) {
      const read = (position: number) => (position === 0 ? of(storedBatch(0, ["a"])) : NEVER);
      const lease = fakeLease({
        revoked: cold("--r"),
        release: () => released.push(`${drainTimeout} at ${Date.now()}`),
      });
      const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], join: () => cold("l", { l: [lease] }) });
      consume(topic, "reader", { drainTimeout }).subscribe();
    }
    flush();
    t.is(released.length, 1);
    t.true(released[0]!.startsWith("7"));
  });
});

test("consume() gives a partition back that is taken away before it is known where to begin", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    let released = 0;
    const revoked = new Subject<void>();
    timer(1).subscribe(() => revoked.next());
    const lease = fakeLease({ revoked, release: () => released++ });
    const bounds = () => cold("---b|", { b: { start: 0, end: 5, sealed: false } });
    const read = cold<never>("-");
    const topic = fakeTopic({
      partitions: [fakePartition({ bounds, read: () => read })],
      join: () => cold("l", { l: [lease] }),
    });
    expectObservable(consume(topic, "reader", { startFrom: "latest" }), "---------!").toBe("----------");
    flush();
    t.is(released, 1);
    t.deepEqual(read.subscriptions, []);
  });
});

test("consume() leaves no timer behind when it is unsubscribed from while a partition drains", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    let released = 0;
    const read = (position: number) => (position === 0 ? of(storedBatch(0, ["a"])) : NEVER);
    const lease = fakeLease({ revoked: cold("--r"), release: () => released++ });
    const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], join: () => cold("l", { l: [lease] }) });
    expectObservable(metadataOf(consume(topic, "reader", { drainTimeout: 50 })), "----!").toBe("a----");
    flush();
    t.is(released, 0);
  });
});

test("consume() shares the partitions with others of its name, and delivers no acknowledged event twice", (t) => {
  marbles(t, ({ cold, flush }) => {
    const topic = memoryTopic<string>(2);
    const seen: string[] = [];
    const handle = (who: string) =>
      processEvents<string>(({ metadata }) => timer(1).pipe(map(() => seen.push(`${who}${metadata}`))));
    for (let i = 0; i < 10; i++) timer(i * 2).subscribe(() => stock(topic, [String(i)], { partition: i % 2 }));
    consume(topic, "reader").pipe(handle("a")).subscribe();
    timer(7)
      .pipe(concatMap(() => consume(topic, "reader").pipe(handle("b"))))
      .subscribe();
    cold("---").subscribe();
    flush();
    t.deepEqual(
      seen.map((each) => each[1]).toSorted((a, b) => Number(a) - Number(b)),
      ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    );
    t.true(seen.some((each) => each.startsWith("b")));
  });
});

test("consume() lets an event be acknowledged again when its acknowledgement could not be stored", (t) => {
  let fails = true;
  const errors: unknown[] = [];
  const acknowledge_ = () => (fails ? throwError(() => new Error("offline")) : of(undefined));
  const read = (position: number) => (position === 0 ? of(storedBatch(0, ["a"])) : NEVER);
  const topic = fakeTopic<string>({
    partitions: [fakePartition({ read })],
    join: () => of([fakeLease({ acknowledge: acknowledge_ })]).pipe(mergeMap((leases) => [leases])),
  });
  let event: StreamEvent<string> | undefined;
  consume(topic, "reader", { errors: { next: (error) => errors.push(codeOf(error)) } }).subscribe(
    (each) => (event = each),
  );
  event!.acknowledge();
  fails = false;
  t.true(event!.acknowledge().completed);
  event!.acknowledge();
  t.deepEqual(errors, ["offline", "ERR_ALREADY_ACKNOWLEDGED"]);
});

test("consume() stores acknowledgements that come together with one call", (t) => {
  marbles(t, ({ cold, flush }) => {
    const acknowledged: number[] = [];
    const lease = fakeLease({ acknowledge: (position) => (acknowledged.push(position), cold<never>("-|")) });
    const read = (position: number) => (position === 0 ? of(storedBatch(0, Array.from("abcdef"))) : NEVER);
    const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], join: () => cold("l", { l: [lease] }) });
    consume(topic, "reader").pipe(acknowledge()).subscribe();
    flush();
    t.deepEqual(acknowledged, [1, 6]);
  });
});

test("consume() tells of events that damage has taken, in the place where they were, and goes on", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const seen: unknown[] = [];
    const gap = { ...storedBatch(2, []), next: 5, lost: true };
    const read = (position: number) => {
      if (position === 0) return cold<StoredBatch>("--(b|)", { b: storedBatch(0, ["a", "b"]) });
      if (position === 2) return cold<StoredBatch>("-(b|)", { b: gap });
      return position === 5 ? cold<StoredBatch>("-(b|)", { b: storedBatch(5, ["f"]) }) : EMPTY;
    };
    const topic = fakeTopic<string>({ partitions: [fakePartition({ read })], join: () => of([fakeLease()]) });
    const lost = { next: (events: unknown) => seen.push(events) };
    const events$ = consume(topic, "reader", { lost, maxBatches: 1 }).pipe(
      map((event) => (seen.push(event.id), event.metadata)),
      toArray(),
      map((values) => [values.join(""), JSON.stringify(seen)].join(" ")),
    );
    expectObservable(events$).toBe("----(v|)", {
      v: `abf [0,1,{"topic":"t","partition":0,"fromId":2,"toId":5},5]`,
    });
  });
});

for (const [options, error] of [
  [{ batchSize: 0 }, RangeError],
  [{ maxBatches: 0 }, RangeError],
  [{ maxBytes: 0 }, RangeError],
  [{ dataSelector: 1 as never }, TypeError],
  [{ dataAllocator: 1 as never }, TypeError],
  [{ startFrom: -1 }, RangeError],
  [{ startFrom: "start" as "earliest" }, TypeError],
  [{ startFrom: new Date(NaN) }, TypeError],
  [{ startFrom: { last: -1 } }, RangeError],
  [{ until: "now" as "end" }, TypeError],
  [{ until: { idle: -1 } }, RangeError],
  [{ demand: "none" as "delivered" }, RangeError],
  [{ undecodable: "drop" as "skip" }, RangeError],
  [{ undecodable: {} as "skip" }, TypeError],
  [{ warn: 1 as never }, TypeError],
  [{ status: 1 as never }, TypeError],
  [{ errors: {} as never }, TypeError],
  [{ lost: 1 as never }, TypeError],
  [{ drainTimeout: NaN }, RangeError],
  [{ warnAfter: -1 }, RangeError],
  [{ partitions: [1] }, SluiceError],
] as const) {
  test(`consume() refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => consume(fakeTopic<string>(), "reader", options), { instanceOf: error, message: /current value is/ });
  });
}

test("consume() refuses a name that is none", (t) => {
  t.throws(() => consume(fakeTopic(), "a b"), { instanceOf: RangeError });
  t.throws(() => consume(fakeTopic(), 7 as never), { instanceOf: TypeError });
});
