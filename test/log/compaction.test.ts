import test from "ava";
import { logBackend, verifyLog, type LogOptions } from "../../backends/log/index.ts";
import { ReadFile } from "../../backends/log/segments/readFile.ts";
import type { Compaction, EventBatch } from "../../src/index.ts";
import { answerOf, batchOf, openLog, readAll, someBytes, type OpenLog, type ReadEvent } from "./support.ts";
import { randomFrom, SimulatedStorage, systemError } from "./simulatedStorage.ts";

const compaction: Compaction = { key: "key", tombstone: "gone" };
const recent = Date.now();

/** One event: `key=value`; without a value it is a tombstone. */
function keyed(text: string, data?: Uint8Array, sequence?: number, time = recent): EventBatch {
  const [key = "", value] = text.split("=");
  const producer = sequence === undefined ? undefined : { id: "p", sequence };
  const event = data === undefined ? { text } : { text, data };
  const tombstones = new Uint8Array([value === undefined ? 1 : 0]);
  return { ...batchOf([event], producer, time), keys: { keys: [key], tombstones } };
}

const openCompacted = (storage: SimulatedStorage, options: LogOptions & { compaction?: Compaction } = {}) =>
  openLog(storage, { segmentBytes: 4096, ...options, topic: { compaction: options.compaction ?? compaction } });
const store = (log: OpenLog, batch: EventBatch) => answerOf(log.partition.append(batch));
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Waits until a compaction has left no more than so many events. */
async function until(log: OpenLog, enough: (events: readonly ReadEvent[]) => boolean): Promise<readonly ReadEvent[]> {
  for (;;) {
    const { events, errors } = await readAll(log.partition);
    // Two compactions may come between the reading of an event and that of its data. Then it is gone.
    if (errors.length === 0 && enough(events)) return events;
    if (errors.some((error) => !String(error).includes("not stored any more"))) throw errors[0] as Error;
    await nextTurn();
  }
}

/** Stores values of some keys in turn, with data, and returns their texts. */
async function storeRounds(log: OpenLog, count: number, keys: number, first = 0): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `k${(first + i) % keys}=${first + i}${" ".repeat(100)}`);
  for (const [i, text] of texts.entries())
    await store(log, keyed(text, i % 3 === 0 ? someBytes(40, first + i) : undefined, first + i));
  return texts;
}

/** What a reader ends with for each key. */
function stateOf(events: readonly { readonly text: string }[]): Record<string, string> {
  return Object.fromEntries(events.map(({ text }) => text.split("=") as [string, string]));
}

test("older events of a key go, the newest stay under their ids, with their data", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openCompacted(storage);
  const texts = await storeRounds(log, 300, 4);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  await answerOf(lease!.acknowledge(100));
  const events = await until(log, (all) => all.length < 80);

  for (const { id, text, data } of events) {
    t.is(text, texts[id]!);
    t.deepEqual(data, id % 3 === 0 ? someBytes(40, id) : new Uint8Array(0));
  }
  t.deepEqual(stateOf(events), stateOf(texts.map((text) => ({ text }))));
  t.deepEqual(await answerOf(log.partition.bounds()), { start: 0, end: 300, sealed: false });
  t.deepEqual(await answerOf(log.topic.cursors("app")), [100]);
  const from = await answerOf(log.partition.read(100, { maxEvents: 1, maxBytes: 1 }));
  t.true(from.next > 100);
  await t.throwsAsync(answerOf(log.partition.fetch([{ id: 0, location: undefined, ranges: new Float64Array() }])), {
    code: "ERR_STORAGE",
  });
  await log.close();

  t.like(await verifyLog("/log", { storage }), { outcome: "clean", losses: [] });
  const again = await openCompacted(storage);
  t.is(again.report.outcome, "clean");
  t.deepEqual(
    (await readAll(again.partition)).events.map(({ id }) => id),
    events.map(({ id }) => id),
  );
  t.like(await answerOf(again.partition.append(keyed("k3=299", undefined, 299))), { firstId: 299 }); // It is stored already.
  await storeRounds(again, 300, 4, 300);
  await until(again, (all) => all.length < 80);
  await again.close();
});

test("a tombstone removes the events of its key, stays for its age, and goes", async (t) => {
  for (const [age, stays] of [
    [1e12, true],
    [0, false],
  ] as const) {
    const storage = new SimulatedStorage();
    const log = await openCompacted(storage, { compaction: { ...compaction, tombstoneAge: age } });
    await store(log, keyed(`gone=1${" ".repeat(200)}`));
    await store(log, keyed("gone"));
    await storeRounds(log, 200, 3);
    const events = await until(log, (all) => all.length < 60);
    const left = events.filter(({ text }) => text.startsWith("gone")).map(({ text }) => text);
    t.deepEqual(left, stays ? ["gone"] : []);
    await log.close();
  }
});

