import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { connect } from "sluice";
import { runJob, type JobResult } from "../../examples/main-job/runJob.ts";
import { runExample } from "./runExample.ts";

/** The number in a line of the summary, within its section. */
function countIn(summary: string, section: string, label: string): number {
  const [, rest = ""] = summary.split(`\n${section}\n`);
  const line = rest
    .split("\n\n")[0]!
    .split("\n")
    .find((each) => each.trim().startsWith(label));
  const [, value = "NaN", unit = "B"] = /\s([\d,.]+)(?: (B|kB|MB))?/.exec(line ?? "") ?? [];
  return Number(value.replaceAll(",", "")) * { B: 1, kB: 1e3, MB: 1e6 }[unit as "B" | "kB" | "MB"];
}

function checkSums(t: ExecutionContext, summary: string, events: number): void {
  const count = (label: string) => countIn(summary, "Events", label);
  t.is(count("read"), events);
  t.true(count("rejected") > 0);
  t.is(count("stored") + count("rejected"), count("read"));
  t.is(count("handled"), count("stored"));
  t.true(count("selected") > 0 && count("selected") < count("handled"));
  t.true(countIn(summary, "Bytes", "moved") < countIn(summary, "Bytes", "stored"));
  t.is(
    ["/kind", "/depth", "/magnitude", "/gap"].reduce(
      (sum, path) => sum + countIn(summary, "Rejected, by rule", path),
      0,
    ),
    count("rejected"),
  );
  t.true(countIn(summary, "Batches", "smallest") >= 1);
  t.true(countIn(summary, "Batches", "largest") >= countIn(summary, "Batches", "median"));
}

/** A directory of its own, so that nothing is left in the project. */
async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), "sluice-main-job-"));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  return cwd;
}

test("the whole job adds up, and begins anew when an earlier run has done it all", async (t) => {
  const cwd = await emptyDirectory(t);
  for (const run of ["first", "second"]) {
    const { code, stdout, stderr } = await runExample("main-job.ts", { cwd });
    t.is(code, 0, stderr);
    t.is(stderr, "");
    t.regex(stdout, /^60,000 events through log:\.\/data\/quakes \(durability: disk\)\n/);
    t.is(stdout.includes("so this one starts over."), run === "second");
    checkSums(t, stdout, 60_000);
  }
});

test("killed at any moment, it goes on where its consumer had acknowledged", async (t) => {
  const cwd = await emptyDirectory(t);
  const args = ["--events", "20000"];
  for (const line of [/ through log:/, / 25 % produced/, / 75 % produced/]) {
    const { stderr } = await runExample("main-job.ts", {
      args,
      cwd,
      watch: (printed, kill) => line.test(printed) && kill("SIGKILL"),
    });
    t.is(stderr, "");
  }
  const { code, stdout, stderr } = await runExample("main-job.ts", { args, cwd });
  t.is(code, 0, stderr);
  const [, there = "", acknowledged = ""] =
    /: ([\d,]+) events stored, ([\d,]+) of them acknowledged\./.exec(stdout) ?? [];
  const [stored, handled] = [there, acknowledged].map((text) => Number(text.replaceAll(",", ""))) as [number, number];
  t.true(stored > 0 && handled > 0);
  const count = (label: string) => countIn(stdout, "Events", label);
  t.is(count("read"), 20_000);
  t.is(count("already there"), stored);
  t.is(stored + count("stored") + count("rejected"), 20_000);
  t.is(handled + count("handled"), stored + count("stored"));
});

test("--fresh forgets what an earlier run has done", async (t) => {
  const cwd = await emptyDirectory(t);
  const url = "log:./elsewhere";
  await runExample("main-job.ts", { args: [url, "--events", "3000"], cwd });
  const again = await runExample("main-job.ts", { args: [url, "--events", "3000"], cwd });
  t.is(countIn(again.stdout, "Events", "stored"), 0);
  const fresh = await runExample("main-job.ts", { args: [url, "--events", "3000", "--fresh"], cwd });
  checkSums(t, fresh.stdout, 3000);
});

