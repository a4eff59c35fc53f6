import type { ModuleTask, RunOptions } from "./poolTypes.ts";
import type { Ranked } from "./priorityQueue.ts";

/** A task that a pool has accepted, and the promise its caller holds. @internal */
export interface Job extends Ranked {
  /** What to run. */
  readonly task: ModuleTask;
  /** What the caller waits for. */
  readonly promise: Promise<unknown>;
  /** Whether the caller has been answered, or has given the task up. */
  readonly isSettled: boolean;
  /** How often a thread has died idly before it began this job. */
  returns: number;
  /** Answers the caller. Does nothing when it has been answered. */
  resolve(value: unknown): void;
  /** Fails the caller. Does nothing when it has been answered. */
  reject(error: unknown): void;
}

/** What runs the jobs of a pool: the calling thread, or worker threads. @internal */
export interface PoolEngine {
  /** Runs a job, now or when its turn comes, and settles it. */
  submit(job: Job): void;
  /** Stops what runs. */
  end(): Promise<void>;
}

/** Makes a job of a task. @internal */
export function makeJob(id: number, task: ModuleTask, { priority = 0, signal }: RunOptions): Job {
  let settle!: { resolve(value: unknown): void; reject(error: unknown): void };
  let isSettled = false;
  const promise = new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
  const giveUp = () => reject(signal?.reason);

  function finish(): void {
    isSettled = true;
    signal?.removeEventListener("abort", giveUp);
  }
  function resolve(value: unknown): void {
    finish();
    settle.resolve(value);
  }
  function reject(error: unknown): void {
    finish();
    settle.reject(error);
  }

  if (signal?.aborted === true) giveUp();
  else signal?.addEventListener("abort", giveUp, { once: true });

  return {
    id,
    priority,
    task,
    promise,
    returns: 0,
    get isSettled() {
      return isSettled;
    },
    resolve,
    reject,
  };
}
