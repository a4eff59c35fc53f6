import { fork, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Backend } from "../../../src/index.ts";
import { randomFrom } from "../../log/simulatedStorage.ts";
import { atOnce, driverOf, storedIn, type Numbered } from "../support.ts";

/** Where a publisher sends to. */
export interface Target {
  /** What the publisher is told of it. */
  readonly name: "memory" | "log" | "service";
  /** Makes ready for the next publisher. */
  readonly prepare: () => Promise<void>;
  /** Answers a publisher. */
  readonly attend: (child: ChildProcess) => void;
  /** Its backend, while no publisher runs. */
  readonly open: () => Promise<Backend>;
  readonly close: () => Promise<void>;
}

/** How publishers are ended. */
export interface KillCyclesOptions {
  /** How many of them, one after the other. */
  readonly cycles: number;
  /** What the dice begin with. */
  readonly seed: number;
  /** Where the journal is. */
  readonly directory: string;
  /** The bundled program of `publisher.ts`. */
  readonly program: string;
  readonly target: Target;
  /** Ends a publisher. */
  readonly kill: (child: ChildProcess) => unknown;
  /** What happens between two publishers. @default nothing */
  readonly afterwards?: () => Promise<void>;
  /** How durable the journal is. @default "disk" */
  readonly durability?: "disk" | "os";
}

/** What came of it. */
export interface KillCyclesResult {
  readonly problems: readonly string[];
  /** How many publishers were ended. */
  readonly cycles: number;
  /** How many events were accepted. */
  readonly accepted: number;
}

/** Publishers that are ended before what they have left is sent and checked: most times the next one finds it. */
const cyclesOfCheck = 10;

/**
 * Runs publishers on one journal and ends them at random moments. It stops at the first problem: what follows from it is no news.
 */
export async function killCycles(options: KillCyclesOptions): Promise<KillCyclesResult> {
  const { cycles, seed, directory, program, target, afterwards, durability = "disk" } = options;
  const random = randomFrom(seed);
  const accepted = new Set<number>();
  let problems: readonly string[] = [];
  let [first, last, done] = [0, -1, 0];
  while (done < cycles && problems.length === 0) {
    const args = [directory, target.name, String(first), String(done), durability];
    const told = await killAfter(1 + Math.floor(random() * 1500), program, args, options);
    for (const n of told.accepted) {
      accepted.add(n);
      last = Math.max(last, n);
    }
    await afterwards?.();
    first = last + 5000; // Beyond all that it can have pushed without having been told.
    done++;
    if (told.end === "by itself") problems = ["a publisher ended by itself"];
    if (problems.length > 0 || (done % cyclesOfCheck !== 0 && done !== cycles)) continue;
    await target.close();
    problems = await check(directory, await target.open(), accepted).catch((error: unknown) => [String(error)]);
  }
  return { problems: problems.map((problem) => `up to ${done}: ${problem}`), cycles: done, accepted: accepted.size };
}

/** Runs a publisher until it has said so many lines, and ends it. Tells the numbers that were accepted by then. */
async function killAfter(
  lines: number,
  program: string,
  args: readonly string[],
  { target: { prepare, attend }, kill, durability }: KillCyclesOptions,
): Promise<{ readonly accepted: readonly number[]; readonly end: "killed" | "by itself" }> {
  await prepare();
  const errors = durability === "os" ? "ignore" : "inherit"; // What a journal runs into that is not brought to the disk is no news.
  const child = fork(program, args, { stdio: ["ignore", "pipe", errors, "ipc"], serialization: "advanced" });
  attend(child);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const accepted: number[] = [];
  let count = 0;
  let killing: unknown;
  for await (const line of createInterface({ input: child.stdout! })) {
    const [what, n] = line.split(" ");
    if (what === "accepted") accepted.push(Number(n));
    // What is still in the pipe was said before the end, so it is read as well.
    if (++count === lines) killing = kill(child);
  }
  await ended;
  await killing;
  return { accepted, end: killing === undefined ? "by itself" : "killed" };
}

/** Sends what is left, and says what is wrong with what is stored. */
async function check(directory: string, target: Backend, accepted: ReadonlySet<number>): Promise<readonly string[]> {
  const driver = await driverOf(target);
  const topic = await driver.openTopic<Numbered>("t");
  const producer = await topic.robustProducer({
    journal: `${directory}/journal`,
    journalOptions: { segmentBytes: 40_000 },
    retry: atOnce,
  });
  await producer.drain();
  const { left } = await producer.close();
  const [stored = []] = await storedIn(topic);
  await driver.close();
  const all = new Set(stored);
  const lost = [...accepted].filter((n) => !all.has(n));
  const wrong = stored.findIndex((n, i) => i > 0 && n <= stored[i - 1]!);
  return [
    ...(left > 0 ? [`${left} events are left in a journal that was drained`] : []),
    ...(lost.length > 0
      ? [`${lost.length} events that were accepted are not stored: ${lost.slice(0, 9).join(" ")}`]
      : []),
    ...(wrong > 0
      ? [`stored twice or out of order: ${stored.slice(Math.max(0, wrong - 5), wrong + 5).join(" ")}`]
      : []),
  ];
}
