import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { logBackend } from "../../backends/log/index.ts";
import { isSluiceError } from "../../src/index.ts";
import { append, answerOf, batchOf, joined, openLog, readAll, someBytes } from "./support.ts";
import { SimulatedStorage, systemError } from "./simulatedStorage.ts";

test("only the owner can enter the directories and read the files", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-log-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const log = await openLog(undefined, { directory: join(directory, "data") });
  await append(log.partition, [{ text: "a" }]);
  await answerOf(log.topic.join("app", { partitions: undefined })).then(([lease]) => answerOf(lease!.acknowledge(1)));
  const entries = await readdir(join(directory, "data"), { recursive: true, withFileTypes: true });
  t.true(entries.length >= 6);
  for (const entry of entries) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    t.is(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
  }
  await log.close();
});

for (const order of ["first", "last"] as const) {
  test(`a topic whose making failed at the very end does not come back in place of the one that was made then (listed ${order})`, async (t) => {
    const storage = new SimulatedStorage();
    const backend = await logBackend("/log", { storage });
    const config = (await openLog(new SimulatedStorage())).topic.config;
    let isFailing = true;
    storage.before = (operation, path) => {
      if (operation === "syncDirectory" && path.endsWith("/topics") && isFailing) throw systemError("EIO", path);
    };
    await t.throwsAsync(answerOf(backend.createTopic("t", config)));
    isFailing = false;
    const topic = await answerOf(backend.createTopic("t", config));
    await append(topic.partitions[0]!, [{ text: "a" }, { text: "b" }]);
    await answerOf(backend.close());
    const list = storage.list.bind(storage);
    storage.list = async (path) => (order === "first" ? list(path) : (await list(path)).toReversed());
    const again = await openLog(storage);
    t.deepEqual(
      (await readAll(again.partition)).events.map(({ text }) => text),
      ["a", "b"],
    );
    await again.close();
    t.is((await list("/log/topics")).length, 1);
  });
}

test("retention drops whole segments: by bytes, by age, by acknowledgement", async (t) => {
  const long = "x".repeat(2000);
  const storage = new SimulatedStorage();
  const bytes = await openLog(storage, { directory: "/bytes", topic: { retention: { maxBytes: 300_000 } } });
  for (let i = 0; i < 400; i++) await append(bytes.partition, [{ text: `${i}${long}` }]);
  await bytes.close();
  const again = await openLog(storage, { directory: "/bytes" });
  const { start, end } = await answerOf(again.partition.bounds());
  t.is(end, 400);
  t.true(start > 200 && start < 300, String(start));
  t.is((await readAll(again.partition)).events.length, end - start);
  t.is(again.report.outcome, "clean");
  t.is(
    (await answerOf(again.partition.read(0, { maxEvents: 1, maxBytes: 1 }))).firstId,
    start,
    "A read below the start begins at the start",
  );
  await again.close();

  const aged = await openLog(storage, {
    directory: "/age",
    segmentBytes: 10_000,
    topic: { retention: { maxAge: 1000 } },
  });
  for (let i = 0; i < 40; i++) await append(aged.partition, [{ text: long }]); // All of 1970.
  t.true((await answerOf(aged.partition.bounds())).start > 20);
  await aged.close();

  const acknowledged = await openLog(storage, {
    directory: "/ack",
    segmentBytes: 10_000,
    topic: { retention: { acknowledgedBy: ["a", "b"] } },
  });
  for (let i = 0; i < 40; i++) await append(acknowledged.partition, [{ text: long }]);
  for (const name of ["a", "b"]) {
    t.is((await answerOf(acknowledged.partition.bounds())).start, 0);
    await answerOf(acknowledged.topic.join(name, { partitions: undefined })).then(([lease]) =>
      answerOf(lease!.acknowledge(20)),
    );
  }
  await append(acknowledged.partition, [{ text: long }]);
  const { start: first } = await answerOf(acknowledged.partition.bounds());
  t.true(first > 10 && first <= 20, String(first));
  await acknowledged.close();
});

test("many acknowledgements share a sync, and the file of cursors does not grow", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  let syncs = 0;
  storage.before = (operation, path) => void (operation === "sync" && path.includes("cursors") && syncs++);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  await Promise.all(Array.from({ length: 1000 }, (_, i) => answerOf(lease!.acknowledge(i + 1))));
  t.true(syncs <= 3, `${syncs} syncs`);
  for (let i = 1001; i < 6000; i++) await answerOf(lease!.acknowledge(i));
  const path = storage.paths().find((each) => each.endsWith("cursors"))!;
  t.is(storage.bytesOf(path).length, 64 << 10);
  await log.close();
  const again = await openLog(storage.copy(), { directory: "/log" });
  t.deepEqual(await answerOf(again.topic.cursors("app")), [0]); // The log has no events, so nothing of it can have been acknowledged.
  await again.close();
});

