import { timer } from "rxjs";
import { checkAmount, checkInteger } from "../model/check.ts";
import { SluiceError } from "../model/errors.ts";
import { makeComponentHost, runOnHost } from "./componentHost.ts";
import { makeJob, type Job, type PoolEngine } from "./job.ts";
import type { CloseOptions } from "../model/topicHandle.ts";
import type { ModuleTask, RunOptions, ThreadPool } from "./poolTypes.ts";

export type { ComponentDescription, ModuleComponent, ModuleTask, RunOptions, ThreadPool } from "./poolTypes.ts";

/** More threads than any machine has. A typing mistake should not start a million of them. */
const maxThreads = 1024;
/** The longest time that a timer can wait for. */
const maxTimeout = 2 ** 31 - 1;

/**
 * Makes a pool of threads for components that are given by module (`"name:./module.js"`).
 *
 * It pays for a component that computes for long: to hand a task over and back costs some 5 to 50 µs. Threads start
 * with the first task, and threads that have nothing to do do not keep the process alive.
 *
 * @param size - How many threads, from 0 to 1024. 0 makes a pool that runs every task on the calling thread.
 * @throws TypeError when `size` is not a number, RangeError when it is not an integer from 0 to 1024.
 *
 * @example
 * ```ts
 * import { makeThreadPool } from "sluice";
 *
 * const pool = makeThreadPool(2);
 * console.log(pool.size); // 2
 * await pool.close();
 * ```
 */
export function makeThreadPool(size: number): ThreadPool {
  checkInteger("size", size, 0, maxThreads);
  const open = new Set<Job>();
  let lastId = 0;
  let engine: PoolEngine | undefined;
  let loading: Promise<PoolEngine> | undefined;
  let closing: Promise<void> | undefined;
  let onDrained: (() => void) | undefined;

  async function run<T>(task: ModuleTask, options: RunOptions = {}): Promise<T> {
    checkAmount("priority", options.priority ?? 0, -Infinity);
    if (closing !== undefined) throw new SluiceError("ERR_CLOSED", "The thread pool has been closed");
    const job = makeJob(++lastId, task, options);
    open.add(job);
    if (engine !== undefined) engine.submit(job);
    else load().then((loaded) => loaded.submit(job), job.reject);
    try {
      return (await job.promise) as T;
    } finally {
      open.delete(job);
      if (open.size === 0) onDrained?.();
    }
  }

  function load(): Promise<PoolEngine> {
    loading ??= makeEngine(size).then((made) => (engine = made));
    return loading;
  }

  async function finish(deadline: number): Promise<void> {
    if (open.size > 0) await drained(deadline);
    for (const job of open) job.reject(new SluiceError("ERR_CLOSED", `The thread pool closed after ${deadline} ms`));
    await engine?.end();
  }

  /** Waits until every task has ended, but no longer than so many milliseconds. */
  function drained(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const deadline = ms > maxTimeout ? undefined : timer(ms).subscribe(() => resolve());
      onDrained = () => {
        deadline?.unsubscribe();
        resolve();
      };
    });
  }

  function close({ deadline = Infinity }: CloseOptions = {}): Promise<void> {
    checkAmount("deadline", deadline);
    closing ??= finish(deadline);
    return closing;
  }

  return { size, run, close, [Symbol.asyncDispose]: () => close() };
}

async function makeEngine(size: number): Promise<PoolEngine> {
  if (size === 0) return makeInlineEngine();
  const threads = await import("#threads");
  return threads.makeWorkerEngine(size);
}

/** Runs every job at once on the calling thread. Jobs that wait for something overlap, as they would without a pool. */
function makeInlineEngine(): PoolEngine {
  const host = makeComponentHost();
  return {
    submit(job) {
      try {
        job.resolve(runOnHost(host, job.task));
      } catch (error) {
        job.reject(error);
      }
    },
    end: () => Promise.resolve(),
  };
}
