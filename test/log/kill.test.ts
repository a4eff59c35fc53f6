import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { isSluiceError } from "../../src/index.ts";
import { bundle } from "./kill/bundle.ts";
import { killCycles } from "./kill/killCycles.ts";
import { randomFrom } from "./simulatedStorage.ts";
import { answerOf, openLog, readAll } from "./support.ts";
import { seed, trials, withoutFailure } from "./trials.ts";

const onLinux = process.platform === "linux" ? test.serial : test.serial.skip;
const cycles = trials({ quick: 45, crash: 2000, soak: 20_000 });
const driverCycles = trials({ quick: 4, crash: 40, soak: 400 });
/** Directories that are written to at once, each by one process at a time: while one waits for its disk, another runs. */
const lanes = 3;

let programs: string;

test.before(async () => {
  programs = await mkdtemp(join(tmpdir(), "sluice-programs-"));
  for (const name of ["killedWriter", "watchingReader", "driverWriter"])
    await bundle(new URL(`kill/${name}.ts`, import.meta.url), join(programs, `${name}.mjs`));
});

test.after.always(() => rm(programs, { recursive: true, force: true }));

test.serial(
  `${cycles} times kill -9 while opening, writing, rolling, dropping, compacting, acknowledging and closing: nothing is lost, altered, out of order or unknown, no cursor goes back, and a reader sees only what was committed`,
  async (t) => {
    t.timeout(8 * 3_600_000);
    const share = Math.ceil(cycles / lanes);
    const results = await Promise.all(Array.from({ length: lanes }, (_, i) => killCycles(programs, share, seed + i)));
    t.deepEqual(
      results.flatMap(({ problems }) => problems),
      [],
    );
    const moments: Record<string, number> = {};
    for (const result of results)
      for (const [moment, count] of Object.entries(result.moments)) moments[moment] = (moments[moment] ?? 0) + count;
    const [compacted, seen] = results.reduce(([a, b], each) => [a + each.compacted, b + each.seen], [0, 0]);
    t.log(withoutFailure(share * lanes, "kills"), moments, `${compacted} events were compacted, ${seen} were seen`);
    t.true(results.every(({ stored }) => stored > 0) && compacted > 0 && seen > 0);
  },
);

/** Lets a writer run until it has said so many things, and kills it. Returns what it had been told by then. */
async function killAfter(
  lines: number,
  directory: string,
  run: number,
): Promise<{ stored: number; cursor: number; altered: string[] }> {
  const args = [join(programs, "driverWriter.mjs"), directory, String(run)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const told = { stored: 0, cursor: 0, altered: [] as string[] };
  const ended = new Promise((resolve) => child.once("close", resolve));
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, value] = line.split(" ");
    if (what === "stored") told.stored = Math.max(told.stored, Number(value) + 1);
    if (what === "cursor") told.cursor = Math.max(told.cursor, Number(value));
    if (what === "altered") told.altered.push(line);
    // What is still in the pipe was said before the end, so it is read as well.
    if (++count === lines) child.kill("SIGKILL");
  }
  await ended;
  return told;
}

test.serial(`${driverCycles} times kill -9 of a program with a driver: what its futures said is there`, async (t) => {
  t.timeout(3_600_000);
  const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const random = randomFrom(seed);
  let [stored, cursor] = [0, 0];
  for (let run = 0; run < driverCycles; run++) {
    const told = await killAfter(1 + Math.floor(random() * 2000), directory, run);
    stored = Math.max(stored, told.stored);
    cursor = Math.max(cursor, told.cursor);
    t.deepEqual(told.altered, []);
  }
  const log = await openLog(undefined, { directory });
  const { events, errors } = await readAll(log.partition);
  t.deepEqual(errors, []);
  t.true(log.report.outcome === "clean" || log.report.outcome === "tornTail");
  t.true(events.length >= stored, `${events.length} events, where ${stored} were acknowledged`);
  t.true(
    events.every(
      ({ id, text, data }, i) =>
        id === i &&
        text === `{"n":${i}}` &&
        data.length === (i % 11 === 0 ? i % 9000 : 0) &&
        data.every((byte) => byte === (i & 255)),
    ),
  );
  t.true(((await answerOf(log.topic.cursors("app")))[0] ?? 0) >= cursor);
  await log.close();
  t.log(`${stored} events, cursor ${cursor}`);
  t.true(stored > 0);
});

test.serial(
  "a second process gets ERR_LOCKED with the pid of the first, and the directory is free when that one is killed",
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-lock-"));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const args = [join(programs, "driverWriter.mjs"), directory, "0"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    await new Promise((resolve) => lines.once("line", resolve));
    const error = await openLog(undefined, { directory }).catch((thrown: unknown) => thrown);
    t.true(isSluiceError(error, "ERR_LOCKED"));
    t.is(isSluiceError(error) ? error.details["pid"] : undefined, child.pid);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    const log = await openLog(undefined, { directory });
    t.deepEqual((await readAll(log.partition)).errors, []);
    await log.close();
  },
);

onLinux("a process that was killed and that nobody has asked for yet, a zombie, keeps no directory", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-lock-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const script = `"$0" "$1" "$2" 0 & exec sleep 600`; // The sleep is its parent, and never asks.
  const args = ["-c", script, process.execPath, join(programs, "driverWriter.mjs"), directory];
  const parent = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => parent.kill("SIGKILL"));
  const lines = createInterface({ input: parent.stdout });
  await new Promise((resolve) => lines.once("line", resolve));
  const { pid } = JSON.parse(await readFile(join(directory, "LOCK"), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  while (!(await readFile(`/proc/${pid}/stat`, "utf8")).includes(") Z ")) await new Promise(setImmediate);
  const log = await openLog(undefined, { directory });
  t.deepEqual((await readAll(log.partition)).errors, []);
  await log.close();
});