test("it shows frames and progress as plain text where there is no terminal", async (t) => {
  const { stdout } = await runExample("main-job.ts", { args: ["memory:", "--events", "4000"] });
  // oxlint-disable-next-line no-control-regex
  t.notRegex(stdout, /[\x00-\x09\x0b-\x1f\x7f]/);
  t.regex(stdout, /█/);
  t.regex(stdout, /\nM 6\.4 +M 6\.1 +M 6\.1 +M 6\.0\n/);
  t.regex(stdout, /\n 25 % produced, [\d,]+ events handled\n/);
  t.regex(stdout, /\n100 % produced, [\d,]+ events handled\n/);
});

test("it runs from any working directory", async (t) => {
  const cwd = await emptyDirectory(t);
  const { code, stdout, stderr } = await runExample("main-job.ts", {
    args: ["memory:elsewhere", "--events", "2500"],
    cwd,
  });
  t.is(code, 0, stderr);
  checkSums(t, stdout, 2500);
});

test("it stops in good order when it is interrupted", async (t) => {
  const args = ["memory:", "--events", "2000000"];
  let killed = false;
  const { code, stdout, stderr } = await runExample("main-job.ts", {
    args,
    watch: (_, kill) => {
      if (killed) return;
      killed = true;
      setTimeout(() => kill("SIGINT"), 600);
    },
  });
  t.is(stderr, "");
  t.is(code, 130);
  t.regex(stdout, /\nInterrupted, with [\d,]+ stored events not handled yet\. This backend forgets them now\.\n$/);
  const count = (label: string) => countIn(stdout, "Events", label);
  t.true(count("read") < 2_000_000);
  t.is(count("stored") + count("rejected"), count("read"));
});

for (const { title, args, message } of [
  { title: "an unknown scheme", args: ["nowhere:"], message: 'There is no backend for "nowhere:"' },
  { title: "something that is no URL", args: ["nonsense"], message: "'url' must begin with a scheme" },
  { title: "an option without its dashes", args: ["fresh"], message: "did you mean --fresh?" },
  {
    title: "a wrong number of events",
    args: ["--events=0"],
    message: "'--events' must be an integer of at least 1: current value is 0",
  },
  { title: "an option without its value", args: ["--events", "-1"], message: "--events" },
  { title: "an unknown option", args: ["--evnets=5"], message: "--evnets" },
]) {
  test(`${title} is one line on standard error and exit code 1`, async (t) => {
    const { code, stdout, stderr } = await runExample("main-job.ts", { args });
    t.is(code, 1);
    t.is(stdout, "");
    t.is(stderr.trimEnd().split("\n").length, 1, stderr);
    t.true(stderr.startsWith("The main job failed: ") && stderr.includes(message), stderr);
  });
}

test("a later run goes on where the one before has stopped", async (t) => {
  const url = "memory:main-job-later-run";
  const run = async (events: number, stopAfter = Infinity): Promise<JobResult> => {
    const controller = new AbortController();
    await using driver = await connect(url);
    return await runJob({
      driver,
      events,
      signal: controller.signal,
      progress: ({ handled }) => {
        // As an interrupt does: between two events, not within one.
        if (handled >= stopAfter) setImmediate(() => controller.abort());
      },
    });
  };
  const first = await run(10_000, 3000);
  t.true(first.tally.read < 10_000);
  t.true(first.tally.handled < first.tally.stored);
  t.is(first.lag, first.tally.stored - first.tally.handled);

  const second = await run(10_000);
  t.is(second.tally.read, 10_000);
  t.is(second.tally.skipped, first.tally.stored);
  t.is(second.tally.stored + second.tally.rejected + second.tally.skipped, second.tally.read);
  t.is(first.tally.handled + second.tally.handled, first.tally.stored + second.tally.stored);
  t.is(second.lag, 0);

  const third = await run(10_000);
  t.is(third.tally.stored, 0);
  t.is(third.tally.handled, 0);

  const more = await run(12_000);
  t.is(more.tally.skipped, first.tally.stored + second.tally.stored);
  t.is(more.tally.handled, more.tally.stored);
});
