import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { from, lastValueFrom } from "rxjs";
import test, { type ExecutionContext } from "ava";
import { logBackend } from "../../backends/log/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { serve, type Service } from "../../backends/service/server/index.ts";
import type { Backend } from "../../src/index.ts";
import { bundle } from "../log/kill/bundle.ts";
import { randomFrom } from "../log/simulatedStorage.ts";
import { seed, trials, withoutFailure } from "../log/trials.ts";
import { answerFrom } from "./kill/link.ts";
import { atOnce, driverOf, storedIn, type Numbered } from "./support.ts";

/** How many times a publisher is killed, for each of the backends. */
const cycles = trials({ quick: 6, crash: 40, soak: 700 });

/** Where a publisher sends to. */
interface Target {
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

const done = () => Promise.resolve();

/** What a kill of the publisher may reach, and what it may not. */
const targets: Readonly<Record<string, (directory: string) => Target>> = {
  "memory of another process": () => {
    const memory = memoryBackend();
    const attend = (child: ChildProcess) => answerFrom(child, memory);
    return { name: "memory", prepare: done, attend, open: () => Promise.resolve(memory), close: done };
  },
  "log that is killed with it": (directory) => ({
    name: "log",
    prepare: done,
    attend: () => undefined,
    open: () => logBackend(`${directory}/target`, { segmentBytes: 40_000 }),
    close: done,
  }),
  "service of another process, which starts anew each time": (directory) => {
    let service: Service | undefined;
    let backend: Backend | undefined;
    const open = () => logBackend(`${directory}/target`, { segmentBytes: 40_000 });
    const close = async () => {
      await service?.close({ deadline: 0 }); // What was on its way from the last publisher is given up, or still gets there.
      if (backend !== undefined) await lastValueFrom(from(backend.close()), { defaultValue: undefined });
      service = backend = undefined;
    };
    const prepare = async () => {
      await close();
      backend = await open();
      service = await serve({ backend, listeners: [{ unix: { path: `${directory}/socket` } }] });
    };
    return { name: "service", prepare, attend: () => undefined, open, close };
  },
};

/** Runs a publisher until it has said so many lines, and kills it. Returns the numbers that were accepted by then. */
async function killAfter(
  lines: number,
  program: string,
  args: readonly string[],
  { prepare, attend }: Target,
): Promise<number[]> {
  await prepare();
  const child = fork(program, args, { stdio: ["ignore", "pipe", "inherit", "ipc"], serialization: "advanced" });
  attend(child);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const accepted: number[] = [];
  let count = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    const [what, n] = line.split(" ");
    if (what === "accepted") accepted.push(Number(n));
    // What is still in the pipe was said before the end, so it is read as well.
    if (++count === lines) child.kill("SIGKILL");
  }
  await ended;
  return accepted;
}

/** Sends what is left, and checks what is stored. */
async function check(t: ExecutionContext, directory: string, target: Backend, accepted: ReadonlySet<number>) {
  const driver = await driverOf(target);
  const topic = await driver.openTopic<Numbered>("t");
  const producer = await topic.robustProducer({
    journal: `${directory}/journal`,
    journalOptions: { segmentBytes: 40_000 },
    retry: atOnce,
  });
  await producer.drain();
  t.deepEqual(await producer.close(), { left: 0 });
  const [stored = []] = await storedIn(topic);
  const wrong = stored.findIndex((n, i) => i > 0 && n <= stored[i - 1]!);
  t.is(wrong, -1, `stored twice or out of order: ${stored.slice(wrong - 5, wrong + 5).join(" ")}`);
  const all = new Set(stored);
  t.deepEqual(
    [...accepted].filter((n) => !all.has(n)),
    [],
  );
  await driver.close();
}

for (const [where, targetIn] of Object.entries(targets)) {
  test(`${cycles} times kill -9 of a publisher to the ${where}, with half of the answers lost: accepted is stored, once and in order`, async (t) => {
    t.timeout(8 * 3_600_000);
    const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const program = join(directory, "publisher.mjs");
    await bundle(new URL("kill/publisher.ts", import.meta.url), program);
    const target = targetIn(directory);
    const random = randomFrom(seed);
    const accepted = new Set<number>();
    let first = 0;
    let last = -1;
    for (let cycle = 0; cycle < cycles; cycle++) {
      const args = [directory, target.name, String(first), String(cycle)];
      for (const n of await killAfter(1 + Math.floor(random() * 1500), program, args, target)) {
        accepted.add(n);
        last = Math.max(last, n);
      }
      first = last + 5000; // Beyond all that it can have pushed without having been told.
      if (cycle % 10 !== 9 && cycle !== cycles - 1) continue; // Most times the next publisher finds what the last one left.
      await target.close();
      await check(t, directory, await target.open(), accepted);
    }
    t.log(`${withoutFailure(cycles, "kills")}; ${accepted.size} events were accepted`);
    t.true(accepted.size > 0);
  });
}
