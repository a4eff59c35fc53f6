import { Worker } from "node:worker_threads";

/** Starts a thread of a pool. It runs worker.ts. @internal */
export function startWorker(name: string): Worker {
  // A URL in a string is not rewritten by the compiler: the worker has the extension that this file has.
  const extension = new URL(import.meta.url).pathname.endsWith(".ts") ? ".ts" : ".js";
  return new Worker(new URL(`./worker${extension}`, import.meta.url), { name, ...execArgv() });
}

/** A thread inherits the options of the process, conditions included. Only `--input-type` would keep it from starting. */
function execArgv(): { execArgv?: string[] } {
  const { execArgv: inherited } = process;
  if (!inherited.some((option) => option.startsWith("--input-type"))) return {};
  const resolution = /^(--conditions|-C|--import|--loader|--experimental-loader|--require|-r)(=|$)/;
  const kept = inherited.flatMap((option, i) => {
    if (!resolution.test(option)) return [];
    return option.includes("=") ? [option] : inherited.slice(i, i + 2);
  });
  return { execArgv: kept };
}
