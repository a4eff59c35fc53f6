import { rm } from "node:fs/promises";
import { join } from "node:path";
import { logBackend } from "../../backends/log/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { killCycles, type KillCyclesOptions, type Target } from "../robust/kill/killCycles.ts";
import { answerFrom } from "../robust/kill/link.ts";
import { cutPower } from "./cutPower.ts";
import { LoopDisk, type FileSystem } from "./loopDisk.ts";

/** Losses of power that hit one journal, one after the other, before another one begins. */
const lossesOfJournal = 20;
const nothing = () => Promise.resolve();

/** A topic that keeps what it has: another machine has it. */
function elsewhere(): Target {
  const memory = memoryBackend();
  return {
    name: "memory",
    prepare: nothing,
    attend: (child) => answerFrom(child, memory),
    open: () => Promise.resolve(memory),
    close: nothing,
  };
}

/** A topic on the disk that the journal is on. */
function beside(directory: string): Target {
  return {
    name: "log",
    prepare: nothing,
    attend: () => undefined,
    open: () => logBackend(`${directory}/target`, { segmentBytes: 40_000 }),
    close: nothing,
  };
}

/** How publishers run. */
export interface JournalLossesOptions extends Pick<KillCyclesOptions, "seed" | "program" | "durability"> {
  readonly kind: FileSystem;
  readonly losses: number;
}

/** What came of many losses of power. */
export interface JournalLosses {
  readonly problems: readonly string[];
  /** How often the power was lost. */
  readonly losses: number;
  /** How many events had been said to be accepted. */
  readonly accepted: number;
}

/**
 * Lets robust producers run on a disk whose power is cut at random moments, with a topic that is on it too for every second journal.
 * It stops at the first problem.
 */
export async function journalLosses({ kind, losses, seed, ...options }: JournalLossesOptions): Promise<JournalLosses> {
  const disk = await LoopDisk.make(kind);
  const problems: string[] = [];
  let [done, accepted] = [0, 0];
  try {
    while (done < losses && problems.length === 0) {
      const directory = join(disk.path, `journal-${done}`);
      const target = Math.floor(done / lossesOfJournal) % 2 === 0 ? elsewhere() : beside(directory);
      const result = await killCycles({
        ...options,
        cycles: Math.min(lossesOfJournal, losses - done),
        seed: seed * 1_000_000 + done,
        directory,
        target,
        kill: (child) => cutPower(disk, child),
        afterwards: () => disk.startAgain(),
      });
      done += result.cycles;
      accepted += result.accepted;
      for (const problem of result.problems)
        problems.push(`${kind}, ${target.name}, seed ${seed}, loss ${done}: ${problem}`);
      await rm(directory, { recursive: true, force: true });
    }
  } finally {
    await disk.remove();
  }
  return { problems, losses: done, accepted };
}
