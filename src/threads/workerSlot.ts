import { Worker } from "node:worker_threads";
import { SluiceError } from "../model/errors.ts";
import type { Job } from "./job.ts";
import type { AnswerMessage, PoolMessage } from "./messages.ts";
import type { DataAway } from "./moveData.ts";
import { unpackError } from "./packError.ts";
import { makePriorityQueue, type PriorityQueue } from "./priorityQueue.ts";
import { type Numbering, type Parcel, wrapJob } from "./wrapJob.ts";

/** How much work a thread is given ahead, so that it never waits for the pool: milliseconds by what tasks have cost so far. */
const aheadMs = 2;
/** The least and the most of it, in tasks. A thread that has not answered yet, and so is not known, gets one. */
const minAhead = 2;
const maxAhead = 128;

/** The place of one thread in a pool. The thread starts with the first job, and again when it has died. @internal */
export interface WorkerSlot {
  /** Jobs that only this thread may run. */
  readonly pinned: PriorityQueue<Job>;
  /** How many jobs it has been given and has not answered. */
  readonly load: number;
  /** Whether the thread is to be given a job of this priority. Jobs that the thread would run after it do not count. */
  hasRoom(priority: number): boolean;
  /** Whether it is time to give it jobs of this priority: rather a few jobs at once than one at a time. */
  isRunningLow(priority: number): boolean;
  /** Gives it a job, which goes with the next `flush()`. */
  add(job: Job): void;
  /** Posts the jobs it was given, in one message. */
  flush(): void;
  /** Lets the thread forget a session, with the next message. */
  endSession(session: number): void;
  /** Ends the thread. */
  end(): Promise<void>;
}

interface JobAway {
  readonly job: Job;
  readonly data: DataAway | undefined;
}

/**
 * Makes a place for a thread.
 *
 * @param name - The thread's name in a debugger.
 * @param numbers - The numbers that messages name components and sessions by.
 * @param onChange - Called when the thread may have room again: it has answered, or died, or could not be sent a job. @internal
 */
export function makeWorkerSlot(name: string, numbers: Numbering, onChange: () => void): WorkerSlot {
  const away = new Map<number, JobAway>();
  const countByPriority = new Map<number, number>();
  const knownComponents = new Set<number>();
  let outbox: Job[] = [];
  let endedSessions: number[] = [];
  let worker: Worker | undefined;
  let costMs: number | undefined;
  let reasonOfDeath: unknown;

  const capacity = () =>
    costMs === undefined ? 1 : Math.max(minAhead, Math.min(maxAhead, Math.ceil(aheadMs / costMs)));

  function countFrom(priority: number): number {
    let sum = 0;
    for (const [other, count] of countByPriority) if (other >= priority) sum += count;
    return sum;
  }

  function add(job: Job): void {
    outbox.push(job);
    countByPriority.set(job.priority, (countByPriority.get(job.priority) ?? 0) + 1);
  }

  function remove({ priority }: Job): void {
    const left = (countByPriority.get(priority) ?? 1) - 1;
    if (left === 0) countByPriority.delete(priority);
    else countByPriority.set(priority, left);
  }

  function flush(): void {
    const jobs = outbox;
    if (jobs.length === 0) return;
    outbox = [];
    try {
      worker ??= start();
    } catch (cause) {
      for (const job of jobs) fail(job, "could not be run, because its thread did not start", cause);
      return;
    }
    worker.ref();
    post(worker, jobs, false);
    if (away.size === 0) worker.unref();
  }

  /** Posts jobs together. When that fails, each alone, and then with a copy of its data, to single out what cannot be posted. */
  function post(to: Worker, jobs: readonly Job[], copy: boolean): void {
    const parcels = jobs.map((job) => wrapJob(job, numbers, copy));
    try {
      to.postMessage(
        messageOf(parcels),
        parcels.flatMap(({ transfer }) => transfer),
      );
    } catch (cause) {
      const [job] = jobs as [Job];
      if (jobs.length > 1) for (const one of jobs) post(to, [one], false);
      else if (!copy && job.task.data !== undefined) post(to, jobs, true);
      else fail(job, "cannot be sent to a thread", cause);
      return;
    }
    endedSessions = [];
    for (const { job, task, data } of parcels) {
      knownComponents.add(task.component);
      away.set(job.id, { job, data: data?.send() });
    }
  }

  function fail(job: Job, what: string, cause?: unknown, facts?: Record<string, unknown>): void {
    remove(job);
    job.reject(failure(job, what, cause, facts));
    onChange();
  }

  function messageOf(parcels: readonly Parcel[]): PoolMessage {
    const components = new Map(
      parcels
        .filter(({ task }) => !knownComponents.has(task.component))
        .map(({ task, job }) => [task.component, job.task.component]),
    );
    return { components: [...components], tasks: parcels.map(({ task }) => task), endedSessions };
  }

  function onAnswer({ id, cost, value, error, moved }: AnswerMessage): void {
    const { job, data } = away.get(id) as JobAway;
    away.delete(id);
    remove(job);
    costMs = costMs === undefined ? cost : (costMs + cost) / 2;
    const isComplete = data?.comeBack(moved) ?? true;
    if (error !== undefined) job.reject(unpackError(error));
    else if (isComplete) job.resolve(value);
    else job.reject(failure(job, "did not give the event's data back"));
    if (away.size === 0) worker?.unref();
    onChange();
  }

  function onExit(code: number): void {
    const lost = [...away.values()];
    const cause = reasonOfDeath;
    away.clear();
    knownComponents.clear();
    worker = costMs = reasonOfDeath = undefined;
    for (const { job, data } of lost) {
      data?.comeBack(undefined);
      fail(job, `was lost: its thread ended (exit code ${code})`, cause, { exitCode: code });
    }
  }

  function start(): Worker {
    const started = startWorker(name);
    started.on("message", onAnswer);
    started.on("error", (error) => (reasonOfDeath = error));
    // An answer that cannot be read belongs to a task that nobody can name: the thread is given up.
    started.on("messageerror", (error) => {
      reasonOfDeath = error;
      void started.terminate();
    });
    started.on("exit", onExit);
    return started;
  }

  return {
    pinned: makePriorityQueue<Job>(),
    get load() {
      return away.size + outbox.length;
    },
    hasRoom: (priority) => countFrom(priority) < capacity(),
    isRunningLow: (priority) => countFrom(priority) <= capacity() / 2,
    add,
    flush,
    endSession: (session) => void (worker && endedSessions.push(session)),
    end: async () => void (await worker?.terminate()),
  };
}

function startWorker(name: string): Worker {
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

function failure({ task }: Job, what: string, cause?: unknown, facts: Record<string, unknown> = {}): SluiceError {
  const { type } = task.component.spec;
  return new SluiceError("ERR_COMPONENT", `A task of "${type}" (${task.method}) ${what}`, {
    cause,
    details: { type, method: task.method, ...facts },
  });
}
