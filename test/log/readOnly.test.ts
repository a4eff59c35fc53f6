import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { firstValueFrom, from, take, toArray } from "rxjs";
import { logBackend, type StorageFile } from "../../backends/log/index.ts";
import { connect, isSluiceError, type Driver, type Lease, type StreamEvent } from "../../src/index.ts";
import { startWriter, testDirectory } from "./remote.ts";
import { append, answerOf, openLog, readAll } from "./support.ts";
import { SimulatedStorage, systemError } from "./simulatedStorage.ts";

interface Numbered {
  readonly n: number;
}

async function openReader(t: ExecutionContext, directory: string): Promise<Driver> {
  const driver = await connect(`log:${directory}`, { mode: "read-only" });
  t.teardown(() => driver.close().catch(() => undefined)); // Where the test has failed before it could.
  return driver;
}

/** Takes events until there are enough, and returns their numbers. */
async function numbersOf(events: AsyncIterable<StreamEvent<Numbered>>, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const event of events) {
    numbers.push(event.metadata.n);
    if (numbers.length === count) break;
  }
  return numbers;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test("a read-only driver reads what another process has stored, and follows it over many segments", async (t) => {
  const directory = await testDirectory(t);
  const writer = await startWriter(t, directory, { segmentBytes: 20_000 });
  await writer.tell("create", "t", {});
  await writer.tell("push", "t", 0, 100);
  const reader = await openReader(t, directory);
  t.deepEqual(await reader.listTopics(), ["t"]);
  const topic = await reader.openTopic<Numbered>("t");
  const following = numbersOf(topic.consumer("app"), 2000);
  for (let n = 100; n < 2000; n += 100) await writer.tell("push", "t", n, 100);

  t.deepEqual(await following, upTo(2000));
  const { partitions } = await topic.describe();
  t.like(partitions[0], { start: 0, end: 2000, sealed: false });
  const data = topic.consumer("data", { dataSelector: (_metadata, descriptor) => descriptor, startFrom: 1990 });
  await writer.tell("push", "t", 2000, 1, 5000);
  const events = await firstValueFrom(data.pipe(take(11), toArray()));
  t.deepEqual([events.at(-1)!.id, events.at(-1)!.data.size], [2000, 5000]);
  await reader.close();
  await writer.close();
});

test("a read-only driver goes on when the writer is killed and another one comes", async (t) => {
  const directory = await testDirectory(t);
  let writer = await startWriter(t, directory);
  await writer.tell("create", "t", {});
  const reader = await openReader(t, directory);
  const events = numbersOf((await reader.openTopic<Numbered>("t")).consumer("app"), 500);
  for (let round = 0; round < 5; round++) {
    await writer.tell("push", "t", round * 100, 100);
    await writer.kill();
    writer = await startWriter(t, directory);
    await writer.tell("open", "t");
  }

  t.deepEqual(await events, upTo(500));
  await reader.close();
  await writer.close();
});

test("a read-only driver is told what becomes of topics: made, sealed, grown, deleted, made anew", async (t) => {
  const directory = await testDirectory(t);
  const reader = await openReader(t, join(directory, "data")); // The directory is not there yet.
  t.deepEqual(await reader.listTopics(), []);
  await t.throwsAsync(reader.openTopic("t"), { code: "ERR_TOPIC_NOT_FOUND" });
  const writer = await startWriter(t, join(directory, "data"));
  await writer.tell("create", "t", {});
  const topic = await reader.openTopic<Numbered>("t");
  const seen: number[] = [];
  const ended = topic.consumer("app").forEach((event) => void seen.push(event.metadata.n));
  await writer.tell("push", "t", 0, 10);
  await writer.tell("grow", "t", 2);
  await writer.tell("push", "t", 10, 10);
  await writer.tell("seal", "t");
  await ended;
  t.deepEqual(
    seen.toSorted((a, b) => a - b),
    upTo(20),
  );
  t.is((await (await reader.openTopic("t")).describe()).partitions.length, 3);

  await writer.tell("create", "gone", {});
  await writer.tell("push", "gone", 0, 3);
  const gone = await reader.openTopic<Numbered>("gone");
  const failed = gone.consumer("app").forEach(() => undefined);
  await writer.tell("delete", "gone");
  await t.throwsAsync(failed, { code: "ERR_TOPIC_NOT_FOUND" });
  await t.throwsAsync(reader.openTopic("gone"), { code: "ERR_TOPIC_NOT_FOUND" });
  await writer.tell("create", "gone", {});
  await writer.tell("push", "gone", 7, 1);
  t.deepEqual(await numbersOf((await reader.openTopic<Numbered>("gone")).consumer("app"), 1), [7]);
  await reader.close();
  await writer.close();
});

