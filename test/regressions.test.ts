import test from "ava";
import { first, firstValueFrom, from, lastValueFrom, map, of, timeout, toArray } from "rxjs";
import { connect, isSluiceError, joinBatches, registerBackend, type StoredBatch } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { consume, produce } from "sluice/operators";
import { FaultPlan, withFaults } from "sluice/testing";

// What reviews and trials have found, each as a user would meet it.

test("a read that is cut short by bytes goes on where it was cut", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number; text: string }>("topic");
  const producer = topic.producer({ batchSize: 3, maxBatchBytes: 64 << 20, linger: 0 });
  const large = "x".repeat(2 << 20);
  for (const n of [0, 1, 2]) producer.push({ n, text: n === 1 ? large : "" });
  await producer.flush();
  await producer.push({ n: 3, text: "" });
  const seen$ = consume(topic, "reader", { until: "end" }).pipe(map(({ id, metadata }) => [id, metadata.n]));
  t.deepEqual(await lastValueFrom(seen$.pipe(toArray())), [
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  await driver.close();
});

test("halves of a surrogate pair in two events corrupt no other event of their batch", async (t) => {
  const driver = await connect("memory:");
  const serializer = {
    form: "text",
    serialize: (text: string) => text,
    deserialize: (text: string) => text,
  } as const;
  const topic = await driver.createTopic<string>("topic", { serializer });
  const producer = topic.producer({ batchSize: 3 });
  for (const text of ["a\ud83d", "\ude00b", "good"]) producer.push(text);
  await producer.flush().wait(-1);
  const texts$ = consume(topic, "reader", { until: "end" }).pipe(
    map(({ metadata }) => metadata),
    toArray(),
  );
  const texts = await lastValueFrom(texts$);
  t.is(texts.at(-1), "good");
  await driver.close();
});

test("createTopic() refuses a retention that nobody has to acknowledge for", async (t) => {
  const driver = await connect("memory:");
  const create = () => driver.createTopic("topic", { retention: { acknowledgedBy: [] } });
  await t.throwsAsync(create, { instanceOf: RangeError });
});

test("an event goes to a later pull when who waited for it has unsubscribed", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("topic");
  const consumer = topic.consumer("reader");
  await t.throwsAsync(firstValueFrom(from(consumer.pull()).pipe(timeout(1))), { any: true });
  await topic.producer().push({ n: 7 });
  t.is((await consumer.pull()).metadata.n, 7);
  await driver.close();
});

test("a stream of receipts fails when its driver is closed and the backend does not answer", async (t) => {
  const plan = new FaultPlan();
  plan.append.hang();
  const unregister = registerBackend("silent", () => withFaults(memoryBackend(), plan));
  const driver = await connect("silent:");
  unregister();
  const topic = await driver.createTopic<number>("topic");
  const receipts = lastValueFrom(of({ metadata: 1 }).pipe(produce(topic)));
  await driver.close({ deadline: 1 });
  t.true(isSluiceError(await t.throwsAsync(receipts), "ERR_TIMEOUT"));
});

test("a consumer that joins while another one is given its partitions gets its share", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("topic", { partitions: 4 });
  const producer = topic.producer();
  for (let n = 0; n < 4; n++) producer.push({ n }, null, { partition: n });
  await producer.flush();
  const second = topic.consumer("readers", { drainTimeout: 1 });
  const hasItsShare = firstValueFrom(second.status.pipe(first(({ partitions }) => partitions.length === 2)));
  let joined = false;
  const subscription = topic.consumer("readers", { drainTimeout: 1 }).subscribe((event) => {
    event.acknowledge();
    if (joined) return;
    joined = true;
    second.subscribe((other) => void other.acknowledge());
  });
  t.is((await hasItsShare).partitions.length, 2);
  subscription.unsubscribe();
  await driver.close();
});

test("close() resolves however many failures the caller has seen", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<bigint>("topic");
  const producer = topic.producer();
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => producer.push(1n)));
  t.true(outcomes.every(({ status }) => status === "rejected"));
  await t.notThrowsAsync(() => producer.close());
});

test("an event whose metadata cannot be read fails as an event, not as an exception", async (t) => {
  const driver = await connect("memory:");
  const producer = (await driver.createTopic("topic")).producer();
  const bad = Object.defineProperty({}, "metadata", {
    get() {
      throw new Error("not now");
    },
  });
  from([bad as { metadata: unknown }]).subscribe(producer);
  await t.throwsAsync(() => producer.close(), { message: "not now" });
});

test("a time that is longer than a timer can take is no time at all", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<number>("topic");
  const producer = topic.producer({ linger: 2 ** 31, batchSize: 10 });
  const future = producer.push(1);
  await producer.close({ deadline: 2 ** 31 });
  t.is(await future.wait(2 ** 31), 0);
});

test("joinBatches() refuses batches with a gap between them", (t) => {
  const batch = (firstId: number): StoredBatch => ({
    count: 1,
    firstId,
    next: firstId + 1,
    metadata: new Uint8Array([1]),
    metadataEnds: new Uint32Array([1]),
    timestamps: new Float64Array([0]),
    dataEnds: undefined,
  });
  t.throws(() => joinBatches([batch(0), batch(2)]), { instanceOf: RangeError });
});
