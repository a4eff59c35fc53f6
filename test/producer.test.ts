import test from "ava";
import { from, NEVER, of, throwError, concat } from "rxjs";
import { connect, isSluiceError, registerBackend, type Topic } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { FaultPlan, withFaults } from "sluice/testing";

async function topicOf<M = { n: number }>(options = {}): Promise<Topic<M>> {
  const driver = await connect("memory:");
  return driver.createTopic<M>("topic", options);
}

test("close() rejects with the failure of an event that came from a stream and that nobody has seen", async (t) => {
  const producer = (await topicOf<bigint>()).producer();
  from([{ metadata: 1n }]).subscribe(producer);
  const error = await t.throwsAsync(() => producer.close());
  t.true(isSluiceError(error, "ERR_SERIALIZATION"));
});

test("close() rejects with the error that the source has failed with, after what came before is stored", async (t) => {
  const topic = await topicOf();
  const producer = topic.producer();
  const failure = new Error("the instrument is gone");
  concat(
    of({ metadata: { n: 1 } }),
    throwError(() => failure),
  ).subscribe(producer);
  t.is(await t.throwsAsync(() => producer.close()), failure);
  t.is((await topic.describe()).partitions[0]?.end, 1);
});

test("close() resolves when the caller has looked at the future that failed", async (t) => {
  const producer = (await topicOf<bigint>()).producer();
  await t.throwsAsync(Promise.resolve(producer.push(1n)));
  await t.notThrowsAsync(() => producer.close());
});

test("close() fails the futures of all events that it gives up", async (t) => {
  const plan = new FaultPlan();
  plan.append.hang();
  const unregister = registerBackend("hanging", () => withFaults(memoryBackend(), plan));
  const driver = await connect("hanging:");
  unregister();
  const validator = ({ n }: { n: number }) => (n === 3 ? new Promise<void>(() => {}) : undefined);
  const topic = await driver.createTopic<{ n: number }>("topic", { validator });
  const producer = topic.producer({ maxBatches: 1 });
  const futures = [1, 2, 3].map((n) => producer.push({ n }));
  await t.throwsAsync(() => producer.close({ deadline: 5 }));
  for (const future of futures) {
    const error = await t.throwsAsync(Promise.resolve(future));
    t.true(isSluiceError(error, "ERR_TIMEOUT"));
  }
});

test("an observer of batches that throws fails no event that is stored", async (t) => {
  const topic = await topicOf();
  const refuse = () => {
    throw new Error("no reports, please");
  };
  const producer = topic.producer({ batches: { next: refuse } });
  t.is(await producer.push({ n: 1 }), 0);
  await t.throwsAsync(() => producer.close(), { message: "no reports, please" });
});

test("an observer of batches is told how large each was", async (t) => {
  const sizes: unknown[] = [];
  const producer = (await topicOf()).producer({
    batchSize: 2,
    batches: { next: ({ partition, count, bytes }) => sizes.push([partition, count, bytes]) },
  });
  for (const n of [1, 2, 3]) producer.push({ n }, new Uint8Array(10));
  await producer.close();
  t.deepEqual(sizes, [
    [0, 2, 34],
    [0, 1, 17],
  ]);
});

test("the error of a partition selector has a code", async (t) => {
  const topic = await topicOf({
    partitionSelector: () => {
      throw new Error("no idea");
    },
  });
  const error = await t.throwsAsync(Promise.resolve(topic.producer().push({ n: 1 })));
  t.true(isSluiceError(error, "ERR_COMPONENT"));
  t.regex(error.message, /no idea/);
});

test("a validator that returns false is told to throw", async (t) => {
  const topic = await topicOf({ validator: () => false });
  const error = await t.throwsAsync(Promise.resolve(topic.producer().push({ n: 1 })));
  t.true(isSluiceError(error, "ERR_INVALID_METADATA"));
  t.regex(error.message, /must throw/);
});

test("producer() refuses a thread pool and a priority that are none", async (t) => {
  const topic = await topicOf();
  t.throws(() => topic.producer({ threadPool: 3 as never }), { instanceOf: TypeError });
  t.throws(() => topic.producer({ priority: "high" as never }), { instanceOf: TypeError });
});

test("a source that never ends keeps nothing from closing", async (t) => {
  const producer = (await topicOf()).producer();
  const subscription = NEVER.subscribe(producer);
  await t.notThrowsAsync(() => producer.close());
  subscription.unsubscribe();
});

test("an event that is pushed when another is rejected comes after those that wait for the validator", async (t) => {
  const validator = ({ n }: { n: number }) => {
    if (n === 2) throw new Error("refused");
    return n === 1 ? Promise.resolve() : undefined;
  };
  const topic = await topicOf({ validator });
  const producer = topic.producer({ concurrency: 1 });
  const instead = new Promise((resolve) => producer.errors.subscribe(() => resolve(producer.push({ n: 5 }))));
  const futures = [1, 2, 3, 4].map((n) => producer.push({ n }));
  t.deepEqual([await futures[0], await futures[2], await futures[3], await instead], [0, 1, 2, 3]);
});

test("the bytes of a stored event leave room for one that is pushed when its future is told", async (t) => {
  const producer = (await topicOf()).producer({ maxBufferedBytes: 1500 });
  const data = new Uint8Array(700);
  const again = new Promise<unknown>((resolve) => {
    from(producer.push({ n: 1 }, data)).subscribe(() => resolve(producer.push({ n: 2 }, data)));
  });
  t.is(await again, 1);
});

test("nothing is held any more when close() has given events up, serialized or not", async (t) => {
  const serializer = {
    spec: { type: "slow" },
    form: "text" as const,
    serialize: ({ n }: { n: number }) => (n === 1 ? new Promise<string>(() => {}) : "x".repeat(1000)),
    deserialize: () => ({ n: 0 }),
  };
  const producer = (await topicOf({ serializer })).producer();
  for (const n of [1, 2, 3]) producer.push({ n });
  await t.throwsAsync(() => producer.close({ deadline: 5 }));
  t.is(producer.bufferedBytes, 0);
});
