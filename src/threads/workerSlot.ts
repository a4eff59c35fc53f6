import type { Worker } from "node:worker_threads";
import { SluiceError } from "../model/errors.ts";
import type { Job } from "./job.ts";
import type { AnswerMessage, FarewellMessage, PoolMessage, ThreadMessage } from "./messages.ts";
import type { DataAway } from "./moveData.ts";
import { unpackError } from "./packError.ts";
import { makePriorityCounts } from "./priorityCounts.ts";
import { makePriorityQueue, type PriorityQueue } from "./priorityQueue.ts";
import { startWorker } from "./startWorker.ts";
import { type Numbering, type Parcel, wrapJob } from "./wrapJob.ts";

/** How much work a thread is given ahead, so that it never waits for the pool: milliseconds by what tasks have cost so far. */
const aheadMs = 4;
/** The least and the most of it, in tasks. A thread that has not answered yet, and so is not known, gets one. */
const minAhead = 2;
const maxAhead = 128;
/** How many threads may die idly, none of their tasks being to blame, before a job that waits there is given up. */
const maxReturns = 10;

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

/** What a thread's place tells its pool. @internal */
export interface SlotEvents {
  /** The thread may have room again: it has answered, or died, or could not be sent a job. */
  onChange(): void;
  /** The thread died before it began this job. */
  onReturn(job: Job): void;
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
 * @param events - What the pool wants to know. @internal
 */
export function makeWorkerSlot(name: string, numbers: Numbering, events: SlotEvents): WorkerSlot {
  const away = new Map<number, JobAway>();
  const counts = makePriorityCounts();
  const knownComponents = new Set<number>();
  let outbox: Job[] = [];
  let endedSessions: number[] = [];
  let worker: Worker | undefined;
  let costMs: number | undefined;
  let farewell: FarewellMessage | undefined;
  let reasonOfDeath: unknown;

  const capacity = () =>
    costMs === undefined ? 1 : Math.max(minAhead, Math.min(maxAhead, Math.ceil(aheadMs / costMs)));

  function add(job: Job): void {
    outbox.push(job);
    counts.add(job.priority);
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

  function fail(job: Job, what: string, cause: unknown): void {
    counts.remove(job.priority);
    job.reject(failure(job, what, cause));
    events.onChange();
  }

  function messageOf(parcels: readonly Parcel[]): PoolMessage {
    const components = new Map(
      parcels
        .filter(({ task }) => !knownComponents.has(task.component))
        .map(({ task, job }) => [task.component, job.task.component]),
    );
    return { components: [...components], tasks: parcels.map(({ task }) => task), endedSessions };
  }

  function takeBack(id: number): JobAway {
    const entry = away.get(id) as JobAway;
    away.delete(id);
    counts.remove(entry.job.priority);
    return entry;
  }

  function onMessage(message: ThreadMessage): void {
    if ("returned" in message) onFarewell(message);
    else for (const answer of message) onAnswer(answer);
    if (away.size === 0 && farewell === undefined) worker?.unref();
    events.onChange();
  }

  function onAnswer({ id, cost, value, error, moved }: AnswerMessage): void {
    const { job, data } = takeBack(id);
    costMs = costMs === undefined ? cost : (costMs + cost) / 2;
    const isComplete = data?.comeBack(moved) ?? true;
    if (error !== undefined) job.reject(unpackError(error));
    else if (isComplete) job.resolve(value);
    else job.reject(failure(job, "did not give the event's data back", undefined));
  }

  /** The thread is about to end. What it has not begun is for another one. */
  function onFarewell(message: FarewellMessage): void {
    farewell = message;
    worker?.ref(); // What waits for the next thread has to see this one end.
    for (const { id, moved } of message.returned) {
      const { job, data } = takeBack(id);
      data?.comeBack(moved);
      giveBack(job, message);
    }
  }

  function onExit(code: number): void {
    const lost = [...away.values()];
    const [last, cause] = [farewell, reasonOfDeath];
    knownComponents.clear();
    worker = costMs = farewell = reasonOfDeath = undefined;
    for (const { job, data } of lost) {
      takeBack(job.id);
      data?.comeBack(undefined);
      // A message that crossed with the farewell was never read.
      if (last !== undefined && last.running !== job.id && data?.isMoved !== true) giveBack(job, last);
      else job.reject(failure(job, `was lost: its thread ended (exit code ${code})`, cause, { exitCode: code }));
    }
    events.onChange();
  }

  /** A death that no task is to blame for counts against those that were waiting, or there might be no end of it. */
  function giveBack(job: Job, { running }: FarewellMessage): void {
    if (running === undefined) job.returns++;
    if (job.returns < maxReturns) events.onReturn(job);
    else job.reject(failure(job, `was given up: ${maxReturns} threads ended before they began it`, reasonOfDeath));
  }

  function start(): Worker {
    const started = startWorker(name);
    started.on("message", onMessage);
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
    hasRoom: (priority) => farewell === undefined && counts.from(priority) < capacity(),
    isRunningLow: (priority) => counts.from(priority) <= capacity() / 2,
    add,
    flush,
    endSession: (session) => void (worker && endedSessions.push(session)),
    end: async () => void (await worker?.terminate()),
  };
}

function failure({ task }: Job, what: string, cause: unknown, facts: Record<string, unknown> = {}): SluiceError {
  const { type } = task.component.spec;
  return new SluiceError("ERR_COMPONENT", `A task of "${type}" (${task.method}) ${what}`, {
    cause,
    details: { type, method: task.method, ...facts },
  });
}