test("a read-only consumer reads on at the start when retention drops what it had not read", async (t) => {
  const directory = await testDirectory(t);
  const writer = await startWriter(t, directory, { segmentBytes: 65_536 });
  await writer.tell("create", "t", { retention: { maxBytes: 200_000 } });
  await writer.tell("push", "t", 0, 100);
  const reader = await openReader(t, directory);
  const topic = await reader.openTopic<Numbered>("t");
  const consumer = topic.consumer("app", { maxBatches: 1, batchSize: 10 });
  const numbers: number[] = [];
  for await (const event of consumer) {
    numbers.push(event.metadata.n);
    if (numbers.length === 1) for (let n = 100; n < 2100; n += 100) await writer.tell("push", "t", n, 100, 1000);
    if (event.metadata.n === 2099) break;
  }
  const { start } = (await topic.describe()).partitions[0]!;

  t.true(start > 1000, `${start}`);
  t.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  t.true(numbers.length < 2000 && numbers.at(-1) === 2099);
  await reader.close();
  await writer.close();
});

test("a read-only driver writes nothing: clear errors, and not a file is changed", async (t) => {
  const directory = await testDirectory(t);
  const writer = await startWriter(t, directory);
  await writer.tell("create", "t", {});
  await writer.tell("push", "t", 0, 5);
  await writer.tell("acknowledge", "t", "app");
  await writer.close();
  const files = async () => {
    const names = (await readdir(directory, { recursive: true })).sort();
    return Promise.all(names.map(async (name) => [name, (await stat(join(directory, name))).mtimeMs]));
  };
  const before = await files();
  const errors: unknown[] = [];
  const reader = await openReader(t, directory);
  t.like(reader.capabilities, { readOnly: true, durability: "disk" });
  const topic = await reader.openTopic<Numbered>("t");
  const consumer = topic.consumer("app", { startFrom: "latest" });
  consumer.errors.subscribe((error) => errors.push(error));
  const event = await consumer.pull();
  t.is(event.id, 1); // It goes on where the writer's consumer of the name has acknowledged.
  await t.throwsAsync(Promise.resolve(event.acknowledge()), { code: "ERR_READ_ONLY" });
  t.true(errors.every((error) => isSluiceError(error, "ERR_READ_ONLY")));
  t.is(errors.length, 1);
  const last = topic.consumer("new", { startFrom: { last: 2 }, until: "end" });
  last.errors.subscribe((error) => errors.push(error));
  t.deepEqual(await numbersOf(last, 10), [3, 4]);
  t.is(errors.length, 1); // Where it began need not be stored.
  t.is((await topic.lag("app")).total, 4);

  const producer = topic.producer();
  await t.throwsAsync(Promise.resolve(producer.push({ n: 7 })), { code: "ERR_READ_ONLY" });
  await t.throwsAsync(reader.createTopic("u"), { code: "ERR_READ_ONLY" });
  await t.throwsAsync(reader.deleteTopic("t"), { code: "ERR_READ_ONLY" });
  await t.throwsAsync(topic.seal(), { code: "ERR_READ_ONLY" });
  await t.throwsAsync(topic.addPartitions(1), { code: "ERR_READ_ONLY" });
  await reader.close().catch(() => undefined); // It tells of the event that was not stored.
  t.deepEqual(await files(), before);
});

