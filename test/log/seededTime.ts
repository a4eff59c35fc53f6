import { mock } from "node:test";
import type { Storage, StorageFile } from "../../backends/log/index.ts";

/** Milliseconds of such time after which something that is not over hangs. */
const longest = 1_000_000;
/** Milliseconds that an operation on a disk takes at the most, before it is done and before it is answered. */
const slowest = 6;

/** The turn of the event loop that is real, also while the time is not. */
const { setImmediate: realTurn } = globalThis;

/**
 * Runs something in a time of its own, in which every timer, and every operation on a disk that is `paced`, comes when the dice
 * say: the same dice make the same order, and others another one. The time is that of the whole process, so one such run
 * at a time, in tests that are serial.
 */
export async function inSeededTime<T>(run: () => Promise<T>): Promise<T> {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"], now: 1.7e12 });
  try {
    let isOver = false;
    const running = run().finally(() => (isOver = true));
    running.catch(() => undefined); // It is awaited below.
    for (let tick = 0; !isOver; tick++) {
      if (tick > longest) throw new Error(`Not over within ${longest} ms`);
      await new Promise((resolve) => realTurn(resolve));
      mock.timers.tick(1);
    }
    return await running;
  } finally {
    mock.timers.reset();
  }
}

/** A file system whose operations take time, and overtake one another, as the dice say. */
export function paced(storage: Storage, random: () => number): Storage {
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, Math.floor(random() * (slowest + 1))));
  const slow =
    <A extends readonly unknown[], T>(work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      await pause();
      try {
        return await work(...args);
      } finally {
        await pause();
      }
    };
  const slowFile = (file: StorageFile): StorageFile => ({
    writev: slow((segments, position) => file.writev(segments, position)),
    read: slow((target, position) => file.read(target, position)),
    sync: slow(() => file.sync()),
    truncate: slow((size) => file.truncate(size)),
    size: slow(() => file.size()),
    close: slow(() => file.close()),
  });
  return {
    open: slow(async (path, mode) => slowFile(await storage.open(path, mode))),
    list: slow((path) => storage.list(path)),
    makeDirectory: slow((path) => storage.makeDirectory(path)),
    syncDirectory: slow((path) => storage.syncDirectory(path)),
    rename: slow((from, to) => storage.rename(from, to)),
    unlink: slow((path) => storage.unlink(path)),
    removeDirectory: slow((path) => storage.removeDirectory(path)),
    lock: (path) => storage.lock(path),
    ownerOf: (path) => storage.ownerOf(path),
  };
}
