import test from "ava";
import { isSluiceError } from "../../src/index.ts";
import { checkSurvivor } from "./crash/checkSurvivor.ts";
import { runWithFaults } from "./faults/runWithFaults.ts";
import { append, openLog, readAll } from "./support.ts";
import { randomFrom, SimulatedStorage, systemError, type BeforeOperation } from "./simulatedStorage.ts";
import { seed, trials, withoutFailure } from "./trials.ts";

/** Losses of power after each run, which bring to light what a failed sync has left in memory alone. */
const losses = trials({ quick: 1, crash: 4, soak: 50 });
const isRead = (operation: string) => ["read", "list", "open read"].includes(operation);

/** What fails with each code of the system. */
const failing: Readonly<Record<string, (operation: string) => boolean>> = {
  EIO: () => true,
  ENOSPC: (operation) => !isRead(operation) && operation !== "unlink",
  EMFILE: (operation) => operation.startsWith("open"),
  EROFS: (operation) => !isRead(operation),
};

/** Fails at one of the calls, or from it on. */
function faultAt(at: number, code: string, how: "once" | "for ever", hit: () => void): BeforeOperation {
  let count = 0;
  return (operation, path) => {
    if (!failing[code]!(operation)) return;
    count++;
    if (count < at || (how === "once" && count > at)) return;
    hit();
    throw systemError(code, `${operation} ${path}`);
  };
}

for (const code of Object.keys(failing)) {
  for (const how of ["once", "for ever"] as const) {
    test(`${code} at any call, ${how}: a clear error, nothing that was acknowledged is lost, also with the power, reading goes on, and writing when it is opened again`, async (t) => {
      t.timeout(3_600_000);
      let runs = 0;
      for (let at = 1, isHit = true; isHit; at++) {
        isHit = false;
        const storage = new SimulatedStorage();
        const { lines, problems } = await runWithFaults(storage, code, () => {
          storage.before = faultAt(at, code, how, () => (isHit = true));
        });
        for (let way = 0; way <= losses && problems.length === 0; way++) {
          const random = randomFrom(seed * 1_000_000 + at * 100 + way);
          const left = way === 0 ? storage.afterKill() : storage.afterPowerLoss(random);
          const found = await checkSurvivor(left, lines, "everything", { segmentBytes: 1500 }, -1);
          for (const problem of found.problems) problems.push(`way ${way}: ${problem}`);
        }
        runs++;
        if (problems.length > 0) return t.fail(`Call ${at}, seed ${seed}: ${problems.join("; ")}`);
      }
      t.log(withoutFailure(runs, "runs with faults"));
      t.true(runs > 20);
    });
  }
}

test("a failed sync is never tried again", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  await append(log.partition, [{ text: "a" }]);
  let syncs = 0;
  storage.before = (operation, path) => {
    if (operation !== "sync" || !path.includes(".seg")) return;
    syncs++;
    throw systemError("EIO", path);
  };
  const error = await append(log.partition, [{ text: "b" }]).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(error, "ERR_DURABILITY"));
  const again = await append(log.partition, [{ text: "c" }]).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(again, "ERR_DURABILITY"));
  await log.close();
  t.true(syncs <= 2, `${syncs} syncs`); // One more may have been under way, that of the zeros written ahead.
});

test("short writes are gone on with", async (t) => {
  const storage = new SimulatedStorage();
  const open = storage.open.bind(storage);
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return {
      ...file,
      writev: (segments, position) => {
        const first = segments.find((segment) => segment.length > 0)!;
        return file.writev([first.subarray(0, Math.max(1, first.length >> 1))], position);
      },
    };
  };
  const log = await openLog(storage);
  for (let i = 0; i < 5; i++)
    await append(log.partition, [{ text: `event ${i}`, data: new Uint8Array(50_000).fill(i) }]);
  await log.close();
  const again = await openLog(storage);
  const { events, errors } = await readAll(again.partition);
  t.deepEqual([events.length, errors.length], [5, 0]);
  await again.close();
});

test("a log is not closed while its last segment is still being sealed, when the next one could not be made", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 1500 });
  await append(log.partition, [{ text: "a".repeat(1000) }]);
  await log.close();
  const open = storage.open.bind(storage);
  const operations: string[] = [];
  storage.open = async (path, mode) => {
    if (path.endsWith(".new")) throw systemError("ENOSPC", path);
    const file = await open(path, mode);
    if (mode !== "write" || !path.endsWith(".seg")) return file;
    const sync = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      operations.push("synced");
      return file.sync();
    };
    return { ...file, sync };
  };
  const again = await openLog(storage, { segmentBytes: 1500 });
  await t.throwsAsync(append(again.partition, [{ text: "b".repeat(1000) }]), { code: "ERR_DURABILITY" });
  await again.close().catch(() => undefined);
  operations.push("closed");
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(operations, ["synced", "closed"]);
});
