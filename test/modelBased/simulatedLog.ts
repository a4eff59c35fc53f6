import { logBackend, type LogOptions } from "../../backends/log/index.ts";
import type { Backend } from "../../src/index.ts";
import { randomFrom, SimulatedStorage, systemError } from "../log/simulatedStorage.ts";
import { answerOf } from "../log/support.ts";
import type { Subject } from "./subject.ts";

/** Operations on files among which one is chosen, to end before it. */
const operations = 14;

/** The log on a simulated disk, which can be killed and lose its power. */
export async function simulatedLog(options: LogOptions): Promise<Subject> {
  let storage = new SimulatedStorage();
  const problems: string[] = [];
  const open = () =>
    logBackend("/log", {
      ...options,
      storage,
      recovered(report) {
        if (report.outcome !== "clean" && report.outcome !== "tornTail") problems.push(JSON.stringify(report));
      },
    });
  let backend: Backend = await open();
  return {
    get backend() {
      if (problems.length > 0) throw new Error(problems.join("; "));
      return backend;
    },
    dropsLate: true,
    async reopen() {
      await answerOf(backend.close());
      backend = await open();
    },
    async end(how, dice, ended) {
      const left = await machineAt(storage, Math.floor(dice * operations), ended);
      storage.before = (operation, path) => {
        throw systemError("EIO", `${operation} ${path}: the machine has stopped`);
      };
      await answerOf(backend.close()).catch(() => undefined);
      const loses = how === "power loss" && options.durability !== "os";
      storage = loses ? left.afterPowerLoss(randomFrom(Math.floor(dice * 1e9))) : left;
      backend = await open();
    },
    dispose: () => answerOf(backend.close()),
  };
}

/** The machine as it is before one of the next operations, or when there are no more. */
async function machineAt(storage: SimulatedStorage, at: number, ended: () => void): Promise<SimulatedStorage> {
  let count = 0;
  let left: SimulatedStorage | undefined;
  storage.before = () => {
    if (count++ !== at || left !== undefined) return;
    left = storage.afterKill();
    ended();
  };
  for (let quiet = 0, seen = count; left === undefined && quiet < 5; quiet = seen === count ? quiet + 1 : 0) {
    seen = count;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (left === undefined) ended();
  return left ?? storage.afterKill();
}
