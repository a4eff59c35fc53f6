import test from "ava";
import { lastValueFrom, toArray } from "rxjs";
import { decodeKeys, encodeKeys } from "../../backends/log/format/batchKeys.ts";
import { connect, type Compaction, type StreamEvent, type Topic } from "../../src/index.ts";
import { keyReader } from "../../src/model/compaction.ts";

interface Keyed {
  readonly key: string;
  readonly value: number;
  readonly gone?: boolean;
}

const compaction: Compaction = { key: "key", tombstone: "/gone" };

function read(topic: Topic<Keyed>): Promise<StreamEvent<Keyed>[]> {
  const consumer = topic.consumer("reader", { until: "end", dataSelector: (_, descriptor) => descriptor });
  return lastValueFrom(consumer.pipe(toArray()));
}

test("keyReader() reads the key of an event, and whether it is a tombstone", (t) => {
  const readKey = keyReader({ key: "/run/id", tombstone: "gone" });
  t.deepEqual(readKey({ run: { id: "a" } }), { key: "a", isTombstone: false });
  t.deepEqual(readKey({ run: { id: 7 }, gone: true }), { key: "7", isTombstone: true });
  t.deepEqual(readKey({ run: { id: false }, gone: 1 }), { key: "false", isTombstone: false });
  for (const wrong of [null, {}, { run: {} }, { run: { id: null } }, { run: { id: {} } }, { run: { id: NaN } }])
    t.throws(() => readKey(wrong), { code: "ERR_INVALID_METADATA", message: /\/run\/id.*current value is/ });
});

test("encodeKeys() writes what decodeKeys() reads, and nothing else is taken for it", (t) => {
  const keys = { keys: ["a", "", "schlüssel", "x".repeat(300)], tombstones: new Uint8Array([0, 1, 1, 0]) };
  const bytes = encodeKeys(keys);
  t.deepEqual(decodeKeys(bytes, 4), keys);
  for (let length = 0; length < bytes.length; length++) t.is(decodeKeys(bytes.subarray(0, length), 4), undefined);
  t.is(decodeKeys(bytes, 3), undefined);
});

test("a topic in memory that is compacted holds the newest event of each key, and little more", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<Keyed>("states", { compaction });
  const producer = topic.producer({ batchSize: 10 });
  const futures = Array.from({ length: 5000 }, (_, value) =>
    producer.push({ key: `k${value % 10}`, value }, new Uint8Array([value & 0xff])),
  );
  await Promise.all(futures);
  const events = await read(topic);

  t.true(events.length < 200, `${events.length} events`);
  t.true(events.every(({ id, metadata, data }) => metadata.value === id && data.toUint8Array()[0] === (id & 0xff)));
  t.deepEqual(
    events.slice(-10).map(({ id }) => id),
    Array.from({ length: 10 }, (_, i) => 4990 + i),
  );
  t.is((await topic.describe()).partitions[0]!.end, 5000);
  await driver.close();
});

test("a tombstone removes its key, and goes when it is old enough", async (t) => {
  const driver = await connect("memory:");
  for (const [name, tombstoneAge, left] of [
    ["kept", 1e9, 1],
    ["dropped", 0, 0],
  ] as const) {
    const topic = await driver.createTopic<Keyed>(name, { compaction: { ...compaction, tombstoneAge } });
    const producer = topic.producer({ batchSize: 1 });
    await producer.push({ key: "old", value: 1 });
    await producer.push({ key: "old", value: 2, gone: true });
    const before = Date.now();
    while (Date.now() === before) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(Array.from({ length: 1000 }, (_, value) => producer.push({ key: "new", value })));
    const events = await read(topic);
    t.is(events.filter(({ metadata }) => metadata.key === "old" && metadata.gone === true).length, left, name);
    t.is(events.filter(({ metadata }) => metadata.key === "old" && metadata.gone !== true).length, 0, name);
  }
  await driver.close();
});

test("a topic that is compacted selects partitions by its key, unless it is told otherwise", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<Keyed>("a", { partitions: 3, compaction });
  const producer = topic.producer();
  await Promise.all(Array.from({ length: 30 }, (_, value) => producer.push({ key: "same", value })));
  t.is(new Set((await read(topic)).map(({ partition }) => partition)).size, 1);
  const spread = await driver.createTopic<Keyed>("b", {
    partitions: 3,
    compaction,
    partitionSelector: { type: "round-robin" },
  });
  const other = spread.producer();
  await Promise.all(Array.from({ length: 30 }, (_, value) => other.push({ key: "same", value })));
  t.is(new Set((await read(spread)).map(({ partition }) => partition)).size, 3);
  await driver.close();
});

for (const wrong of [7, {}, { key: 7 }, { key: "a", tombstone: 7 }, { key: "a", tombstoneAge: -1 }]) {
  test(`createTopic() refuses the compaction ${JSON.stringify(wrong)}`, async (t) => {
    const driver = await connect("memory:");
    const error = await t.throwsAsync(driver.createTopic("t", { compaction: wrong as never }));
    t.true(error instanceof TypeError || error instanceof RangeError, String(error));
    await driver.close();
  });
}
