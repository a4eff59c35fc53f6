import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { filter, firstValueFrom, map } from "rxjs";
import type { GroupProtocol } from "../../backends/kafka/index.ts";
import { connect, isSluiceError, type Consumer, type Topic } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { impatient } from "./kafkaUnderTest.ts";

interface Joined {
  readonly consumer: Consumer<unknown>;
  /** Resolves with the error that it ends with. */
  readonly failed: Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Joins the consumers "app" as an instance, over a connection of its own. */
async function join(
  t: ExecutionContext,
  name: string,
  instance: string,
  groupProtocol: GroupProtocol = "classic",
): Promise<Joined> {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, instance, groupProtocol });
  t.teardown(() => driver.close());
  const consumer: Consumer<unknown> = (await driver.openTopic(name)).consumer(name);
  return { consumer, failed: failureOf(consumer), close: () => driver.close() };
}

function failureOf(consumer: Consumer<unknown>): Promise<unknown> {
  return new Promise((resolve) => consumer.subscribe({ error: resolve }));
}

function partitionsOf({ consumer }: Joined, count: number): Promise<readonly number[]> {
  const owned = consumer.status.pipe(
    map(({ partitions }) => partitions.toSorted((a, b) => a - b)),
    filter(({ length }) => length === count),
  );
  return firstValueFrom(owned);
}

async function newTopic(t: ExecutionContext): Promise<Topic<{ n: number }>> {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient });
  t.teardown(() => driver.close());
  return driver.createTopic(`static-${randomUUID()}`, { partitions: 4 });
}

for (const protocol of ["classic", "consumer"] as const)
  test(`a static member that comes back has the partitions that it had, and nobody else notices: protocol "${protocol}"`, async (t) => {
    const { name } = await newTopic(t);
    const one = await join(t, name, "one", protocol);
    await partitionsOf(one, 4);
    const two = await join(t, name, "two", protocol);
    const [ofOne, ofTwo] = await Promise.all([partitionsOf(one, 2), partitionsOf(two, 2)]);
    const told: (readonly number[])[] = [];
    two.consumer.status.subscribe(({ partitions }) => told.push(partitions.toSorted((a, b) => a - b)));
    await one.close();
    const again = await join(t, name, "one", protocol);

    t.deepEqual(await partitionsOf(again, 2), ofOne);
    t.true(told.every((partitions) => partitions.join() === ofTwo.join()));
  });

test("a static member whose instance somebody else uses ends with ERR_FENCED", async (t) => {
  const { name } = await newTopic(t);
  const one = await join(t, name, "one");
  await partitionsOf(one, 4);
  const other = await join(t, name, "one");
  await partitionsOf(other, 4);

  t.true(isSluiceError(await one.failed, "ERR_FENCED"));
});

test("consumers of one connection are static members of their own", async (t) => {
  const { name } = await newTopic(t);
  const one = await join(t, name, "one");
  await partitionsOf(one, 4);
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, instance: "two" });
  t.teardown(() => driver.close());
  const topic = await driver.openTopic(name);
  const consumers = [0, 1].map((): Joined => {
    const consumer: Consumer<unknown> = topic.consumer(name);
    return { consumer, failed: failureOf(consumer), close: () => driver.close() };
  });
  await partitionsOf(one, 2);

  t.deepEqual(
    (await Promise.all(consumers.map((each) => partitionsOf(each, 1)))).map(({ length }) => length),
    [1, 1],
  );
});

test("by the newer protocol of groups, partitions cannot be chosen: ERR_UNSUPPORTED", async (t) => {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, groupProtocol: "consumer" });
  t.teardown(() => driver.close());
  const topic = await driver.createTopic(`static-${randomUUID()}`, { partitions: 2 });

  await t.throwsAsync(firstValueFrom(topic.consumer("app", { partitions: [0] })), { code: "ERR_UNSUPPORTED" });
});
