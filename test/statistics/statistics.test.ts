import test from "ava";
import { filter, firstValueFrom, lastValueFrom, map, NEVER, of, take, toArray, type Observable } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import {
  connect,
  type ConsumerStatistics,
  type DriverStatistics,
  type ProducerStatistics,
  type Topic,
  type TopicStatistics,
} from "sluice";
import { consumerStatistics } from "../../src/statistics/consumerStatistics.ts";
import { sampled } from "../../src/statistics/sampled.ts";
import { topicStatistics } from "../../src/statistics/topicStatistics.ts";

const every = 10;

async function openTopic(t: { teardown(undo: () => Promise<void>): void }): Promise<Topic<{ n: number }>> {
  const driver = await connect("memory:");
  t.teardown(() => driver.close());
  return driver.createTopic<{ n: number }>("numbers", {
    partitions: 2,
    validator: ({ n }: { n: number }) => {
      if (n < 0) throw new RangeError("negative");
    },
  });
}

test("sampled() takes samples in the time of the scheduler, with the period that each is about", (t) => {
  const scheduler = new TestScheduler((actual, expected) => t.deepEqual(actual, expected));
  scheduler.run(({ cold, expectObservable }) => {
    const samples$ = sampled({ every: 3 }, () => (period) => of(period), cold("--------|"));
    expectObservable(samples$).toBe("---a--a-(b|)", { a: 3, b: 2 });
  });
});

test("sampled() counts only while somebody subscribes, and for each on its own", (t) => {
  let open = 0;
  const samples$ = sampled({ every: 1 }, (counting) => {
    open++;
    counting.add({ unsubscribe: () => open-- });
    return () => of(open);
  });
  t.is(open, 0);
  const [first, second] = [samples$.subscribe(), samples$.subscribe()];
  t.is(open, 2);
  first.unsubscribe();
  t.is(open, 1);
  second.unsubscribe();
  t.is(open, 0);
});

test("a period that is no number of milliseconds is a caller's mistake", async (t) => {
  const topic = await openTopic(t);
  for (const source of [topic, topic.producer(), topic.consumer("app2")]) {
    t.throws(() => source.statistics({ every: 0 }), { instanceOf: RangeError, message: /'every'/ });
  }
  t.throws(() => topic.statistics({ consumers: ["no name"] }));
});

test("a producer's statistics add up to what it has stored and what has failed", async (t) => {
  const topic = await openTopic(t);
  const producer = topic.producer({ batchSize: 10 });
  const samples = lastValueFrom(producer.statistics({ every }).pipe(toArray()));
  for (let n = 0; n < 95; n++) producer.push({ n }, new Uint8Array(7));
  const rejected = producer.push({ n: -1 });
  t.true(producer.bufferedBytes > 0);
  await t.throwsAsync(async () => rejected);
  await producer.close();
  const taken = await samples;
  const sum = (count: (sample: ProducerStatistics) => number) => taken.reduce((total, each) => total + count(each), 0);
  t.is(
    sum(({ events }) => events),
    95,
  );
  t.is(
    sum(({ failed }) => failed),
    1,
  );
  t.is(
    sum(({ bytes }) => bytes),
    95 * 7 + Array.from({ length: 95 }, (_, n) => `{"n":${n}}`).join("").length,
  );
  t.is(
    sum(({ latency }) => latency?.count ?? 0),
    95,
  );
  const batches = taken.flatMap(({ batchEvents }) => batchEvents ?? []);
  t.true(batches.every(({ min, max }) => min >= 1 && max <= 10));
  t.like(taken.at(-1), { outstanding: 0, bufferedBytes: 0 });
});

test("a producer's statistics say what is in flight", async (t) => {
  const topic = await openTopic(t);
  const producer = topic.producer({ batchSize: 100, linger: Infinity });
  for (let n = 0; n < 3; n++) producer.push({ n });
  const { outstanding, bufferedBytes, isReady, events, eventsPerSecond } = await firstValueFrom(
    producer.statistics({ every }),
  );
  t.deepEqual(
    { outstanding, isReady, events, eventsPerSecond },
    { outstanding: 3, isReady: true, events: 0, eventsPerSecond: 0 },
  );
  t.is(bufferedBytes, producer.bufferedBytes);
  await producer.close();
});

test("a consumer's statistics add up to what it has delivered, and say how far its name is behind", async (t) => {
  const topic = await openTopic(t);
  const producer = topic.producer();
  for (let n = 0; n < 20; n++) producer.push({ n }, new Uint8Array(3));
  await producer.flush();
  const consumer = topic.consumer("app2", {
    dataSelector: (_, data) => data.makeSubView(0, 2),
    demand: "acknowledged",
    maxBatches: 1,
  });
  const samples = lastValueFrom(consumer.statistics({ every }).pipe(toArray()));
  const waiting = firstValueFrom(consumer.statistics({ every }).pipe(take(1)));
  const seen: number[] = [];
  const subscription = consumer.subscribe((event) => {
    if (event.partition === 0 && seen.push(event.id) === 10) void event.acknowledge();
  });
  const { isWaiting, partitions, bufferedBytes } = await waiting;
  t.deepEqual({ isWaiting, partitions }, { isWaiting: false, partitions: [0, 1] });
  t.true(bufferedBytes > 0, "what is not acknowledged in partition 1 counts");
  subscription.unsubscribe();
  await consumer.close();
  const taken = await samples;
  const sum = (count: (sample: ConsumerStatistics) => number) => taken.reduce((total, each) => total + count(each), 0);
  t.is(
    sum(({ events }) => events),
    20,
  );
  t.is(
    sum(({ bytes }) => bytes),
    40,
  );
  t.is(
    sum(({ latency }) => latency?.count ?? 0),
    20,
  );
  t.is(taken.at(-1)?.lag, 10);
});

