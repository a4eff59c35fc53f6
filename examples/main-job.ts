// The main job: a week of real earthquakes, replayed with a real 28 × 28 frame of one-byte pixels beside each of them.
// All frames are stored; only the middle of those that belong to strong earthquakes is moved.
//
//   npm start                        in memory, 60,000 events
//   npm start -- <url>               any backend, and again to go on where the last run has stopped
//   npm start -- --events 5000      fewer or more events

import { parseArgs } from "node:util";
import { connect } from "sluice";
import { drawStrongest } from "./main-job/drawFrame.ts";
import { number } from "./main-job/format.ts";
import { ProgressBar } from "./main-job/progressBar.ts";
import { runJob, type JobResult } from "./main-job/runJob.ts";
import { summaryOf } from "./main-job/summary.ts";

/** What a shell reports for a program that Ctrl-C has ended. */
const interrupted = 130;

interface Arguments {
  readonly url: string;
  readonly events: number;
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { events: { type: "string" } } });
  const url = positionals[0] ?? process.env["SLUICE_URL"] ?? "memory:";
  const events = Number(values.events ?? 60_000);
  if (!Number.isSafeInteger(events) || events < 1) {
    throw new RangeError(`'--events' must be an integer of at least 1: current value is ${values.events}`);
  }
  return { url, events };
}

/** The first Ctrl-C stops the job in good order; the second one has its usual effect. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
}

function interruptionOf({ lag }: JobResult, isPersistent: boolean): string {
  const left = `Interrupted, with ${number(lag)} stored events not handled yet.`;
  return isPersistent ? `${left} The next run goes on from here.` : `${left} This backend forgets them now.`;
}

async function main(): Promise<void> {
  const { url, events } = readArguments();
  const signal = abortOnInterrupt();
  const driver = await connect(url);
  const progress = new ProgressBar(process.stdout);
  try {
    console.log(`${number(events)} events through ${url} (durability: ${driver.capabilities.durability})\n`);
    const result = await runJob({ driver, events, signal, progress: (each) => progress.update(each) });
    progress.end();
    console.log(drawStrongest(result.tally.strongest, process.stdout));
    console.log(summaryOf(result));
    if (!signal.aborted) return;
    console.log(`\n${interruptionOf(result, driver.capabilities.persistent)}`);
    process.exitCode = interrupted;
  } finally {
    progress.end();
    await driver.close();
  }
}

// Whoever reads the output may have seen enough, as `npm start | head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`The main job failed: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
  process.exitCode = 1;
}
