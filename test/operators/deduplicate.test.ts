import test from "ava";
import { BehaviorSubject, concatWith, count, filter, firstValueFrom, lastValueFrom, map, take, toArray } from "rxjs";
import { consume, deduplicate, type HighWaterMark } from "../../operators/index.ts";
import { connect, type StreamEvent } from "../../src/index.ts";
import { boom, marbles, standardCases } from "./helpers.ts";

interface Place {
  readonly producer: string;
  readonly sequence: number;
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
let fresh = 0;
standardCases(test, "deduplicate()", { operator: () => deduplicate({ keyOf: () => fresh++ }), value: () => "v" });

const byValue = () => deduplicate<string>({ keyOf: (value) => value });

test("deduplicate() leaves out a key that has passed before", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-a-a-c-b-|");
    const subs = "       ^------------!";
    const expected = "   -a-b-----c---|";
    expectObservable(source.pipe(byValue())).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("deduplicate() forgets the oldest of 'maxKeys' keys", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold("-a-b-b-c-b-a-|");
    const expected = "   -a-b---c---a-|";
    expectObservable(source.pipe(deduplicate({ keyOf: (value) => value, maxKeys: 2 }))).toBe(expected);
  });
});

test("deduplicate() leaves out a sequence number that is not above the highest of its producer", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const places = {
      a: { producer: "p", sequence: 0 },
      b: { producer: "p", sequence: 1 },
      c: { producer: "q", sequence: 0 },
      u: undefined,
    };
    const source = cold("-a-b-a-c-u-u-b-|", places);
    const expected = "   -a-b---c-u-u---|";
    expectObservable(source.pipe(deduplicate({ sequenceOf: (place) => place }))).toBe(expected, places);
  });
});

/** A topic whose events say where they stand in the sequence of their producer, so that a number can be stored twice. */
async function topicOf(numbers: readonly number[], partitions = 1) {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<number>("numbers", { partitions });
  const producer = topic.producer();
  for (let partition = 0; partition < partitions; partition++)
    for (const n of numbers) await producer.push(n, undefined, { partition });
  return { driver, topic, producer };
}

const byNumber = {
  sequenceOf: ({ partition, metadata }: StreamEvent<number>) => ({ producer: `p/${partition}`, sequence: metadata }),
};
const ways = [
  ["sequenceOf", () => deduplicate(byNumber)],
  ["keyOf", () => deduplicate({ keyOf: ({ partition, metadata }: StreamEvent<number>) => `${partition}/${metadata}` })],
] as const;

for (const [name, operator] of ways) {
  test(`deduplicate({ ${name} }) leaves out what was sent twice, and lets pass what is delivered again`, async (t) => {
    const { driver, topic } = await topicOf([0, 1, 0, 1, 2, 1, 3]);
    const events$ = consume(topic, "first", { until: "end" }).pipe(
      concatWith(consume(topic, "second", { until: "end" })),
      operator(),
      map(({ id }) => id),
      toArray(),
    );
    t.deepEqual(await lastValueFrom(events$), [0, 1, 4, 6, 0, 1, 4, 6]);
    await driver.close();
  });

  test(`deduplicate({ ${name} }) lets pass what another consumer has given back without handling it`, async (t) => {
    const { driver, topic } = await topicOf([0, 1, 0, 2], 2);
    const got = new BehaviorSubject<readonly string[]>([]);
    const subscription = consume(topic, "app2", { drainTimeout: 0 })
      .pipe(operator())
      .subscribe(({ partition, metadata }) => got.next([...got.value, `${partition}/${metadata}`]));
    await firstValueFrom(got.pipe(filter(({ length }) => length === 6))); // Nothing of it is acknowledged.
    await firstValueFrom(consume(topic, "app2")); // It joins, takes a partition from the first, and leaves again.
    const again = (partition: number) =>
      upTo(3).every((n) => got.value.filter((e) => e === `${partition}/${n}`).length === 2);
    await firstValueFrom(got.pipe(filter(() => again(0) || again(1))));
    t.true(got.value.length <= 12);
    subscription.unsubscribe();
    await driver.close();
  });
}

