import test from "ava";
import type { LogOptions } from "../../backends/log/index.ts";
import { checkSurvivor } from "./crash/checkSurvivor.ts";
import { runScript } from "./crash/crashScript.ts";
import { answerOf, append, encryptionWith, openLog, readAll } from "./support.ts";
import { inSeededTime, paced } from "./seededTime.ts";
import { randomFrom, SimulatedStorage, systemError } from "./simulatedStorage.ts";
import { seed, trials, withoutFailure } from "./trials.ts";

const operations = 500;
/** In how many ways the power is lost at each operation: what was not synced is there or not. */
const losses = trials({ quick: 1, crash: 4, soak: 100 });

/** In how many orders operations of the disk come, and of how many points in one of them the power is lost at one. */
const orders = trials({ quick: 8, crash: 100, soak: 3000 });
const pointsBetween = 20;

const durabilities: Readonly<Record<string, NonNullable<LogOptions["durability"]>>> = {
  "no acknowledged event is lost": "disk",
  "what is left is in order": "os",
};

for (const [title, durability] of Object.entries(durabilities)) {
  test(`a kill or a loss of power at any of ${operations} operations, durability ${durability}, and once more while that is mended: ${title}`, async (t) => {
    t.timeout(8 * 3_600_000);
    const options = { segmentBytes: 3000, durability, encryption: encryptionWith("key-0") };
    const { points, lines } = await runScript(new SimulatedStorage(), operations, options);
    t.is(points.length, operations);
    let crashes = 0;
    for (const [at, point] of points.entries()) {
      const told = lines.slice(0, point.lines);
      for (let way = 0; way <= losses; way++) {
        const dice = seed * 1_000_000 + at * 1000 + way;
        const random = randomFrom(dice);
        const survivor = way === 0 ? point.storage.afterKill() : point.storage.afterPowerLoss(random);
        const kept = way === 0 ? "everything" : durability === "disk" ? "disk" : "order";
        const first = await checkSurvivor(survivor, told, kept, options, Math.floor(random() * 20));
        crashes++;
        let { problems } = first;
        if (problems.length === 0 && first.second !== undefined && durability === "disk") {
          const { storage, lines: more } = first.second;
          ({ problems } = await checkSurvivor(storage.afterPowerLoss(random), more, "disk", options, -1));
          crashes++;
        }
        if (problems.length > 0)
          return t.fail(`Before ${at} (${point.operation}), dice ${dice}: ${problems.join("; ")}`);
      }
    }
    t.log(withoutFailure(crashes, "crashes"));
    t.true(crashes > operations * losses);
  });
}

test.serial(
  `a loss of power while operations of the disk come in ${orders} orders that the dice choose: no acknowledged event is lost`,
  async (t) => {
    t.timeout(8 * 3_600_000);
    const options: LogOptions = { segmentBytes: 3000, durability: "disk", encryption: encryptionWith("key-0") };
    let crashes = 0;
    for (let order = seed; order < seed + orders; order++) {
      const random = randomFrom(order);
      const storage = new SimulatedStorage();
      const script = runScript.bind(undefined, storage, operations, options, paced(storage, random));
      const { points, lines } = await inSeededTime(script);
      for (let at = Math.floor(random() * pointsBetween); at < points.length; at += pointsBetween) {
        const { storage: before, operation, lines: told } = points[at]!;
        const survivor = before.afterPowerLoss(random);
        const { problems } = await checkSurvivor(survivor, lines.slice(0, told), "disk", options, -1);
        crashes++;
        if (problems.length > 0) return t.fail(`Order ${order}, before ${at} (${operation}): ${problems.join("; ")}`);
      }
    }
    t.log(withoutFailure(crashes, "crashes"));
    t.true(crashes >= orders);
  },
);

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

/** A disk on which zeros wait for many turns before they are written, or behind that. */
function withSlowZeros(when: "before" | "after") {
  const storage = new SimulatedStorage();
  const open = storage.open.bind(storage);
  const seen = { slow: 0 };
  const wait = async () => {
    for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return {
      ...file,
      async writev(segments, position) {
        if (segments.length > 1 || segments[0]!.length < 4096 || segments[0]!.some((byte) => byte !== 0))
          return file.writev(segments, position);
        seen.slow++;
        if (when === "before") await wait();
        const written = await file.writev(segments, position);
        if (when === "after") await wait();
        return written;
      },
    };
  };
  return { storage, seen };
}

const someTexts = Array.from({ length: 300 }, (_, i) => `event ${i} ${"x".repeat(10 + (i % 9) * 400)}`);

test("what is stored while zeros are on their way ahead survives a loss of power", async (t) => {
  const { storage, seen } = withSlowZeros("after");
  const log = await openLog(storage);
  for (const [i, text] of someTexts.slice(0, 60).entries()) {
    await append(log.partition, [{ text }]);
    const again = await openLog(storage.afterPowerLoss(() => 0)); // Nothing is left of what was not synced.
    t.is((await answerOf(again.partition.bounds())).end, i + 1);
    await again.close();
  }
  t.true(seen.slow >= 2);
  await log.close();
});

test("zeros that are written ahead never come over events, however slow they are", async (t) => {
  const { storage, seen } = withSlowZeros("before");
  const log = await openLog(storage);
  const texts = someTexts;
  for (const text of texts) await append(log.partition, [{ text }]);
  await log.close();
  const again = await openLog(storage.copy());
  t.deepEqual(
    (await readAll(again.partition)).events.map(({ text }) => text),
    texts,
  );
  t.true(seen.slow >= 2);
  await again.close();
});
