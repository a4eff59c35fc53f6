import test from "ava";
import { append, answerOf, openLog, readAll, someBytes, type OpenLog } from "./support.ts";
import { randomFrom, SimulatedStorage, systemError } from "./simulatedStorage.ts";

/** What the world had been told when the machine stopped. */
interface Oracle {
  /** The text of each event that was handed over, by its id; those below `acknowledged` were said to be stored. */
  readonly texts: string[];
  acknowledged: number;
  /** The position that was said to be stored for the consumer. */
  cursor: number;
}

/** Writes, reads and acknowledges until something fails. */
async function script(log: OpenLog, oracle: Oracle, rounds: number): Promise<void> {
  const { partition, topic } = log;
  for (let round = 0; round < rounds; round++) {
    const sizes = [1, 3, round % 7 === 0 ? 40 : 2];
    const appends = sizes.map(async (count, k) => {
      const events = Array.from({ length: count }, (_, i) => ({
        text: `${round}/${k}/${i}`,
        ...(i === 1 && { data: someBytes(round % 5 === 0 ? 5000 : 70, round) }),
      }));
      const first = oracle.texts.length;
      oracle.texts.push(...events.map(({ text }) => text));
      const id = await append(partition, events);
      if (id !== first) throw new Error(`Event ${first} got the id ${id}`);
      oracle.acknowledged = Math.max(oracle.acknowledged, first + count);
    });
    await Promise.all(appends);
    await answerOf(topic.join("app", { partitions: undefined })).then(async ([lease]) => {
      const position = Math.floor(oracle.acknowledged / 2);
      await answerOf(lease!.acknowledge(position));
      oracle.cursor = position;
    });
  }
}

async function check(
  storage: SimulatedStorage,
  oracle: Oracle,
  durability: "disk" | "os",
): Promise<string | undefined> {
  const log = await openLog(storage, { durability });
  const { events, errors } = await readAll(log.partition);
  const { start, end } = await answerOf(log.partition.bounds());
  const [cursor] = await answerOf(log.topic.cursors("app"));
  const isSafe = durability === "disk";
  let problem: string | undefined;
  if (log.report.outcome !== "clean" && log.report.outcome !== "tornTail")
    problem = `outcome ${JSON.stringify(log.report)}`;
  if (errors.length > 0) problem = `errors ${String(errors[0])}`;
  if (isSafe && end < oracle.acknowledged)
    problem = `the end is ${end}, where ${oracle.acknowledged} were acknowledged`;
  if (events.length !== end - start) problem = `${events.length} events from ${start} to ${end}`;
  for (const [i, { id, text }] of events.entries())
    if (id !== start + i || text !== oracle.texts[id]) problem = `event ${start + i} is ${id} ${text}`;
  if (isSafe && (cursor ?? 0) < oracle.cursor)
    problem = `the cursor is ${cursor}, where ${oracle.cursor} was acknowledged`;
  if (isSafe && start > (cursor ?? 0)) problem = `the start is ${start}, where ${cursor} has been acknowledged`;
  if (problem === undefined) {
    const id = await append(log.partition, [{ text: "after" }]).catch(String);
    if (id !== end) problem = `an append after the crash gave ${id}`;
  }
  await log.close();
  return problem;
}

const segmentBytes = 3000;
const snapshotsOf: Readonly<Record<string, (storage: SimulatedStorage, at: number) => SimulatedStorage[]>> = {
  "power loss": (storage, at) => Array.from({ length: 5 }, (_, i) => storage.afterPowerLoss(randomFrom(at * 100 + i))),
  kill: (storage) => [storage.afterKill()],
};

for (const [kind, snapshot] of Object.entries(snapshotsOf)) {
  for (const durability of ["disk", "os"] as const) {
    for (const retention of [undefined, { acknowledgedBy: ["app"] }]) {
      const title = `a ${kind} at any operation, durability ${durability}, ${retention ? "with" : "without"} retention`;
      test(`${title}: ${durability === "disk" ? "no acknowledged event is lost" : "what is left is in order"}`, async (t) => {
        let crashes = 0;
        for (let at = 1; ; at++) {
          const storage = new SimulatedStorage();
          const oracle: Oracle = { texts: [], acknowledged: 0, cursor: 0 };
          let left = at;
          let snapshots: SimulatedStorage[] = [];
          storage.before = (operation, path) => {
            if (--left > 0) return;
            if (snapshots.length === 0) snapshots = snapshot(storage, at);
            throw systemError("EIO", `${operation} ${path}: the machine has stopped`);
          };
          const log = await openLog(storage, { segmentBytes, durability, topic: { retention } }).catch(() => undefined);
          if (log !== undefined) await script(log, oracle, 12).catch(() => undefined);
          const known = { ...oracle };
          await log?.close();
          if (snapshots.length === 0) break;
          for (const [i, survivor] of snapshots.entries()) {
            crashes++;
            const problem = await check(survivor, known, durability).catch(
              (error: unknown) => `open: ${String(error)}`,
            );
            if (problem === undefined) continue;
            t.fail(`Operation ${at}, seed ${at * 100 + i}: ${problem}`);
            return;
          }
        }
        t.log(`${crashes} crashes`);
        t.true(crashes > 80);
      });
    }
  }
}

test("what was read after a kill, or after a sync that failed, survives a loss of power", async (t) => {
  for (const failing of [false, true]) {
    for (let seed = 0; seed < 50; seed++) {
      const storage = new SimulatedStorage();
      const log = await openLog(storage, { durability: failing ? "disk" : "os" });
      for (let i = 0; i < 5; i++) await append(log.partition, [{ text: `event ${i}` }]);
      if (failing) {
        storage.before = (operation, path) => {
          if (operation === "sync" && path.includes(".seg")) throw systemError("EIO", path);
        };
        await t.throwsAsync(append(log.partition, [{ text: "event 5" }]));
        storage.before = () => {};
      }
      const killed = storage.afterKill();
      await log.close();
      const again = await openLog(killed);
      const { events } = await readAll(again.partition);
      t.true(events.length >= 5);
      const survivor = killed.afterPowerLoss(randomFrom(seed));
      await again.close();
      const last = await openLog(survivor);
      t.deepEqual((await readAll(last.partition)).events, events);
      await last.close();
    }
  }
});

test("zeros that are written ahead never come over events, however slow they are", async (t) => {
  const storage = new SimulatedStorage();
  const open = storage.open.bind(storage);
  let slow = 0;
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return {
      ...file,
      async writev(segments, position) {
        if (segments.length === 1 && segments[0]!.length >= 4096 && segments[0]!.every((byte) => byte === 0)) {
          slow++;
          for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
        return file.writev(segments, position);
      },
    };
  };
  const log = await openLog(storage);
  const texts = Array.from({ length: 300 }, (_, i) => `event ${i} ${"x".repeat(10 + (i % 9) * 400)}`);
  for (const text of texts) await append(log.partition, [{ text }]);
  await log.close();
  const again = await openLog(storage.copy());
  t.deepEqual(
    (await readAll(again.partition)).events.map(({ text }) => text),
    texts,
  );
  t.true(slow >= 2);
  await again.close();
});
