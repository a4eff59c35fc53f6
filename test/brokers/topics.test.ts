import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { lastValueFrom, map, toArray } from "rxjs";
import { connect, type Driver, type Topic } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { impatient } from "./kafkaUnderTest.ts";

interface Numbered {
  readonly n: number;
}

async function open(t: ExecutionContext): Promise<Driver> {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, deliveryTimeout: 10_000 });
  t.teardown(() => driver.close());
  return driver;
}

/** The numbers of all events that a topic holds. */
function numbersOf(topic: Topic<Numbered>): Promise<number[]> {
  const events$ = topic.consumer(`reader-${randomUUID()}`, { until: "end" });
  return lastValueFrom(
    events$.pipe(
      map(({ metadata }) => metadata.n),
      toArray(),
    ),
  );
}

test("a topic that somebody else makes again is another one: who has the old one open hears of it, and opens the new one", async (t) => {
  t.timeout(120_000);
  const [driver, other] = [await open(t), await open(t)];
  const name = `again-${randomUUID()}`;
  const old = await driver.createTopic<Numbered>(name, { partitions: 2 });
  await old.producer().push({ n: 1 });
  await other.deleteTopic(name);
  const made = await other.createTopic<Numbered>(name);
  await made.producer().push({ n: 2 });

  await t.throwsAsync(numbersOf(old), { code: "ERR_TOPIC_NOT_FOUND" });
  await t.throwsAsync(async () => old.producer().push({ n: 3 }), { code: "ERR_TOPIC_NOT_FOUND" });
  const fresh = await driver.openTopic<Numbered>(name);
  await fresh.producer().push({ n: 4 });
  t.deepEqual(await numbersOf(fresh), [2, 4]);
  t.is((await fresh.describe()).partitions.length, 1);
});

test("a producer of a topic that somebody else has made again stores nothing in the new one", async (t) => {
  t.timeout(120_000);
  const [driver, other] = [await open(t), await open(t)];
  const name = `again-${randomUUID()}`;
  const old = await driver.createTopic<Numbered>(name);
  const producer = old.producer({ name: "app" });
  await producer.push({ n: 1 });
  await other.deleteTopic(name);
  const made = await other.createTopic<Numbered>(name);
  await t.throwsAsync(async () => producer.push({ n: 2 }), { code: "ERR_TOPIC_NOT_FOUND" });
  t.deepEqual(await numbersOf(made), []);
});

test("a topic that is opened several times has its partitions in common, also those that are added", async (t) => {
  const driver = await open(t);
  const name = `twice-${randomUUID()}`;
  const first = await driver.createTopic<Numbered>(name, { partitions: 1 });
  const second = await driver.openTopic<Numbered>(name);
  const producer = first.producer({ name: "app" });
  for (let n = 0; n < 3; n++) await producer.push({ n });
  await second.addPartitions(1);
  await first.producer().push({ n: 3 }, undefined, { partition: 1 });

  t.is((await first.describe()).partitions.length, 2);
  t.deepEqual(
    (await numbersOf(second)).toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  );
});
