import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { checkLog } from "../log/kill/checkLog.ts";
import { Oracle } from "../log/oracle.ts";
import { randomFrom } from "../log/simulatedStorage.ts";
import { cutPower } from "./cutPower.ts";
import { LoopDisk, type FileSystem } from "./loopDisk.ts";

/** Losses of power that hit one directory, one after the other, before another one begins. */
const lossesOfDirectory = 20;

/** What came of many losses of power. */
export interface PowerResult {
  readonly problems: readonly string[];
  /** How often the power was lost. */
  readonly losses: number;
  /** How many events had been said to be stored. */
  readonly stored: number;
}

/** How a writer runs. */
export interface PowerOptions {
  readonly kind: FileSystem;
  /** The bundled program of `killedWriter.ts`. */
  readonly writer: string;
  readonly losses: number;
  readonly seed: number;
  /** Options for the writer, beside those of the log. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Lets writers run on a disk whose power is cut at random moments. It stops at the first problem: what follows from it is
 * no news.
 */
export async function powerLosses(options: PowerOptions): Promise<PowerResult> {
  const { kind, losses, seed } = options;
  const random = randomFrom(seed);
  const disk = await LoopDisk.make(kind);
  const problems: string[] = [];
  let [done, stored] = [0, 0];
  try {
    while (done < losses && problems.length === 0) {
      const directory = join(disk.path, `log-${done}`);
      const oracle = new Oracle();
      const first = done;
      for (; done < losses && done < first + lossesOfDirectory && oracle.problems.length === 0; done++)
        await loseOnce(disk, directory, options, done, random, oracle);
      if (oracle.problems.length === 0) await checkLog(directory, oracle);
      stored += oracle.stored;
      for (const problem of oracle.problems) problems.push(`${kind}, seed ${seed}, up to loss ${done}: ${problem}`);
      await rm(directory, { recursive: true, force: true });
    }
  } finally {
    await disk.remove();
  }
  return { problems, losses: done, stored };
}

/** When the power goes. Lines come as fast as the machine writes, so they find a busy writer on a busy machine too. */
type Moment = { readonly after: "opening" | "open"; readonly milliseconds: number } | { readonly lines: number };

function momentFrom(random: () => number): Moment {
  const dice = random();
  if (dice < 0.15) return { after: "opening", milliseconds: random() * 20 };
  if (dice < 0.4) return { after: "open", milliseconds: random() * 100 };
  return { lines: 12 + Math.floor(random() * 1500) };
}

async function loseOnce(
  disk: LoopDisk,
  directory: string,
  { writer, seed, extra, environment }: PowerOptions,
  done: number,
  random: () => number,
  oracle: Oracle,
): Promise<void> {
  const cycle = seed * 1_000_000 + done;
  const segmentBytes = 8000 + Math.floor(random() * 60_000);
  const encrypted = Math.floor(done / lossesOfDirectory) % 2 === 1 ? "some" : undefined;
  const args = [
    writer,
    directory,
    String(cycle),
    JSON.stringify({ segmentBytes, closeAfter: -1, encrypted, ...extra }),
  ];
  const isControl = extra !== undefined || environment !== undefined; // What it runs into is no news.
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", isControl ? "ignore" : "inherit"], env });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const moment = momentFrom(random);
  let lines = 0;
  let cutting: Promise<void> | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    oracle.hear(cycle, line);
    lines++;
    if ("lines" in moment && lines === moment.lines) cutting = cutPower(disk, child);
    if ("after" in moment && line === moment.after)
      cutting = pause(moment.milliseconds).then(() => cutPower(disk, child));
  }
  await ended;
  if (cutting === undefined) return oracle.hear(cycle, "failed by itself");
  await cutting;
  await disk.startAgain();
}
