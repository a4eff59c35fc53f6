import test from "ava";
import { verifyLog, type LogReport } from "../../backends/log/index.ts";
import { damages, eventCount, harmless, makeOfVersion, segmentsOf, spoil, writtenLog } from "./damage.ts";
import { startWriter, testDirectory } from "./remote.ts";
import { openLog, readAll } from "./support.ts";
import { SimulatedStorage } from "./simulatedStorage.ts";

const verify = (storage: SimulatedStorage) => verifyLog("/log", { storage });
const partitionOf = ({ topics }: LogReport) => topics[0]!.partitions[0]!;

/** The ids that a report says are lost. */
function lostIn(report: LogReport): number[] {
  return partitionOf(report).lost.flatMap(({ fromId, toId }) =>
    Array.from({ length: toId - fromId }, (_, i) => fromId + i),
  );
}

test("verifyLog() says what is there", async (t) => {
  const report = await verify(await writtenLog());
  const { segments, damage, ...partition } = partitionOf(report);
  const sum = (of: (segment: (typeof segments)[number]) => number) => segments.reduce((all, each) => all + of(each), 0);

  t.like(report, { directory: "/log", outcome: "clean", inUseBy: undefined, losses: [], unreadable: [] });
  t.like(report.topics[0], { topic: "t", sealed: false, cursors: { outcome: "clean", positions: { app: [30] } } });
  t.deepEqual(partition, { partition: 0, outcome: "clean", fromId: 0, toId: 60, lost: [] });
  t.deepEqual(damage, []);
  t.true(segments.length > 4);
  t.deepEqual([sum(({ events }) => events), sum(({ batches }) => batches)], [60, 60]);
  t.is(
    sum(({ dataBytes }) => dataBytes),
    9 * 50,
  );
  t.is(segments.at(-1)!.toId, 60);
});

test("verifyLog() changes nothing, whatever it finds", async (t) => {
  const killed = await writtenLog("killed");
  const torn = killed.copy();
  const live = segmentsOf(torn).at(-1)!;
  const end = Buffer.from(torn.bytesOf(live)).lastIndexOf("SLBT");
  torn.replace(live, torn.bytesOf(live).slice(0, end + 100));
  for (const storage of [await writtenLog(), killed, torn]) {
    const before = storage.paths().map((path) => [path, storage.bytesOf(path).slice()]);
    storage.before = (operation) => {
      if (!["read", "list", "open read", "size", "close"].includes(operation)) t.fail(operation);
    };
    await verify(storage);
    t.deepEqual(
      storage.paths().map((path) => [path, storage.bytesOf(path).slice()]),
      before,
    );
  }
  t.is((await verify(torn)).outcome, "tornTail");
  t.is((await verify(killed)).outcome, "clean");
});

test("verifyLog() finds a changed byte in a sealed segment, which opening the log does not look at", async (t) => {
  for (const text of ["event 3 ", "event 7 "]) {
    const storage = await writtenLog();
    const path = segmentsOf(storage)[0]!;
    spoil(storage, path, text);
    const report = await verify(storage);
    const [damage] = partitionOf(report).damage;
    const id = Number(text.slice(6));

    t.is(report.outcome, "corrupt");
    t.like(damage, { file: "0000000000.seg", outcome: "corrupt", fromId: id, toId: id + 1 });
    t.true(damage!.offset > 512 && damage!.end > damage!.offset);
    t.deepEqual(report.losses, [{ kind: "events", topic: "t", partition: 0, fromId: id, toId: id + 1 }]);
    const log = await openLog(storage);
    t.is(log.report.outcome, "clean");
    await log.close();
  }
});

test("verifyLog() names exactly the ids that cannot be read", async (t) => {
  const sound = await writtenLog();
  for (const [what, damage] of Object.entries(damages)) {
    const storage = sound.copy();
    await damage(storage);
    const report = await verify(storage);
    const log = await openLog(storage);
    const read = new Set((await readAll(log.partition)).events.map(({ id }) => id));
    const missing = Array.from({ length: eventCount }, (_, id) => id).filter((id) => !read.has(id));
    await log.close();

    t.true(report.outcome === "corrupt" || report.outcome === "truncated", `${what}: ${report.outcome}`);
    t.deepEqual(lostIn(report), missing, what);
    t.is(missing.length > 0, !harmless.includes(what), what);
    t.true(partitionOf(report).damage.length > 0, what);
  }
});

test("verifyLog() tells cursors that were being written from those that are damaged", async (t) => {
  const sound = await writtenLog();
  const path = sound.paths().find((each) => each.endsWith("cursors"))!;
  const [first, last] = [sound.copy(), sound.copy()];
  spoil(first, path, "app");
  const bytes = last.bytesOf(path).slice();
  bytes[Buffer.from(bytes).lastIndexOf("app")]! ^= 1;
  last.replace(path, bytes);

  const damaged = await verify(first);
  t.like(damaged.topics[0]!.cursors, { outcome: "corrupt", positions: { app: [30] } });
  t.deepEqual(damaged.losses, [{ kind: "cursors", topic: "t" }]);
  const torn = await verify(last);
  t.like(torn.topics[0]!.cursors, { outcome: "tornTail", positions: { app: [20] } });
  t.deepEqual(torn.losses, []);
});

test("verifyLog() names a topic whose description cannot be read", async (t) => {
  const storage = await writtenLog();
  const path = storage.paths().find((each) => each.endsWith("topic.json"))!;
  spoil(storage, path, "partitions");
  const report = await verify(storage);
  const directory = path.split("/").at(-2)!;

  t.like(report, { outcome: "corrupt", topics: [], unreadable: [directory] });
  t.deepEqual(report.losses, [{ kind: "topic", directory }]);
});

test("verifyLog() says of another version of the format that it is one", async (t) => {
  const storage = await writtenLog();
  makeOfVersion(storage, 9);
  const report = await verify(storage);
  t.is(report.outcome, "unknownVersion");
  t.regex(partitionOf(report).damage[0]!.reason, /Version 9/);
  t.deepEqual(report.losses, []);
});

test("verifyLog() rejects for a directory that is not there, and refuses wrong arguments", async (t) => {
  await t.throwsAsync(verifyLog("/nowhere", { storage: new SimulatedStorage() }), { code: "ENOENT" });
  await t.throwsAsync(verifyLog(7 as never), { instanceOf: TypeError, message: /current value is 7/ });
  await t.throwsAsync(verifyLog("/log", { progress: 7 as never }), { instanceOf: TypeError });
});

test("verifyLog() finds nothing wrong while another process writes", async (t) => {
  const directory = await testDirectory(t);
  const writer = await startWriter(t, directory, { segmentBytes: 200_000, durability: "os" });
  await writer.tell("create", "t", {});
  await writer.tell("flood", "t");
  for (let round = 0, seen = 0; round < 10; round++) {
    const report = await verifyLog(directory);
    t.is(report.outcome, "clean", JSON.stringify(report.topics.map(({ partitions }) => partitions[0]!.damage)));
    t.deepEqual([report.inUseBy, report.losses], [writer.pid, []]);
    const { toId } = partitionOf(report);
    t.true(toId >= seen, `${toId} after ${seen}`);
    seen = toId;
  }
  await writer.kill();
  const { outcome, inUseBy } = await verifyLog(directory);
  t.is(inUseBy, undefined);
  t.true(outcome === "clean" || outcome === "tornTail", outcome);
});