test("a topic's statistics say what it holds, how fast it grows and how far consumers are behind", async (t) => {
  const topic = await openTopic(t);
  const producer = topic.producer();
  await producer.push({ n: 0 });
  const samples: TopicStatistics[] = [];
  const subscription = topic
    .statistics({ every, consumers: ["app2", "app3"] })
    .subscribe((sample) => samples.push(sample));
  t.teardown(() => subscription.unsubscribe());
  const event = await topic.consumer("app2").pull();
  await event.acknowledge();
  await Promise.all([producer.push({ n: 1 }), producer.push({ n: 2 })]);
  const reached = await firstValueFrom(topic.statistics({ every, consumers: ["app2", "app3"] }));
  t.like(reached, { events: 3, lag: { app2: 2, app3: 3 } });
  t.deepEqual(
    reached.partitions.map(({ start, end }) => end - start).toSorted((a, b) => a - b),
    [1, 2],
  );
  t.true(samples.reduce((sum, { stored }) => sum + stored, 0) <= 2, "what was there before is not counted");
});

test("a lag that is never answered holds back no sample of a consumer", (t) => {
  const scheduler = new TestScheduler((actual, expected) => t.deepEqual(actual, expected));
  scheduler.run(({ expectObservable }) => {
    const answers = [of(5), NEVER, of(7)];
    const gauge = { bufferedBytes: 0, isWaiting: false, partitions: [], lag: () => answers.shift() ?? of(0) };
    const lags$ = consumerStatistics(NEVER, gauge, { every: 1000 }).pipe(map(({ lag }) => lag));
    expectObservable(lags$, "4500ms !").toBe("1s a 1999ms b 999ms c", { a: 5, b: undefined, c: 7 });
  });
});

test("a consumer whose lag is never answered is left out of the samples of a topic", async (t) => {
  const topic = {
    describe: () => Promise.resolve({ partitions: [{ partition: 0, start: 2, end: 9 }] }),
    lag: (name: string) => (name === "app2" ? Promise.resolve({ total: 4 }) : new Promise<never>(() => {})),
  };
  const sample = await firstValueFrom(topicStatistics(topic, { every, consumers: ["app2", "app3"] }));
  t.like(sample, { events: 7, lag: { app2: 4 } });
  t.deepEqual(Object.keys(sample.lag), ["app2"]);
});

test("statistics end with the driver, also those of a consumer that nobody is subscribed to", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("numbers");
  const slow = { every: 60_000 };
  const sources = [
    driver.statistics(slow),
    topic.statistics(slow),
    topic.producer().statistics(slow),
    topic.consumer("app2").statistics(slow),
  ];
  const ended = sources.map((samples$: Observable<unknown>) => lastValueFrom(samples$, { defaultValue: 0 }));
  await driver.close();
  t.is((await Promise.all(ended)).length, 4);
  await t.throwsAsync(lastValueFrom(topic.statistics()), { code: "ERR_CLOSED" });
});

test("a driver's statistics are about all of its topics, also those that come and go", async (t) => {
  const driver = await connect("memory:");
  t.teardown(() => driver.close());
  const [one, two] = [
    await driver.createTopic<number>("one"),
    await driver.createTopic<number>("two", { partitions: 2 }),
  ];
  await Promise.all([1, 2, 3].map((n) => one.producer().push(n)));
  const taken: DriverStatistics[] = [];
  const samples = driver.statistics({ every }).subscribe((sample) => taken.push(sample));
  t.teardown(() => samples.unsubscribe());
  const until = (isReached: (sample: DriverStatistics) => boolean) =>
    firstValueFrom(driver.statistics({ every }).pipe(filter(isReached)));
  await until(() => true);
  await two.producer().push(4);
  const three = await driver.createTopic<number>("three");
  await Promise.all([5, 6].map((n) => three.producer().push(n)));
  await driver.deleteTopic("one");
  const { topics, events } = await until((sample) => sample.topics.length === 2);
  t.deepEqual(
    topics.map(({ topic, partitions, events: held }) => [topic, partitions, held]),
    [
      ["three", 1, 2],
      ["two", 2, 1],
    ],
  );
  t.is(events, 3);
  t.is(taken.reduce((sum, { stored }) => sum + stored, 0) <= 3, true, "what was there before is not counted");
});
