import test from "ava";
import type { BackendPartition, Durability } from "../../src/index.ts";
import { randomFrom, SimulatedStorage, systemError } from "./simulatedStorage.ts";
import { answerOf, batchOf, openLog, readAll } from "./support.ts";

function push(partition: BackendPartition, text: string, durability: Durability): Promise<unknown> {
  return answerOf(partition.append({ ...batchOf([{ text }]), durability }));
}

/** What is left after losses of power in which the dice keep nothing of what was not synced. */
async function textsAfterPowerLoss(storage: SimulatedStorage): Promise<string[]> {
  const log = await openLog(storage.afterPowerLoss(() => 0.999));
  const { events } = await readAll(log.partition);
  await log.close();
  return events.map(({ text }) => text);
}

/** Pushes an event, and lets the zeros that are written ahead of it get to the disk. */
async function pushFirst(partition: BackendPartition, text: string): Promise<void> {
  await push(partition, text, "disk");
  await new Promise((resolve) => setImmediate(resolve)); // The simulated disk takes no time.
}

function counted(storage: SimulatedStorage): Map<string, number> {
  const counts = new Map<string, number>();
  storage.before = (operation, path) => {
    if (path.includes(".seg")) counts.set(operation, (counts.get(operation) ?? 0) + 1);
  };
  return counts;
}

test("a batch at durability os costs no sync, and is lost with the power", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  await pushFirst(partition, "a");
  const counts = counted(storage);
  await push(partition, "b", "os");
  t.is(counts.get("sync"), undefined);
  t.deepEqual(await textsAfterPowerLoss(storage), ["a"]);
});

test("a batch at durability disk brings those in front of it to the disk as well", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  for (const text of ["a", "b"]) await push(partition, text, "os");
  await push(partition, "c", "disk");
  await push(partition, "d", "disk");
  t.deepEqual(await textsAfterPowerLoss(storage), ["a", "b", "c", "d"]);
});

test("one sync serves all that gathered behind a batch at durability disk", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  await pushFirst(partition, "first");
  const counts = counted(storage);
  const levels: Durability[] = ["os", "disk", "os", "disk", "memory", "disk"];
  await Promise.all(levels.map((durability, i) => push(partition, String(i), durability)));
  t.is(counts.get("sync"), 1);
  t.deepEqual(await textsAfterPowerLoss(storage), ["first", "0", "1", "2", "3", "4", "5"]);
});

test("a batch at durability os is answered before one at durability disk behind it is synced", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  await pushFirst(partition, "first");
  const order: string[] = [];
  storage.before = (operation) => void (operation === "sync" && order.push("sync"));
  const both = (["os", "disk"] as const).map(async (durability) => {
    await push(partition, durability, durability);
    order.push(durability);
  });
  await Promise.all(both);
  t.deepEqual(order, ["os", "sync", "disk"]);
});

test("a sync of zeros that fails is that of a batch at durability os as well, so no batch at durability disk is answered behind it", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  let written: Promise<unknown> | undefined;
  storage.before = (operation, path) => {
    if (!/\.seg(\.new)?$/.test(path)) return; // A new file keeps the name here under which it was made.
    // Zeros are about to be written ahead: a batch comes just then, and shares their sync.
    if (operation === "truncate") queueMicrotask(() => void (written ??= push(partition, "os", "os")));
    if (operation === "sync" && written !== undefined) {
      storage.before = () => {};
      throw systemError("EIO", path);
    }
  };
  await pushFirst(partition, "first");
  await written;
  await t.throwsAsync(push(partition, "disk", "disk"), { code: "ERR_DURABILITY" });
  t.deepEqual(await textsAfterPowerLoss(storage), ["first"]);
});

test("a batch that is sent again at durability disk is answered once it is there", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  const batch = batchOf([{ text: "a" }], { id: "p", sequence: 0 });
  await answerOf(partition.append({ ...batch, durability: "os" }));
  t.deepEqual(await textsAfterPowerLoss(storage), []);
  await answerOf(partition.append({ ...batch, durability: "disk" }));
  t.deepEqual(await textsAfterPowerLoss(storage), ["a"]);
});

test("a log at durability os refuses a batch at durability disk", async (t) => {
  const { partition } = await openLog(new SimulatedStorage(), { durability: "os" });
  await t.throwsAsync(push(partition, "a", "disk"), { code: "ERR_UNSUPPORTED" });
  await push(partition, "b", "os");
  t.deepEqual(
    (await readAll(partition)).events.map(({ id, text }) => [id, text]),
    [[0, "b"]],
  );
});

test("no loss of power takes a batch at durability disk, whatever was mixed in between", async (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const random = randomFrom(seed);
    const storage = new SimulatedStorage();
    const { partition } = await openLog(storage, { segmentBytes: 4096 });
    let durable = 0;
    for (let i = 0; i < 30; i++) {
      const durability = random() < 0.5 ? "os" : "disk";
      await push(partition, String(i), durability);
      if (durability === "disk") durable = i + 1;
    }
    const log = await openLog(storage.afterPowerLoss(random), { segmentBytes: 4096 });
    t.true(["clean", "tornTail"].includes(log.report.outcome), `seed ${seed}: ${log.report.outcome}`);
    const { events, errors } = await readAll(log.partition);
    t.deepEqual(errors, [], `seed ${seed}`);
    t.true(events.length >= durable, `seed ${seed}: ${events.length} of ${durable} events are left`);
    t.true(
      events.every(({ id, text }) => text === String(id)),
      `seed ${seed}`,
    );
    await log.close();
  }
});
