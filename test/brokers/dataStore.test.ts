import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { firstValueFrom, from, lastValueFrom, toArray } from "rxjs";
import { s3Store, type KafkaConnectOptions } from "../../backends/kafka/index.ts";
import { connect, type Driver, type Lease } from "../../src/index.ts";
import { batchOf } from "../conformance/world.ts";
import { s3User, startS3LookAlike } from "../kafka/store/s3LookAlike.ts";
import { brokersUnderTest } from "./connection.ts";
import { pause } from "./faults/workload.ts";
import { impatient } from "./kafkaUnderTest.ts";

async function open(t: ExecutionContext, options: KafkaConnectOptions): Promise<Driver> {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, ...options });
  t.teardown(() => driver.close());
  return driver;
}

const large = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 241);
const sizes = { inlineBytes: 1000, chunkBytes: 10_000, storeBytes: 100_000 } as const;

test("large data goes into a directory, and a view reads it; less stays in Kafka", async (t) => {
  const store = await mkdtemp(join(tmpdir(), "sluice-store-"));
  t.teardown(() => rm(store, { recursive: true, force: true }));
  const driver = await open(t, { store, ...sizes });
  const name = `store-${randomUUID()}`;
  const producer = (await driver.createTopic<{ n: number }>(name)).producer();
  for (const [n, size] of [100, 50_000, 300_000].entries()) await producer.push({ n }, large.subarray(0, size));
  const reader = await open(t, { store });
  const topic = await reader.openTopic<{ n: number }>(name);
  const all = await lastValueFrom(
    topic.consumer("all", { until: "end", dataSelector: (_, data) => data }).pipe(toArray()),
  );
  const view = await lastValueFrom(
    topic
      .consumer("view", { until: "end", dataSelector: (_, data) => data.makeStridedView(10, 3, 7, 20) })
      .pipe(toArray()),
  );

  t.deepEqual(
    all.map(({ data }) => data.toUint8Array()),
    [100, 50_000, 300_000].map((size) => large.subarray(0, size)),
  );
  const expected = [10, 37, 64].flatMap((start) => [...large.subarray(start, start + 7)]);
  t.deepEqual([...view[2]!.data.toUint8Array()], expected);
  const days = await readdir(join(store, name));
  t.is((await readdir(join(store, name, days[0]!))).length, 1);
  await driver.deleteTopic(name);
  t.deepEqual(await readdir(store), []);
});

test("large data goes into S3, and a view of it asks for its range only", async (t) => {
  const service = await startS3LookAlike();
  t.teardown(() => service.close());
  const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...s3User });
  const driver = await open(t, { store, ...sizes });
  const topic = await driver.createTopic(`store-${randomUUID()}`);
  await topic.producer().push({}, large);
  const view = topic.consumer("view", { dataSelector: (_, data) => data.makeSubView(200_000, 500) });
  const event = await firstValueFrom(view);

  t.deepEqual(event.data.toUint8Array(), large.subarray(200_000, 200_500));
  t.deepEqual(
    service.asked.map(({ method, range, bytes }) => [method, range, bytes]),
    [
      ["PUT", undefined, large.length],
      ["GET", "bytes=200000-200499", 0],
    ],
  );
});

test("an event whose data could not be stored is not there, and its future is rejected", async (t) => {
  const service = await startS3LookAlike();
  t.teardown(() => service.close());
  const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...s3User, retries: 0 });
  const driver = await open(t, { store, ...sizes });
  const topic = await driver.createTopic<{ n: number }>(`store-${randomUUID()}`);
  const producer = topic.producer({ batchSize: 1 });
  service.failures = 1;
  await t.throwsAsync(async () => producer.push({ n: 0 }, large), { code: "ERR_STORAGE" });
  await producer.push({ n: 1 }, large);
  const events = await lastValueFrom(topic.consumer("all", { until: "end" }).pipe(toArray()));

  t.deepEqual(
    events.map(({ metadata }) => metadata.n),
    [1],
  );
});

test("what a transaction has put into the store is removed when it is aborted, and stays when it is committed", async (t) => {
  const store = await mkdtemp(join(tmpdir(), "sluice-store-"));
  t.teardown(() => rm(store, { recursive: true, force: true }));
  const driver = await open(t, { store, ...sizes });
  const name = `store-${randomUUID()}`;
  const serializer = { type: "json" } as const;
  const topic = await driver.createTopic<{ n: number }>(name, { serializer });
  const sealed = await driver.createTopic<{ n: number }>(`store-${randomUUID()}`, { serializer });
  await sealed.seal();
  const leases: Lease[] = [];
  const member = from(topic.backend.join("app", { partitions: undefined })).subscribe((given) => leases.push(...given));
  t.teardown(() => member.unsubscribe());
  while (leases.length === 0) await pause(10);
  const [lease] = leases;
  const batch = { ...batchOf([{ n: 1 }]), data: [large], dataEnds: Float64Array.of(large.length) };
  const into = (to: typeof topic) => ({ topic: to.backend, partition: 0, batch });
  const objects = async () =>
    (await readdir(store, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

  await t.throwsAsync(lastValueFrom(from(lease!.transact!(1, [into(topic), into(sealed)]))), {
    code: "ERR_TOPIC_SEALED",
  });
  t.is(await objects(), 0);
  await lastValueFrom(from(lease!.transact!(1, [into(topic)])));
  t.is(await objects(), 1);
});

test("who reads without the store gets metadata, and ERR_UNSUPPORTED for the data", async (t) => {
  const store = await mkdtemp(join(tmpdir(), "sluice-store-"));
  t.teardown(() => rm(store, { recursive: true, force: true }));
  const driver = await open(t, { store, ...sizes });
  const topic = await driver.createTopic(`store-${randomUUID()}`);
  await topic.producer().push({ n: 1 }, large);
  const bare = await (await open(t, {})).openTopic(topic.name);
  const event = await firstValueFrom(bare.consumer("bare"));

  t.deepEqual(event.metadata, { n: 1 });
  t.is(event.descriptor?.size, large.length);
  await t.throwsAsync(async () => event.fetchData(), { code: "ERR_UNSUPPORTED" });
});