test("it can be read while it is compacted, also by another backend, and no older value comes after a newer one", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openCompacted(storage);
  const reader = await logBackend("/log", { storage, mode: "read-only" });
  const follower = (await answerOf(reader.openTopic("t"))).partitions[0]!;
  for (let round = 0; round < 10; round++) {
    const stored = storeRounds(log, 60, 5, round * 60);
    for (const partition of [log.partition, follower]) {
      const { events, errors } = await readAll(partition);
      t.deepEqual(
        errors.filter((error) => !String(error).includes("not stored any more")),
        [],
      );
      t.deepEqual(
        events.map(({ id }) => id),
        events.map(({ id }) => id).toSorted((a, b) => a - b),
      );
      t.true(events.every(({ id, text }) => Number(text.split("=")[1]) === id));
    }
    await stored;
  }
  await until(log, (all) => all.length < 120);
  await answerOf(reader.close());
  await log.close();
});

test("an encrypted log is compacted, and no key is on the disk", async (t) => {
  const storage = new SimulatedStorage();
  const encryption = { keyId: "a", key: () => someBytes(32) };
  const log = await openCompacted(storage, { encryption });
  const texts = await storeRounds(log, 300, 4);
  const events = await until(log, (all) => all.length < 80);
  t.true(events.every(({ id, text }) => text === texts[id]));
  await log.close();
  for (const path of storage.paths())
    t.false(
      Buffer.from(storage.bytesOf(path)).includes("k1=") || Buffer.from(storage.bytesOf(path)).includes("k1k"),
      path,
    );
});

test("a damaged segment is not compacted", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openCompacted(storage);
  await store(log, keyed(`a=0${" ".repeat(500)}`));
  const path = storage.paths().find((each) => each.endsWith("0.seg"))!;
  storage.bytesOf(path)[700]! ^= 1;
  await storeRounds(log, 200, 3);
  for (let turn = 0; turn < 200; turn++) await nextTurn();
  t.is((await readAll(log.partition)).events.length, 201); // Nothing went. What is damaged is still in memory.
  await log.close();
});

test("a crash at any operation while it is compacted loses the newest event of no key", async (t) => {
  let crashes = 0;
  for (let at = 40; ; at += 3) {
    const storage = new SimulatedStorage();
    const stored: string[] = [];
    let left = at;
    const snapshots: SimulatedStorage[] = [];
    storage.before = (operation, path) => {
      if (operation === "read" || operation === "list" || --left > 0) return;
      if (snapshots.length === 0) snapshots.push(storage.afterKill(), storage.afterPowerLoss(randomFrom(at)));
      throw systemError("EIO", path);
    };
    const log = await openCompacted(storage, { segmentBytes: 2048 }).catch(() => undefined);
    for (let i = 0; log !== undefined && i < 60; i++) {
      const text = `k${i % 3}=${i}${" ".repeat(100)}`;
      const isStored = await store(log, keyed(text)).then(
        () => true,
        () => false,
      );
      if (!isStored) break;
      if (snapshots.length === 0) stored.push(text);
      await nextTurn();
    }
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    await log?.close();
    if (snapshots.length === 0) break;
    for (const survivor of snapshots) {
      crashes++;
      const again = await openCompacted(survivor, { segmentBytes: 2048 });
      const { events, errors } = await readAll(again.partition);
      t.deepEqual(errors, []);
      t.true(again.report.outcome === "clean" || again.report.outcome === "tornTail", again.report.outcome);
      const state = stateOf(events);
      for (const [key, value] of Object.entries(stateOf(stored.map((text) => ({ text })))))
        t.true(
          Number(state[key]) >= Number(value),
          `${key} is ${state[key]} after operation ${at}, where ${value} was stored`,
        );
      await again.close();
    }
  }
  t.log(`${crashes} crashes`);
  t.true(crashes > 60);
});

test("what a compaction has put in place is read also when the directory could not be synced then", async (t) => {
  const storage = new SimulatedStorage();
  const rename = storage.rename.bind(storage);
  const gate: { open?: () => void } = {};
  const opened = new Promise<void>((resolve) => (gate.open = resolve));
  storage.rename = async (from, to) => {
    const isRewritten = (await storage.list(to.slice(0, to.lastIndexOf("/")))).includes(
      to.slice(to.lastIndexOf("/") + 1),
    );
    if (isRewritten) await opened;
    return rename(from, to);
  };
  const log = await openCompacted(storage);
  const texts = await storeRounds(log, 300, 4);
  let failed = 0;
  storage.before = (operation, path) => {
    if (operation !== "syncDirectory") return;
    failed++;
    throw systemError("EIO", path);
  };
  gate.open!();
  while (failed === 0) await nextTurn();
  await nextTurn();
  await (await storage.open("/log/other", "create")).writev([new Uint8Array(8)], 0);
  const others = Array.from({ length: 200 }, () => new ReadFile(() => storage.open("/log/other", "read")));
  for (const other of others) await other.read(new Uint8Array(8), 0); // So that the files of the log are closed meanwhile.

  const { events, errors } = await readAll(log.partition);
  t.deepEqual(errors, []);
  t.deepEqual(stateOf(events), stateOf(texts.map((text) => ({ text }))));
  storage.before = () => {};
  await Promise.all(others.map((other) => other.close()));
  await log.close();
});
