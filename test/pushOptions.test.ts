import test from "ava";
import { connect, registerBackend, type Backend, type StreamEvent } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { FaultPlan, withFaults } from "sluice/testing";

async function topicOf(backend: Backend = memoryBackend()) {
  const unregister = registerBackend("pushing", () => backend);
  const driver = await connect("pushing:");
  unregister();
  return driver.createTopic<number>("topic", { partitions: 2 });
}

async function read(topic: Awaited<ReturnType<typeof topicOf>>): Promise<StreamEvent<number>[]> {
  const events: StreamEvent<number>[] = [];
  for await (const event of topic.consumer("check", { until: "end", partitions: [0] })) events.push(event);
  return events;
}

test.serial("push() keeps the time that it is given", async (t) => {
  const topic = await topicOf();
  const producer = topic.producer();
  producer.push(1, undefined, { partition: 0, timestamp: 1_000 });
  producer.push(2, undefined, { partition: 0 });
  producer.push(3, undefined, { partition: 0, timestamp: 0 });
  const before = Date.now();
  await producer.flush();
  const times = (await read(topic)).map(({ timestamp }) => timestamp);
  t.deepEqual([times[0], times[2]], [1_000, 0]);
  t.true(Math.abs(times[1]! - before) < 60_000);
});

test.serial(
  "push() under the number of a producer is stored once, however often it is pushed, and by whomever",
  async (t) => {
    const topic = await topicOf();
    const push = async (numbers: readonly number[]) => {
      const producer = topic.producer();
      const ids = numbers.map((n) =>
        producer.push(n, undefined, { partition: 0, producer: { id: "import", sequence: n } }),
      );
      const answers = await Promise.all(ids);
      await producer.close();
      return answers;
    };
    t.deepEqual(await push([0, 1, 2]), [0, 1, 2]);
    t.deepEqual(await push([1, 2, 3, 4]), [1, 2, 3, 4]);
    const events = await read(topic);
    t.deepEqual(
      events.map(({ metadata, producer }) => [metadata, producer]),
      [0, 1, 2, 3, 4].map((n) => [n, { id: "import", sequence: n }]),
    );
  },
);

test.serial(
  "push() sends what belongs to different producers under the name of each, in the order of the pushes",
  async (t) => {
    const topic = await topicOf();
    const producer = topic.producer({ name: "own", batchSize: 100 });
    const from = (id: string, sequence: number) => ({ partition: 0, producer: { id, sequence } });
    producer.push(0, undefined, from("a", 0));
    producer.push(1, undefined, from("b", 0));
    producer.push(2, undefined, from("b", 1));
    producer.push(3, undefined, { partition: 0 });
    producer.push(4, undefined, from("a", 1));
    await producer.flush();
    const events = await read(topic);
    t.deepEqual(
      events.map(({ metadata }) => metadata),
      [0, 1, 2, 3, 4],
    );
    t.deepEqual(
      events.map((event) => [event.producer?.id.split("/")[0], event.producer?.sequence]),
      [
        ["a", 0],
        ["b", 0],
        ["b", 1],
        ["own", 0],
        ["a", 1],
      ],
    );
  },
);

test.serial("push() behind a gap is refused, and what stood in front of the gap is stored", async (t) => {
  const topic = await topicOf();
  const producer = topic.producer({ batchSize: 100 });
  const futures = [0, 1, 3].map((n) =>
    producer.push(n, undefined, { partition: 0, producer: { id: "import", sequence: n } }),
  );
  await t.throwsAsync(Promise.resolve(producer.flush()), { code: "ERR_OUT_OF_SEQUENCE" });
  t.deepEqual([await futures[0], await futures[1]], [0, 1]);
  await t.throwsAsync(Promise.resolve(futures[2]!), { code: "ERR_OUT_OF_SEQUENCE" });
});

test.serial("push() may be repeated under its number after a failure that has stored it all the same", async (t) => {
  const faults = new FaultPlan();
  const topic = await topicOf(withFaults(memoryBackend(), faults));
  const producer = topic.producer();
  const place = { partition: 0, producer: { id: "import", sequence: 0 } };
  faults.append.loseAnswer(new Error("away"), { times: 1 });
  await t.throwsAsync(Promise.resolve(producer.push(7, undefined, place)));
  t.is(await producer.push(7, undefined, place), 0);
  t.is((await read(topic)).length, 1);
});

test.serial("push() refuses a time or a number that is none", async (t) => {
  const producer = (await topicOf()).producer();
  for (const [options, message] of [
    [{ timestamp: "now" }, /'timestamp' must be a number: current value is "now"/],
    [{ timestamp: Number.NaN }, /'timestamp' must be a finite number/],
    [{ producer: { id: "", sequence: 0 } }, /'producer\.id' must be text/],
    [{ producer: { id: "a", sequence: -1 } }, /'producer\.sequence' must be an integer of at least 0/],
    [{ producer: { id: "x".repeat(513), sequence: 0 } }, /'producer\.id' must be text of 1 to 512 characters/],
  ] as const) {
    const error = t.throws(() => producer.push(1, undefined, options as never));
    t.true(error instanceof TypeError || error instanceof RangeError);
    t.regex(error.message, message);
  }
});
