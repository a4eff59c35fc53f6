import { asapScheduler } from "rxjs";

/** What RxJS 7 keeps of the work that waits for the next turn. */
interface AsapQueue {
  actions: unknown[];
  _scheduled: unknown;
}

/**
 * Runs a function while the work that RxJS has put off to the next turn of real time is laid aside, and puts it back then.
 *
 * All of that work waits in one queue behind one call of the event loop. While another test that runs at the same time has
 * something in it, what a marble test puts off would wait behind that same call, and virtual time could not move it.
 *
 * @internal
 */
export function apartFromRealTime<T>(run: () => T): T {
  const queue = asapScheduler as unknown as AsapQueue;
  const { actions, _scheduled } = queue;
  queue.actions = [];
  queue._scheduled = undefined;
  try {
    return run();
  } finally {
    queue.actions = actions;
    queue._scheduled = _scheduled;
  }
}
