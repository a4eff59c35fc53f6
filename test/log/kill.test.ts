import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { isSluiceError } from "../../src/index.ts";
import { answerOf, openLog, readAll } from "./support.ts";
import { randomFrom } from "./simulatedStorage.ts";

const cycles = Number(process.env["SLUICE_KILL_CYCLES"] ?? 30);

/** Lets a writer run until it has said so many things, and kills it. Returns what it had been told by then. */
async function killAfter(
  lines: number,
  directory: string,
  seed: number,
): Promise<{ stored: number; cursor: number; altered: string[] }> {
  const args = [
    "--conditions=sluice-source",
    new URL("crashWriter.ts", import.meta.url).pathname,
    directory,
    String(seed),
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const told = { stored: 0, cursor: 0, altered: [] as string[] };
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, value] = line.split(" ");
    if (what === "stored") told.stored = Math.max(told.stored, Number(value) + 1);
    if (what === "cursor") told.cursor = Math.max(told.cursor, Number(value));
    if (what === "altered") told.altered.push(line);
    // What is still in the pipe was said before the end, so it is read as well.
    if (++count === lines) child.kill("SIGKILL");
  }
  return told;
}

test(`${cycles} times kill -9 while writing, rolling and acknowledging: nothing that was acknowledged is lost or altered`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const random = randomFrom(Number(process.env["SLUICE_SEED"] ?? 1));
  let [stored, cursor] = [0, 0];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const told = await killAfter(1 + Math.floor(random() * 2000), directory, cycle);
    stored = Math.max(stored, told.stored);
    cursor = Math.max(cursor, told.cursor);
    t.deepEqual(told.altered, []);
    if (cycle % 5 !== 4 && cycle !== cycles - 1) continue; // Most times the next writer finds what the last one left.
    const log = await openLog(undefined, { directory });
    const { events, errors } = await readAll(log.partition);
    t.deepEqual(errors, []);
    t.true(log.report.outcome === "clean" || log.report.outcome === "tornTail");
    t.true(events.length >= stored, `${events.length} events, where ${stored} were acknowledged (cycle ${cycle})`);
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
  }
  t.log(`${stored} events, cursor ${cursor}`);
  t.true(stored > 0);
});

test("a second process gets ERR_LOCKED with the pid of the first, and the directory is free when that one is killed", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-lock-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const args = ["--conditions=sluice-source", new URL("crashWriter.ts", import.meta.url).pathname, directory, "0"];
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
});
