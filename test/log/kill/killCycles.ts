import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../simulatedStorage.ts";
import { checkLog } from "./checkLog.ts";
import { Oracle } from "../oracle.ts";

/** Processes that write to one directory, one after the other, before it is read as a whole and another one begins. */
const cyclesOfDirectory = 20;

/** When a process is killed. */
type Moment =
  | { readonly after: "opening" | "open" | "closing"; readonly milliseconds: number }
  | { readonly after: "lines"; readonly lines: number }
  | { readonly after: "closed" };

/** What came of many kills. */
export interface KillResult {
  readonly problems: readonly string[];
  readonly stored: number;
  /** How many events a compaction had removed. */
  readonly compacted: number;
  /** How many events readers of other processes had seen. */
  readonly seen: number;
  /** How often a process was killed at each kind of moment. */
  readonly moments: Readonly<Record<string, number>>;
}

/**
 * Starts a writer, kills it with SIGKILL at a random moment, and starts the next one on what is left, many times over, while
 * another process reads along.
 *
 * @param programs - Where the bundled programs are: `killedWriter.mjs` and `watchingReader.mjs`.
 * @param cycles - How many.
 * @param seed - Of the moments and of what the writers do.
 */
export async function killCycles(programs: string, cycles: number, seed: number): Promise<KillResult> {
  const random = randomFrom(seed);
  const problems: string[] = [];
  const moments: Record<string, number> = {};
  let [stored, compacted, seen] = [0, 0, 0];
  const writer = join(programs, "killedWriter.mjs");
  for (let done = 0; done < cycles && problems.length === 0;) {
    const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"));
    const oracle = new Oracle();
    const durability = random() < 0.7 ? "disk" : "os"; // The system outlives the process, so both must keep everything.
    const encrypted = random() < 0.4 ? "some" : undefined;
    const reader = startReader(join(programs, "watchingReader.mjs"), directory);
    try {
      for (let i = 0; i < cyclesOfDirectory && done < cycles; i++, done++) {
        const moment = momentFrom(random);
        moments[moment.after] = (moments[moment.after] ?? 0) + 1;
        const closeAfter =
          moment.after === "closing" || moment.after === "closed" ? 10 + Math.floor(random() * 150) : -1;
        const segmentBytes = 8000 + Math.floor(random() * 60_000);
        const options = JSON.stringify({ durability, segmentBytes, closeAfter, encrypted });
        const cycle = seed * 1_000_000 + done;
        await runWriter([writer, directory, String(cycle), options], moment, (line) => oracle.hear(cycle, line));
        // What a writer has said is heard first: only then is it known what may be seen.
        for (const line of reader.lines.splice(0)) oracle.hear(cycle, line);
        if (oracle.problems.length > 0) break;
      }
      if (oracle.problems.length === 0) await checkLog(directory, oracle);
      stored += oracle.stored;
      compacted += oracle.compacted;
      seen += oracle.seen;
      for (const problem of oracle.problems) problems.push(`seed ${seed}, before cycle ${done}: ${problem}`);
    } finally {
      reader.child.kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    }
  }
  return { problems, stored, compacted, seen, moments };
}

/** A process that reads, and the lines that it has said and nobody has heard yet. */
interface Reader {
  readonly child: ChildProcess;
  readonly lines: string[];
}

function startReader(program: string, directory: string): Reader {
  const child = spawn(process.execPath, [program, directory], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  child.once("exit", (code, signal) => {
    if (signal !== "SIGKILL") lines.push(`failed: the reader has ended with ${code ?? signal}`);
  });
  return { child, lines };
}

function momentFrom(random: () => number): Moment {
  const dice = random();
  if (dice < 0.2) return { after: "opening", milliseconds: random() * 12 };
  if (dice < 0.35) return { after: "open", milliseconds: random() * 60 };
  if (dice < 0.45) return { after: "closing", milliseconds: random() * 4 };
  if (dice < 0.48) return { after: "closed" };
  return { after: "lines", lines: 20 + Math.floor(random() * 500) };
}

/** Runs a writer to its end, which comes when it is due. What is still in the pipe was said before, so it is heard too. */
async function runWriter(args: readonly string[], moment: Moment, hear: (line: string) => void): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const kill = () => child.kill("SIGKILL");
  let lines = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    hear(line);
    lines++;
    if (moment.after === "lines" && lines === moment.lines) kill();
    if ("milliseconds" in moment && line === moment.after) timer = setTimeout(kill, moment.milliseconds);
  }
  const code = await ended;
  clearTimeout(timer);
  if (code !== null && code !== 0) hear(`failed with exit code ${code}`);
}
