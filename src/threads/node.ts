import type { Job, PoolEngine } from "./job.ts";
import { takeData } from "./moveData.ts";
import type { ModuleComponent } from "./poolTypes.ts";
import { goesBefore, makePriorityQueue, type PriorityQueue } from "./priorityQueue.ts";
import { makeSessions } from "./sessions.ts";
import { makeWorkerSlot, type WorkerSlot } from "./workerSlot.ts";

/**
 * Runs jobs on worker threads.
 *
 * Jobs wait here, not in the threads: a thread is given a few milliseconds of work ahead, so that threads share the work
 * evenly. A job of a higher priority than those is sent at once, and its thread runs it before all that it has not begun.
 *
 * @internal
 */
export function makeWorkerEngine(size: number): PoolEngine {
  const queue = makePriorityQueue<Job>();
  const slots: WorkerSlot[] = [];
  const sessions = makeSessions(slots);
  const numbers = { component: makeNumbers(), session: sessions.numberOf };
  let isScheduled = false;
  let isEnded = false;
  const events = { onChange: schedule, onReturn: enqueue };
  for (let i = 1; i <= size; i++) slots.push(makeWorkerSlot(`sluice-thread-${i}`, numbers, events));

  function submit(job: Job): void {
    if (job.isSettled) return;
    const waiting = job.task.data && takeData(job.task.data);
    if (waiting === undefined) enqueue(job);
    else waiting.then(() => enqueue(job), job.reject);
  }

  function enqueue(job: Job): void {
    const { session } = job.task;
    (session === undefined ? queue : sessions.slotOf(session).pinned).push(job);
    schedule();
  }

  /** A message costs as much as a small task does, so the jobs of a tick go together. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(dispatch);
  }

  function dispatch(): void {
    isScheduled = false;
    if (isEnded) return;
    const ready = slots.filter((slot) => {
      const next = queueFor(slot, queue)?.peek();
      return next !== undefined && slot.isRunningLow(next.priority);
    });
    for (let turn = nextTurn(ready, queue); turn !== undefined; turn = nextTurn(ready, queue)) {
      turn.slot.add(turn.from.pop() as Job);
    }
    for (const slot of ready) slot.flush();
  }

  async function end(): Promise<void> {
    isEnded = true;
    await Promise.all(slots.map((slot) => slot.end()));
  }

  return { submit, end };
}

interface Turn {
  readonly slot: WorkerSlot;
  readonly from: PriorityQueue<Job>;
}

/** The thread with the fewest jobs of those that have room for one more, and where its next job is. */
function nextTurn(slots: readonly WorkerSlot[], queue: PriorityQueue<Job>): Turn | undefined {
  let turn: Turn | undefined;
  for (const slot of slots) {
    if (turn !== undefined && slot.load >= turn.slot.load) continue;
    const from = queueFor(slot, queue);
    const next = from?.peek();
    if (from !== undefined && next !== undefined && slot.hasRoom(next.priority)) turn = { slot, from };
  }
  return turn;
}

/** Which queue holds the next job of a thread: that of all threads, or its own. */
function queueFor({ pinned }: WorkerSlot, queue: PriorityQueue<Job>): PriorityQueue<Job> | undefined {
  const own = firstOf(pinned);
  const common = firstOf(queue);
  if (own === undefined) return common && queue;
  return common === undefined || goesBefore(own, common) ? pinned : queue;
}

/** The first job that still has somebody waiting for it. */
function firstOf(queue: PriorityQueue<Job>): Job | undefined {
  while (queue.peek()?.isSettled === true) queue.pop();
  return queue.peek();
}

function makeNumbers(): (component: ModuleComponent) => number {
  const numbers = new WeakMap<ModuleComponent, number>();
  let count = 0;
  return (component) => {
    const number = numbers.get(component) ?? ++count;
    numbers.set(component, number);
    return number;
  };
}
