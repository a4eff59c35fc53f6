import { randomUUID } from "node:crypto";
import test from "ava";
import { lastValueFrom, toArray } from "rxjs";
import { connect } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { pause } from "./faults/workload.ts";
import { impatient } from "./kafkaUnderTest.ts";

test("what all consumers of the rule have acknowledged is dropped, and nothing more", async (t) => {
  t.timeout(120_000);
  const sizes = { inlineBytes: 10, chunkBytes: 1000 };
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, ...sizes });
  t.teardown(() => driver.close());
  const retention = { acknowledgedBy: ["one", "two"] };
  const topic = await driver.createTopic<{ n: number }>(`retained-${randomUUID()}`, { retention, partitions: 1 });
  const producer = topic.producer();
  for (let n = 0; n < 10; n++) await producer.push({ n }, new Uint8Array(3000).fill(n));
  const startOf = async () => (await topic.describe()).partitions[0]!.start;
  const read = (name: string, last: number) => {
    const consumer = topic.consumer(name);
    consumer.subscribe((event) => {
      if (event.id <= last) event.acknowledge();
    });
  };
  read("one", Infinity);
  read("two", 5);
  while ((await startOf()) < 6) await pause(50);
  t.is(await startOf(), 6);
  const rest = topic.consumer("rest", { dataSelector: (_, data) => data });
  const { id, data } = await rest.pull();

  t.is(id, 6);
  t.deepEqual(data.toUint8Array(), new Uint8Array(3000).fill(6));
});

test("a topic with large data keeps to its size, and every event that is there has its data", async (t) => {
  t.timeout(120_000);
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, chunkBytes: 100_000 });
  t.teardown(() => driver.close());
  const maxBytes = 4_000_000;
  const topic = await driver.createTopic<{ n: number }>(`sized-${randomUUID()}`, {
    retention: { maxBytes },
    partitions: 1,
  });
  const producer = topic.producer();
  const size = 250_000;
  for (let n = 0; n < 40; n++) await producer.push({ n }, new Uint8Array(size).fill(n));
  const startOf = async () => (await topic.describe()).partitions[0]!.start;
  // 16 of them come to the size; the last ones may be stored behind the back of who looks.
  while ((await startOf()) < 20) await pause(50);
  const rest$ = topic.consumer("rest", { until: "end", dataSelector: (_, data) => data });
  const rest = await lastValueFrom(rest$.pipe(toArray()));

  t.true(rest.length >= maxBytes / size);
  for (const { metadata, data } of rest) t.deepEqual(data.toUint8Array(), new Uint8Array(size).fill(metadata.n));
});
