import test from "ava";
import { runTransactions, checkTransactions } from "./crash/transactionScript.ts";
import { randomFrom, SimulatedStorage } from "./simulatedStorage.ts";
import { encryptionWith } from "./support.ts";
import { seed, trials, withoutFailure } from "./trials.ts";

const operations = trials({ quick: 150, crash: 400, soak: 1000 });
/** In how many ways the power is lost at each operation: what was not synced is there or not. */
const losses = trials({ quick: 1, crash: 4, soak: 30 });

test(`a kill or a loss of power at any of ${operations} operations leaves each transaction whole or not at all, also where it strikes twice`, async (t) => {
  t.timeout(8 * 3_600_000);
  const options = { segmentBytes: 12_000, encryption: encryptionWith("key-0") };
  const { points, lines } = await runTransactions(new SimulatedStorage(), operations, options);
  t.log(`${lines.length} transactions`);
  t.true(lines.length > 10);
  let crashes = 0;
  for (const [at, point] of points.entries()) {
    const told = lines.slice(0, point.lines);
    for (let way = 0; way <= losses; way++) {
      const random = randomFrom(seed * 1_000_000 + at * 1000 + way);
      const survivor = way === 0 ? point.storage.afterKill() : point.storage.afterPowerLoss(random);
      const second = stopAgain(survivor, Math.floor(random() * 30));
      const problems = [...(await checkTransactions(survivor, told, options))];
      crashes++;
      const again = second();
      if (problems.length === 0 && again !== undefined) {
        problems.push(...(await checkTransactions(again.afterPowerLoss(random), told, options)));
        crashes++;
      }
      if (problems.length > 0) return t.fail(`Before ${at} (${point.operation}), way ${way}: ${problems.join("; ")}`);
    }
  }
  t.log(withoutFailure(crashes, "crashes"));
  t.true(crashes > operations * losses);
});

/** Stops the machine again at some operation that changes something; returns what it looked like then. */
function stopAgain(storage: SimulatedStorage, operation: number): () => SimulatedStorage | undefined {
  let left = operation;
  let stopped: SimulatedStorage | undefined;
  storage.before = (what) => {
    if (what === "read" || what === "list" || what === "open read") return;
    if (left-- === 0) stopped = storage.afterKill();
  };
  return () => stopped;
}
