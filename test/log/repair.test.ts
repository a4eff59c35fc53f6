import test from "ava";
import { repairLog, verifyLog, type Loss } from "../../backends/log/index.ts";
import { isSluiceError, type SluiceError } from "../../src/index.ts";
import { damages, eventCount, makeOfVersion, segmentsOf, spoil, textOf, writtenLog } from "./damage.ts";
import { append, answerOf, openLog, readAll, type OpenLog } from "./support.ts";
import { systemError, type SimulatedStorage } from "./simulatedStorage.ts";

const verify = (storage: SimulatedStorage) => verifyLog("/log", { storage });
const repair = (storage: SimulatedStorage, accept: readonly Loss[]) => repairLog("/log", { accept, storage });

/** The ids that reads say are lost, and those that they bring. */
async function readIds({ partition }: OpenLog): Promise<{ ids: number[]; lost: number[] }> {
  const { start, end } = await answerOf(partition.bounds());
  const [ids, lost] = [[] as number[], [] as number[]];
  for (let position = start; position < end;) {
    const batch = await answerOf(partition.read(position, { maxEvents: 7, maxBytes: 1 << 20 }));
    for (let i = 0; i < batch.count; i++) ids.push(batch.ids?.[i] ?? batch.firstId + i);
    if (batch.lost === true) for (let id = batch.firstId; id < batch.next; id++) lost.push(id);
    position = batch.next;
  }
  return { ids, lost };
}

for (const [what, damage] of Object.entries(damages)) {
  test(`repairLog() when ${what}: what is intact stays, what is not is a gap, and the log goes on`, async (t) => {
    const storage = await writtenLog();
    await damage(storage);
    const { losses } = await verify(storage);
    const lost = losses.flatMap((loss) =>
      loss.kind === "events" ? Array.from({ length: loss.toId - loss.fromId }, (_, i) => loss.fromId + i) : [],
    );
    const repaired = await repair(storage, losses);

    t.like(repaired, { outcome: "clean", losses: [] });
    const log = await openLog(storage, { segmentBytes: 4096 });
    t.is(log.report.outcome, "clean");
    const read = await readIds(log);
    t.deepEqual(read.lost, lost);
    t.deepEqual(
      [...read.ids, ...read.lost].toSorted((a, b) => a - b),
      [...Array(eventCount).keys()],
    );
    for (const { id, text } of (await readAll(log.partition)).events) t.is(text, textOf(id));
    t.deepEqual(await answerOf(log.topic.cursors("app")), [30]);
    t.is(await append(log.partition, [{ text: "next" }]), eventCount);
    await log.close();

    const again = await openLog(storage.copy());
    t.like(again.report, { outcome: "clean", closed: true, end: eventCount + 1 });
    t.deepEqual((await readIds(again)).lost, lost);
    await again.close();
    t.like(await verify(storage), { outcome: "clean", losses: [] });
  });
}

test("repairLog() repairs what was repaired before and is damaged anew", async (t) => {
  const storage = await writtenLog();
  for (const text of ["event 1 ", "event 2 ", "event 25 ", "event 58 "]) {
    const path = segmentsOf(storage).find((each) => Buffer.from(storage.bytesOf(each)).includes(text))!;
    spoil(storage, path, text);
    await repair(storage, (await verify(storage)).losses);
  }
  const log = await openLog(storage);
  t.is(log.report.outcome, "clean");
  t.deepEqual((await readIds(log)).lost, [1, 2, 25, 58]);
  await log.close();
});

test("repairLog() refuses when something else would be lost than was accepted, and changes nothing", async (t) => {
  const storage = await writtenLog();
  spoil(storage, segmentsOf(storage)[0]!, "event 1 ");
  const [loss] = (await verify(storage)).losses;
  const before = storage.paths().map((path) => [path, storage.bytesOf(path).slice()]);
  const wrong: Loss[][] = [
    [],
    [{ kind: "events", topic: "t", partition: 0, fromId: 1, toId: 3 }],
    [loss!, { kind: "cursors", topic: "t" }],
  ];
  for (const accept of wrong) {
    const error = await repair(storage, accept).catch((thrown: unknown) => thrown as SluiceError);
    t.true(isSluiceError(error, "ERR_LOSS"));
    t.deepEqual((error as SluiceError).details["losses"], [loss]);
  }
  t.deepEqual(
    storage.paths().map((path) => [path, storage.bytesOf(path).slice()]),
    before,
  );
  // The order of the fields does not matter: they may have been through a file.
  const { outcome } = await repair(storage, [{ toId: 2, fromId: 1, partition: 0, topic: "t", kind: "events" }]);
  t.is(outcome, "clean");
});

