import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isSluiceError, SluiceError } from "../../../src/model/errors.ts";
import type { DataStore } from "./dataStore.ts";

/** How many segments one write takes: less than what the system allows (IOV_MAX). */
const segmentsAtOnce = 512;

/**
 * A data store in a directory that all who read and write have in common, on a shared file system for one. An object is a
 * file; it is written beside its place and synced before it gets its name, so no reader meets a part of it.
 *
 * @param directory - The directory. It is made when the first object is stored.
 * @returns The store, for the option `store` of `connect("kafka://…")`. It needs no closing.
 *
 * @example
 * ```ts no-run
 * import { connect } from "sluice";
 * import { directoryStore } from "sluice/backends/kafka";
 *
 * const driver = await connect("kafka://localhost:9092/", { store: directoryStore("/mnt/shared/data"), storeBytes: 8 << 20 });
 * await driver.close();
 * ```
 */
export function directoryStore(directory: string): DataStore {
  return {
    put: (key, segments) =>
      told("store", key, async () => {
        const path = join(directory, key);
        const folder = dirname(path);
        await makeFolder(folder);
        const fresh = join(folder, `.${randomUUID()}.part`); // No key begins with a dot and ends so.
        try {
          await write(fresh, segments);
          await rename(fresh, path);
        } catch (error) {
          await rm(fresh, { force: true });
          throw error;
        }
        await sync(folder);
      }),

    read: (key, offset, size, signal) =>
      told("read", key, async () => {
        signal.throwIfAborted();
        const file = await open(join(directory, key), "r").catch((error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return undefined;
          throw error;
        });
        if (file === undefined) return undefined;
        try {
          const bytes = new Uint8Array(size);
          for (let done = 0; done < size;) {
            const { bytesRead } = await file.read(bytes, done, size - done, offset + done);
            if (bytesRead === 0) return undefined;
            done += bytesRead;
          }
          return bytes;
        } finally {
          await file.close();
        }
      }),

    remove: (key) => told("remove", key, () => rm(join(directory, key), { force: true })),

    removeFolder: (folder) =>
      told("remove", folder, () => rm(join(directory, folder), { recursive: true, force: true })),
  };
}

/** Tells what the file system says in the words of Sluice: a full disk may have room later. */
async function told<T>(what: string, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (typeof (cause as NodeJS.ErrnoException).code !== "string" || isSluiceError(cause)) throw cause;
    const problem = `The data store could not ${what} "${key}": ${(cause as Error).message}`;
    throw new SluiceError("ERR_STORAGE", problem, { cause, details: { key } });
  }
}

async function write(path: string, segments: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    let position = 0;
    for (let i = 0; i < segments.length; i += segmentsAtOnce) {
      const some = segments.slice(i, i + segmentsAtOnce);
      const size = some.reduce((sum, { length }) => sum + length, 0);
      const { bytesWritten } = await file.writev(some, position);
      if (bytesWritten !== size) throw new Error(`Only ${bytesWritten} of ${size} bytes could be written`);
      position += size;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and syncs those above it, in which it is named. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let made = folder; first !== undefined && made.length >= first.length; made = dirname(made)) {
    await sync(dirname(made));
  }
}

/** A name is there after a loss of power when the folder that has it was synced. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
