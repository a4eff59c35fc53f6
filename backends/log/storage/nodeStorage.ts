import { close, constants, fdatasync, fstat, ftruncate, fsync, open, read, writev, watch } from "node:fs";
import { mkdir, readdir, rename, rm, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { lockDirectory, ownerOf } from "./lock.ts";
import type { OpenMode, Storage, StorageFile } from "./storage.ts";

/**
 * Whether writes can be synced by the call that writes them. It saves the way back to JavaScript between the two, where
 * they would wait for whatever the event loop is doing. Elsewhere than on Linux `fdatasync` is the stronger one.
 */
const hasDataSync = process.platform === "linux";

const flags: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  writeThrough: constants.O_RDWR | (hasDataSync ? constants.O_DSYNC : 0),
};

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const truncateFile = promisify(ftruncate);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);

/** The file system of the machine, through Node. Nothing blocks the event loop. */
export const nodeStorage: Storage = {
  async open(path, mode) {
    const file = nodeFile(await openFile(path, flags[mode], 0o600));
    return mode === "writeThrough" && !hasDataSync ? syncedAfterwards(file) : file;
  },
  list: (path) => readdir(path),
  async makeDirectory(path) {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    const top = dirname(made ?? path);
    // The name of each directory that was made is in the one above it. One that was found may have been made just before a crash.
    for (let above = dirname(resolve(path)); ; above = dirname(above)) {
      await syncDirectory(above);
      if (above === resolve(top) || above === dirname(above)) return;
    }
  },
  syncDirectory,
  rename,
  unlink,
  removeDirectory: (path) => rm(path, { recursive: true, force: true }),
  lock: lockDirectory,
  ownerOf,
  watch: watchDirectory,
};

function watchDirectory(path: string, changed: () => void): (() => void) | undefined {
  try {
    const watcher = watch(path, { persistent: false }, () => changed());
    watcher.on("error", () => undefined); // Looking now and then has to do.
    return () => watcher.close();
  } catch {
    return undefined; // It is not there yet, or there are too many of them.
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a directory, and writes names through.
  const directory = await openFile(path, constants.O_RDONLY);
  try {
    await syncAll(directory);
  } finally {
    await closeFile(directory);
  }
}

function syncedAfterwards(file: StorageFile): StorageFile {
  return {
    ...file,
    async writev(segments, position) {
      const written = await file.writev(segments, position);
      await file.sync();
      return written;
    },
  };
}

function nodeFile(file: number): StorageFile {
  return {
    writev: (segments, position) =>
      new Promise((resolve, reject) => {
        writev(file, segments, position, (error, written) => (error ? reject(error) : resolve(written)));
      }),
    read: (target, position) =>
      new Promise((resolve, reject) => {
        read(file, target, 0, target.length, position, (error, count) => (error ? reject(error) : resolve(count)));
      }),
    sync: () => syncData(file),
    truncate: (size) => truncateFile(file, size),
    size: async () => (await statFile(file)).size,
    close: () => closeFile(file),
  };
}