test("a view moves its own blocks only, from memory or a cold open", async (t) => {
  const storage = new SimulatedStorage();
  const data = someBytes(1 << 20);
  const log = await openLog(storage);
  await append(log.partition, [{ text: "small" }, { text: "large", data }]);
  let bytesRead = 0;
  const open = storage.open.bind(storage);
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return {
      ...file,
      read: async (target, position) => file.read(target, position).then((count) => ((bytesRead += count), count)),
    };
  };
  const ranges = new Float64Array(20).map((_, i) => (i % 2 === 0 ? i * 50_000 : 100));
  const expected = joined(Array.from({ length: 10 }, (_, i) => data.subarray(ranges[2 * i], ranges[2 * i]! + 100)));
  const [parts] = await answerOf(log.partition.fetch([{ id: 1, location: undefined, ranges }]));
  t.deepEqual(joined(parts!), expected);
  t.true(bytesRead <= 10 * 8192, String(bytesRead));
  const into = [new Uint8Array(300), new Uint8Array(800)];
  await answerOf(log.partition.fetch([{ id: 1, location: undefined, ranges, into }]));
  t.deepEqual(joined(into).subarray(0, 1000), expected);
  const error = await answerOf(
    log.partition.fetch([{ id: 1, location: undefined, ranges: new Float64Array([(1 << 20) - 1, 2]) }]),
  ).catch((thrown: unknown) => thrown);
  t.true(error instanceof RangeError);
  await log.close();
});

test("a position is found by time over several segments, also after a restart", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 2000 });
  for (let i = 0; i < 50; i++)
    await answerOf(log.partition.append(batchOf([{ text: "x".repeat(100) }, { text: "y" }], undefined, 1000 + i * 10)));
  const check = async ({ partition }: typeof log) => {
    for (let i = 0; i < 50; i++) t.is(await answerOf(partition.find(1000 + i * 10 - 5)), i * 2);
    t.is(await answerOf(partition.find(9999)), 100);
  };
  await check(log);
  await log.close();
  const again = await openLog(storage, { segmentBytes: 2000 });
  await check(again);
  await again.close();
});

test("a damaged topic.json is neither a missing topic nor one to be made anew", async (t) => {
  const storage = new SimulatedStorage();
  await (await openLog(storage)).close();
  const path = storage.paths().find((each) => each.endsWith("topic.json"))!;
  storage.bytesOf(path)[20]! ^= 1;
  const backend = await logBackend("/log", { storage });
  const error = await answerOf(backend.openTopic("t")).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(error, "ERR_STORAGE"));
  t.deepEqual(await answerOf(backend.listTopics()), []);
  await answerOf(backend.close());
});

test("wrong options are refused with their value", async (t) => {
  await t.throwsAsync(logBackend("", {}), { instanceOf: RangeError });
  await t.throwsAsync(logBackend(5 as never), { instanceOf: TypeError, message: /5/ });
  await t.throwsAsync(logBackend("/tmp/x", { durability: "memory" as never }), {
    instanceOf: RangeError,
    message: /memory/,
  });
  await t.throwsAsync(logBackend("/tmp/x", { segmentBytes: 1 }), { instanceOf: RangeError, message: /1/ });
});

test("every event is found by its id, whichever is read first", async (t) => {
  const storage = new SimulatedStorage();
  const count = 60;
  const log = await openLog(storage);
  for (let i = 0; i < count; i++) await append(log.partition, [{ text: `${i} ${"x".repeat(4000)}` }]);
  await log.close();
  for (let id = 0; id < count; id++) {
    const again = await openLog(storage.afterKill());
    const batch = await answerOf(again.partition.read(id, { maxEvents: 1, maxBytes: 1 }));
    t.is(batch.firstId, id);
    t.true(new TextDecoder().decode(batch.metadata).startsWith(`${id} `));
    await again.close();
  }
});

test("what has been acknowledged in memory alone is not dropped", async (t) => {
  const storage = new SimulatedStorage();
  const open = storage.open.bind(storage);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return path.includes("cursors") ? { ...file, sync: () => held.then(() => file.sync()) } : file;
  };
  const log = await openLog(storage, { segmentBytes: 1500, topic: { retention: { acknowledgedBy: ["app"] } } });
  for (let i = 0; i < 10; i++) await append(log.partition, [{ text: "x".repeat(1000) }]);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  const acknowledged = answerOf(lease!.acknowledge(10));
  for (let i = 0; i < 3; i++) await append(log.partition, [{ text: "x".repeat(1000) }]);
  t.is((await answerOf(log.partition.bounds())).start, 0);
  release();
  await acknowledged;
  await append(log.partition, [{ text: "x" }]);
  t.true((await answerOf(log.partition.bounds())).start > 5);
  await log.close();
});
