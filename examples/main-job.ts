// The main job: a week of real earthquakes, replayed with a real 28 × 28 frame of one-byte pixels beside each of them.
// All frames are stored; only the middle of those that belong to strong earthquakes is moved.
//
//   npm start                       60,000 events through a log on the local disk, in ./data/quakes
//   npm start -- --fresh            the same from the beginning
//   npm start -- --events 5000      fewer or more events
//   npm start -- <url>              through any backend
//
// It may be killed at any moment. Started again, it stores what is not stored yet, and handles what is not acknowledged; when all is
// done, it starts over.

import { parseArgs } from "node:util";
import { connect } from "sluice";
import { drawStrongest } from "./main-job/drawFrame.ts";
import { number } from "./main-job/format.ts";
import { ProgressBar } from "./main-job/progressBar.ts";
import type { Earlier } from "./main-job/earlierRuns.ts";
import { runJob, startOver, type JobResult } from "./main-job/runJob.ts";
import { summaryOf } from "./main-job/summary.ts";

/** What a shell reports for a program that Ctrl-C has ended. */
const interrupted = 130;

/** A directory of this project that is not under version control. */
const defaultUrl = "log:./data/quakes";

interface Arguments {
  readonly url: string;
  readonly events: number;
  /** Whether what earlier runs have done is forgotten first. */
  readonly fresh: boolean;
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { events: { type: "string" }, fresh: { type: "boolean", default: false } },
  });
  const url = positionals[0] ?? process.env["SLUICE_URL"] ?? defaultUrl;
  if (url === "fresh" || url === "events") throw new TypeError(`"${url}" is no URL: did you mean --${url}?`);
  const events = Number(values.events ?? 60_000);
  if (!Number.isSafeInteger(events) || events < 1) {
    throw new RangeError(`'--events' must be an integer of at least 1: current value is ${values.events}`);
  }
  return { url, events, fresh: values.fresh };
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

function tellEarlier({ stored, acknowledged }: Earlier): void {
  if (stored === 0) return;
  const counts = `${number(stored)} events stored, ${number(acknowledged)} of them acknowledged`;
  console.log(`Going on where an earlier run has stopped: ${counts}.\nnpm start -- --fresh starts over.\n`);
}

/** Whether earlier runs had left nothing to do. */
function wasDone({ tally }: JobResult): boolean {
  return tally.skipped > 0 && tally.stored === 0 && tally.handled === 0;
}

async function main(): Promise<void> {
  const { url, events, fresh } = readArguments();
  const signal = abortOnInterrupt();
  const driver = await connect(url);
  const run = async (): Promise<JobResult> => {
    const bar = new ProgressBar(process.stdout);
    try {
      return await runJob({ driver, events, signal, begun: tellEarlier, progress: (each) => bar.update(each) });
    } finally {
      bar.end();
    }
  };
  try {
    console.log(`${number(events)} events through ${url} (durability: ${driver.capabilities.durability})\n`);
    if (fresh) await startOver(driver);
    let result = await run();
    // Only its own directory: whoever names another place may want to keep what is there.
    if (url === defaultUrl && wasDone(result) && !signal.aborted) {
      console.log("\nAn earlier run had done all there was to do, so this one starts over.\n");
      await startOver(driver);
      result = await run();
    }
    console.log(drawStrongest(result.tally.strongest, process.stdout));
    console.log(summaryOf(result));
    if (!signal.aborted) return;
    console.log(`\n${interruptionOf(result, driver.capabilities.persistent)}`);
    process.exitCode = interrupted;
  } finally {
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