test("a read-only backend never sees a batch that is not committed", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  const backend = await logBackend("/log", { storage, mode: "read-only" });
  const topic = await answerOf(backend.openTopic("t"));
  const partition = topic.partitions[0]!;
  const endOf = async () => (await answerOf(partition.bounds())).end;
  await append(log.partition, [{ text: "a" }]);
  while ((await endOf()) < 1);

  const open = storage.open.bind(storage);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    if (!path.includes(".seg")) return file;
    const writev: StorageFile["writev"] = async (...args) => {
      const written = await file.writev(...args);
      await held; // The bytes are there to be read, and nobody has said that they are safe.
      return written;
    };
    return { ...file, writev };
  };
  await log.close();
  const again = await openLog(storage);
  const stored = append(again.partition, [{ text: "b" }]);
  for (let turn = 0; turn < 50; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    t.is(await endOf(), 1);
  }
  release();
  t.is(await stored, 1);
  while ((await endOf()) < 2);
  t.deepEqual(
    (await readAll(partition)).events.map(({ text }) => text),
    ["a", "b"],
  );
  await answerOf(backend.close());
  await again.close();
});

test("a read-only backend finds the log again when all that it knew of it was dropped", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 65_536, topic: { retention: { maxBytes: 200_000 } } });
  const backend = await logBackend("/log", { storage, mode: "read-only" });
  const partition = (await answerOf(backend.openTopic("t"))).partitions[0]!;
  await append(log.partition, [{ text: "a" }]);
  while ((await answerOf(partition.bounds())).end < 1);

  for (let round = 0; round < 40; round++) await append(log.partition, [{ text: "x".repeat(30_000) }]);
  await log.close(); // What was dropped is gone, and told.
  const { start, end } = await answerOf(partition.bounds());
  t.true(start > 1, `${start}`);
  t.is(end, 41);
  await answerOf(backend.close());
});

test("a read-only backend finds the start of a log of which more and more is dropped while nothing is stored", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 1500, topic: { retention: { acknowledgedBy: ["app"] } } });
  for (let n = 0; n < 10; n++) await append(log.partition, [{ text: "x".repeat(1000) }]);
  const leases: Lease[] = [];
  const member = from(log.topic.join("app", { partitions: undefined })).subscribe((granted) => leases.push(...granted));
  for (const position of [2, 4, 6]) {
    await answerOf(leases[0]!.acknowledge(position));
    while ((await answerOf(log.partition.bounds())).start < position) await new Promise(setImmediate);
    const backend = await logBackend("/log", { storage, mode: "read-only" });
    const partition = (await answerOf(backend.openTopic("t"))).partitions[0]!;
    t.deepEqual(await answerOf(partition.bounds()), { start: position, end: 10, sealed: false });
    await answerOf(backend.close());
  }
  member.unsubscribe();
  await log.close();
});

test("a read-only backend does not take files that cannot be read for the end of a sealed topic", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  await append(log.partition, [{ text: "a" }]);
  await answerOf(log.topic.seal());
  await log.close();
  let isBroken = false;
  const open = storage.open.bind(storage);
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    const read: StorageFile["read"] = async (target, position) => {
      if (isBroken) throw new Error("broken");
      return file.read(target, position);
    };
    return { ...file, read };
  };
  const backend = await logBackend("/log", { storage, mode: "read-only" });
  const partition = (await answerOf(backend.openTopic("t"))).partitions[0]!;
  while (!(await answerOf(partition.bounds())).sealed);

  isBroken = true;
  for (let attempt = 0; attempt < 2; attempt++)
    await t.throwsAsync(answerOf(partition.read(0, { maxEvents: 10, maxBytes: 1000 })), { message: "broken" });
  isBroken = false;
  t.is((await readAll(partition)).events.length, 1);
  await answerOf(backend.close());
});

test("a read-only backend refuses a mode that is none", async (t) => {
  await t.throwsAsync(logBackend("/log", { mode: "append" as "read-only" }), {
    instanceOf: RangeError,
    message: /append/,
  });
});

test("a read-only backend reads on when files are dropped again and again before it has opened them", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 1500 });
  for (let n = 0; n < 3; n++) await append(log.partition, [{ text: "x".repeat(1000) }]);
  let opened = 0;
  storage.before = (operation, path) => {
    // Its header is read, and then it is not there any more.
    if (operation === "open read" && path.endsWith("0000000000.seg") && ++opened % 2 === 0 && opened <= 6)
      throw systemError("ENOENT", path);
  };
  const backend = await logBackend("/log", { storage, mode: "read-only" });
  const { partitions } = await answerOf(backend.openTopic("t"));
  t.true((await answerOf(partitions[0]!.read(0, { maxEvents: 10, maxBytes: 1000 }))).count > 0);
  t.true(opened > 6);
  await answerOf(backend.close());
  await log.close();
});