test("deduplicate() lets pass an event of a named producer that is delivered again", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<number>("numbers", { partitions: 2 });
  const producer = topic.producer({ name: "p" });
  for (const n of upTo(4)) await producer.push(n, undefined, { partition: n % 2 });
  const events$ = consume(topic, "first", { until: "end" }).pipe(
    concatWith(consume(topic, "second", { until: "end" })),
    deduplicate(),
    map(({ metadata }) => metadata),
    toArray(),
  );
  t.deepEqual(
    (await lastValueFrom(events$)).toSorted((a, b) => a - b),
    [0, 0, 1, 1, 2, 2, 3, 3],
  );
  await driver.close();
});

test("deduplicate() goes on where the marks are, and lets pass what was not acknowledged before", async (t) => {
  const { driver, topic, producer } = await topicOf([0, 1, 0, 1, 2]);
  let marks = new Map<string, HighWaterMark>();
  const read = (count: number) => {
    const events$ = consume(topic, "app2").pipe(deduplicate({ ...byNumber, marks }), take(count), toArray());
    return lastValueFrom(events$);
  };
  const ids = (events: readonly StreamEvent[]) => events.map(({ id }) => id);
  t.deepEqual(ids(await read(3)), [0, 1, 4]);
  marks = new Map(JSON.parse(JSON.stringify([...marks]))); // A restart.
  const again = await read(3);
  t.deepEqual(ids(again), [0, 1, 4]);
  await again[1]!.acknowledge();
  for (const n of [1, 2, 3]) await producer.push(n);
  t.deepEqual(ids(await read(2)), [4, 7]);
  t.deepEqual(marks.get("p/0"), {
    sequence: 3,
    id: 7,
    repeats: [
      [2, 3],
      [5, 6],
    ],
  });
  await driver.close();
});

test("deduplicate() remembers 64 stretches of what was sent twice, and lets older ones pass when they come again", async (t) => {
  const { driver, topic } = await topicOf(upTo(65).flatMap((n) => [n, n]));
  const marks = new Map<string, HighWaterMark>();
  const read = (consumer: string) => {
    const events$ = consume(topic, consumer, { until: "end" });
    return lastValueFrom(events$.pipe(deduplicate({ ...byNumber, marks }), count()));
  };
  t.is(await read("first"), 65);
  t.is(await read("second"), 66);
  t.is(marks.get("p/0")?.repeats?.length, 64);
  await driver.close();
});

test("deduplicate() forgets the producer that has been silent for longest", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold<Place>("-a-b-a-c-b-|", {
      a: { producer: "p", sequence: 0 },
      b: { producer: "q", sequence: 0 },
      c: { producer: "r", sequence: 0 },
    });
    const result = source.pipe(
      deduplicate<Place>({ sequenceOf: (place) => place, maxProducers: 1 }),
      map(({ producer }) => producer),
    );
    expectObservable(result).toBe("-p-q-p-r-q-|");
  });
});

test("deduplicate() remembers nothing from one subscription to the next", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const result = cold("-a-a-|").pipe(byValue());
    expectObservable(result).toBe("-a---|");
    expectObservable(result).toBe("-a---|");
  });
});

test("deduplicate() fails with what 'keyOf' throws", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-a-b-|");
    expectObservable(source.pipe(deduplicate({ keyOf: boom }))).toBe("-#", undefined, new Error("boom"));
    expectSubscriptions(source.subscriptions).toBe("^!");
  });
});

test("deduplicate() fails with what 'sequenceOf' throws", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold("-a-b-|").pipe(deduplicate({ sequenceOf: boom }))).toBe("-#", undefined, new Error("boom"));
  });
});

test("deduplicate() refuses options that are wrong", (t) => {
  t.throws(() => deduplicate({ keyOf: 1 as never }), { instanceOf: TypeError });
  t.throws(() => deduplicate({ sequenceOf: 1 as never }), { instanceOf: TypeError });
  t.throws(() => deduplicate({ keyOf: String, maxKeys: 0 }), { instanceOf: RangeError });
  t.throws(() => deduplicate({ marks: {} as never }), { instanceOf: TypeError });
  t.throws(() => deduplicate({ marks: new Map([["p", 7 as never]]) }), { instanceOf: TypeError, message: /"p".* 7$/ });
  t.throws(() => deduplicate({ maxProducers: 0 }), { instanceOf: RangeError });
});
