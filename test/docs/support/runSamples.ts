// Runs samples one after the other, in a process of their own, and tells the parent what each has printed.
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import type { FromRunner, Outcome, Printed, ToRunner } from "./runMessages.ts";

/** Milliseconds between two looks at a sample. */
const interval = 2;
/** How many looks in a row must find a sample at rest before it counts as waiting for something that never comes. */
const patience = 100;

let current: { readonly url: string; readonly printed: Printed[]; readonly errors: string[] } | undefined;

Error.stackTraceLimit = 100;
console.log = (...values: unknown[]) => {
  const { stack = "" } = new Error();
  current?.printed.push({ text: format(...values), ...placeIn(stack, current.url) });
};
process.on("uncaughtException", (error) => current?.errors.push(describe(error)));

process.once("message", (message) => {
  const { urls, deadline } = message as ToRunner;
  process.channel?.unref();
  void runAll(urls, deadline).then(() => process.exit(0));
});

async function runAll(urls: readonly string[], deadline: number): Promise<void> {
  await sleep(interval);
  const resting = activeThings().length;
  for (const url of urls) {
    tell({ kind: "begin", url });
    const outcome = await runOne(url, deadline, resting);
    tell({ kind: "end", url, outcome });
    // What still runs would spoil what comes next: the parent goes on with a new process.
    if (outcome.leftovers !== undefined) return;
  }
}

async function runOne(url: string, deadline: number, resting: number): Promise<Outcome> {
  const sample = { url, printed: [] as Printed[], errors: [] as string[] };
  current = sample;
  process.chdir(dirname(fileURLToPath(url)));
  let isEvaluated = false;
  import(url).then(
    () => (isEvaluated = true),
    (error: unknown) => {
      isEvaluated = true;
      sample.errors.push(describe(error));
    },
  );
  const { printed, errors } = sample;
  const until = performance.now() + deadline;
  let rests = 0;
  while (performance.now() < until) {
    await sleep(interval);
    rests = activeThings().length <= resting ? rests + 1 : 0;
    if (isEvaluated && rests >= 2) return { printed, errors };
    if (rests >= patience)
      return { printed, errors: [...errors, "it waits for something that never comes"], leftovers: "a promise" };
  }
  const leftovers = activeThings().join(", ");
  return { printed, errors: [...errors, `it still runs after ${deadline} ms (${leftovers})`], leftovers };
}

/** What keeps the process alive, beside the pipes to the parent. */
function activeThings(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap");
}

/** The innermost place in the sample that a stack trace names. */
function placeIn(stack: string, url: string): { line: number; column: number } | undefined {
  const from = stack.indexOf(`${url}:`);
  if (from < 0) return undefined;
  const [line = "", column = ""] = stack.slice(from + url.length + 1).split(/[^\d]/, 2);
  return { line: Number(line), column: Number(column) };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function tell(message: FromRunner): void {
  process.send?.(message);
}
