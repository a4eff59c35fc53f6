import test from "ava";
import { NEVER } from "rxjs";
import { connect, isSluiceError, type Driver, type Topic } from "sluice";

async function topicWith(count: number, partitions = 1): Promise<{ driver: Driver; topic: Topic<{ n: number }> }> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("topic", { partitions });
  const producer = topic.producer();
  for (let n = 0; n < count; n++) producer.push({ n });
  await producer.close();
  return { driver, topic };
}

test("close() lets the handler that is running finish, and begins no other", async (t) => {
  const { topic } = await topicWith(100);
  const consumer = topic.consumer("worker");
  const handled: number[] = [];
  let finish = () => {};
  const processed = consumer.process((event) => {
    handled.push(event.id);
    return event.id === 3 ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
  });
  t.deepEqual(handled, [0, 1, 2, 3]);
  const closed = consumer.close();
  finish();
  await closed;
  await processed;
  t.deepEqual(handled, [0, 1, 2, 3]);
  t.is((await topic.lag("worker")).partitions[0]?.position, 4);
});

test("close() unsubscribes at the deadline from a handler that does not finish, and its stream fails", async (t) => {
  const { topic } = await topicWith(3);
  const consumer = topic.consumer("worker");
  const processed = consumer.process(() => NEVER);
  await consumer.close({ deadline: 1 });
  t.true(isSluiceError(await t.throwsAsync(processed), "ERR_CLOSED"));
  t.is((await topic.lag("worker")).total, 3);
});

test("a consumer that joins gets its partition without waiting for what no handler has begun with", async (t) => {
  const { driver, topic } = await topicWith(1000, 2);
  const handled = new Set<string>();
  const twice: string[] = [];
  const handle = (event: { partition: number; id: number }) => {
    const key = `${event.partition}/${event.id}`;
    if (handled.has(key)) twice.push(key);
    handled.add(key);
    return Promise.resolve();
  };
  const options = { until: "end" } as const;
  const first = topic.consumer("workers", options).process(handle);
  const second = topic.consumer("workers", options).process(handle);
  await Promise.all([first, second]);
  t.is(handled.size, 1000);
  t.deepEqual(twice, []);
  await driver.close();
});

test("process() takes a handler that returns a plain value", async (t) => {
  const { topic } = await topicWith(3);
  const ids: number[] = [];
  await topic.consumer("worker", { until: "end" }).process((event) => ids.push(event.id));
  t.deepEqual(ids, [0, 1, 2]);
});

test("acknowledging, sealing and adding partitions fail once the topic is deleted", async (t) => {
  const { driver, topic } = await topicWith(1);
  const event = await topic.consumer("reader").pull();
  await driver.deleteTopic("topic");
  for (const call of [() => Promise.resolve(event.acknowledge()), () => topic.seal(), () => topic.addPartition()]) {
    t.true(isSluiceError(await t.throwsAsync(call), "ERR_TOPIC_NOT_FOUND"));
  }
});

test("consumer() refuses an 'until' that is none", async (t) => {
  const { topic } = await topicWith(0);
  t.throws(() => topic.consumer("reader", { until: "now" as never }), { instanceOf: TypeError, message: /'until'/ });
});