test("repairLog() copies damaged bytes to quarantine/", async (t) => {
  const storage = await writtenLog();
  const path = segmentsOf(storage)[0]!;
  spoil(storage, path, "event 1 ");
  const report = await verify(storage);
  const { offset, end } = report.topics[0]!.partitions[0]!.damage[0]!;
  const damaged = storage.bytesOf(path).slice(offset, end);
  await repair(storage, report.losses);

  t.deepEqual(storage.bytesOf(path.replace(/[^/]+$/, `quarantine/0000000000.seg-${offset}`)), damaged);
});

test("repairLog() goes on without records of cursors, and without topics whose description is gone", async (t) => {
  const cursors = await writtenLog();
  spoil(
    cursors,
    cursors.paths().find((each) => each.endsWith("cursors"))!,
    "app",
  );
  t.is((await repair(cursors, [{ kind: "cursors", topic: "t" }])).outcome, "clean");
  const log = await openLog(cursors);
  t.deepEqual(await answerOf(log.topic.cursors("app")), [30]);
  await log.close();

  const topic = await writtenLog();
  const path = topic.paths().find((each) => each.endsWith("topic.json"))!;
  spoil(topic, path, "partitions");
  const directory = path.split("/").at(-2)!;
  t.like(await repair(topic, [{ kind: "topic", directory }]), { outcome: "clean", topics: [] });
  t.true(topic.paths().includes(`/log/quarantine/${directory}/p0/0000000000.seg`));
  const empty = await openLog(topic);
  t.is(await append(empty.partition, [{ text: "anew" }]), 0);
  await empty.close();
});

test("repairLog() sets a torn tail aside, for which nothing has to be accepted", async (t) => {
  const storage = await writtenLog("killed");
  const live = segmentsOf(storage).at(-1)!;
  storage.replace(live, storage.bytesOf(live).slice(0, Buffer.from(storage.bytesOf(live)).lastIndexOf("SLBT") + 100));
  t.is((await verify(storage)).outcome, "tornTail");
  t.is((await repair(storage, [])).outcome, "clean");
});

test("repairLog() that is interrupted anywhere is finished by another one", async (t) => {
  const damaged = await writtenLog();
  await damages["bytes of two events are changed"]!(damaged);
  await damages["the second segment is missing"]!(damaged);
  await damages["the last segment is shorter"]!(damaged);
  const { losses } = await verify(damaged);
  let interruptions = 0;
  for (let at = 1; ; at++) {
    const storage = damaged.copy();
    let left = at;
    storage.before = (operation, path) => {
      if (["read", "list", "open read"].includes(operation) || --left > 0) return;
      throw systemError("EIO", path);
    };
    const error = await repair(storage, losses).catch((thrown: unknown) => thrown);
    if (left > 0) break;
    interruptions++;
    t.like(error, { code: "EIO" });
    const survivor = storage.afterKill();
    const rest = await verify(survivor);
    t.is((await repair(survivor, rest.losses)).outcome, "clean", `after ${at}`);
    const log = await openLog(survivor);
    const { ids, lost } = await readIds(log);
    t.deepEqual(
      [...ids, ...lost].toSorted((a, b) => a - b),
      [...Array(eventCount).keys()],
    );
    t.deepEqual(
      lost,
      losses.flatMap((loss) =>
        loss.kind === "events" ? Array.from({ length: loss.toId - loss.fromId }, (_, i) => loss.fromId + i) : [],
      ),
    );
    await log.close();
  }
  t.true(interruptions > 30, `${interruptions}`);
});

test("repairLog() leaves another version alone, and refuses wrong arguments", async (t) => {
  const storage = await writtenLog();
  makeOfVersion(storage, 9);
  await t.throwsAsync(repair(storage, []), { code: "ERR_UNSUPPORTED" });
  await t.throwsAsync(repairLog("/nowhere", { accept: [], storage }), { code: "ENOENT" });
  await t.throwsAsync(repairLog(7 as never, { accept: [] }), { instanceOf: TypeError, message: /current value is 7/ });
  await t.throwsAsync(repairLog("/log", {} as never), { instanceOf: TypeError });
});
