import test from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import {
  isSluiceError,
  openRobustProducer,
  registerBackend,
  SluiceError,
  type Backend,
  type OpenRobustProducerOptions,
} from "../../src/index.ts";
import { atOnce, driverOf, statusWhere, storedIn, upTo, type Numbered } from "./support.ts";

const codeOf = (promise: PromiseLike<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => isSluiceError(error) && error.code,
  );

/** A backend that is somewhere else, and that can be there or not. */
interface Remote {
  readonly backend: Backend;
  isThere: boolean;
  connections: number;
}

registerBackend("remote", (_url, options) => {
  const remote = options["remote"] as Remote;
  if (!remote.isThere) throw new SluiceError("ERR_UNREACHABLE", "nobody answers");
  remote.connections++;
  return { ...remote.backend, close: () => (remote.connections--, remote.backend.close()) };
});

async function setUp(topicOptions: object = {}) {
  const remote: Remote = { backend: memoryBackend(), isThere: true, connections: 0 };
  const driver = await driverOf(remote.backend);
  const topic = await driver.createTopic<Numbered>("t", topicOptions);
  const journal = memoryBackend();
  const open = (options: Partial<OpenRobustProducerOptions<Numbered>> = {}) =>
    openRobustProducer<Numbered>("remote:", "t", { journal, retry: atOnce, connectOptions: { remote }, ...options });
  return { remote, topic, driver, open };
}

test("it connects, publishes, and closes the connection", async (t) => {
  const { remote, topic, open } = await setUp();
  const producer = await open();
  t.is(remote.connections, 1);
  t.is(await producer.push({ n: 0 }).delivered, 0);
  t.deepEqual(await producer.close(), { left: 0 });
  t.is(remote.connections, 0);
  t.deepEqual(await storedIn(topic), [[0]]);
});

test("started during an outage it gives events of a compacted topic their keys when the topic is there", async (t) => {
  const { remote, topic, open } = await setUp({ compaction: { key: "key" } });
  const first = await open();
  await first.push({ n: 0, key: "a" } as Numbered).delivered;
  await first.close();
  remote.isThere = false;
  const second = await open({ maxBatchEvents: 20 });
  for (const n of upTo(199, 1)) second.push({ n, key: n % 2 === 0 ? "a" : "b" } as Numbered);
  await second.flush();
  remote.isThere = true;
  await second.drain();
  await second.close();
  const [stored = []] = await storedIn(topic);
  t.true(stored.length < 100, `${stored.length} events of two keys`);
  t.deepEqual(stored.slice(-2), [198, 199]);
});

test("started during an outage it accepts what the journal knows the topic to accept, and sends it when it can", async (t) => {
  const validator = { type: "json-schema", schema: { type: "object", properties: { n: { minimum: 0 } } } };
  const { remote, topic, open } = await setUp({ partitions: 2, validator });
  const first = await open();
  await first.push({ n: 0 }).delivered;
  await first.close();
  remote.isThere = false;
  const second = await open();
  t.is(await codeOf(second.push({ n: -1 }).accepted), "ERR_INVALID_METADATA");
  for (const n of upTo(9, 1)) second.push({ n });
  t.is(await codeOf(second.flush()), "ERR_INVALID_METADATA");
  const { error } = await statusWhere(second, ({ state }) => state === "waiting");
  t.is(isSluiceError(error) && error.code, "ERR_UNREACHABLE");
  t.deepEqual(await second.close({ deadline: 0 }), { left: 9 });
  const third = await open();
  for (const n of upTo(5, 10)) third.push({ n });
  await third.flush();
  remote.isThere = true;
  await third.drain();
  t.is(remote.connections, 1);
  t.deepEqual(await third.close(), { left: 0 });
  t.is(remote.connections, 0);
  t.deepEqual(
    (await storedIn(topic)).flat().sort((a, b) => a - b),
    upTo(15),
  );
});

test("a journal that is new has to reach the backend once", async (t) => {
  const { remote, open } = await setUp();
  remote.isThere = false;
  t.is(await codeOf(open()), "ERR_UNREACHABLE");
  remote.isThere = true;
  await (await open()).close();
  remote.isThere = false;
  const producer = await open();
  await producer.push({ n: 1 }).accepted;
  t.deepEqual(await producer.close({ deadline: 0 }), { left: 1 });
});

test("a backend that never answers counts as away after connectTimeout", async (t) => {
  const unregister = registerBackend("silent", () => new Promise(() => {}));
  const journal = memoryBackend();
  t.is(await codeOf(openRobustProducer("silent:", "t", { journal, connectTimeout: 5 })), "ERR_TIMEOUT");
  unregister();
});

test("what waiting does not mend is told at once", async (t) => {
  const { driver, open } = await setUp();
  t.is(await codeOf(openRobustProducer("nowhere:", "t", { journal: memoryBackend() })), "ERR_UNKNOWN_SCHEME");
  await driver.deleteTopic("t");
  t.is(await codeOf(open()), "ERR_TOPIC_NOT_FOUND");
  await t.throwsAsync(open({ full: "drop" as never }), { instanceOf: RangeError, message: /'full'/ });
});

test("a topic that comes back with another serializer halts the delivery, and loses nothing", async (t) => {
  const { remote, driver, open } = await setUp();
  await (await open()).close();
  remote.isThere = false;
  const producer = await open();
  await producer.push({ n: 1 }).accepted;
  await driver.deleteTopic("t");
  await driver.createTopic("t", { serializer: { type: "text" } as never });
  remote.isThere = true;
  const { error } = await statusWhere(producer, ({ state }) => state === "halted");
  t.is(isSluiceError(error) && error.code, "ERR_COMPONENT");
  t.deepEqual(await producer.close(), { left: 1 });
});
