import type { Storage, StorageFile } from "./storage.ts";

/**
 * A storage that reads what another one holds and forgets what it is given to write. Whoever brings something into order
 * on it finds out what is there and changes nothing.
 */
export function dryStorage(storage: Storage): Storage {
  return {
    async open(path, mode) {
      return mode === "create" ? nothing : dryFile(await storage.open(path, "read"));
    },
    list: (path) => storage.list(path),
    makeDirectory: done,
    syncDirectory: done,
    rename: done,
    unlink: done,
    removeDirectory: done,
    lock: async () => done,
    ownerOf: (path) => storage.ownerOf(path),
  };
}

function dryFile(file: StorageFile): StorageFile {
  return {
    ...nothing,
    read: (target, at) => file.read(target, at),
    size: () => file.size(),
    close: () => file.close(),
  };
}

const nothing: StorageFile = {
  writev: async (segments) => segments.reduce((sum, segment) => sum + segment.length, 0),
  read: async () => 0,
  sync: done,
  truncate: done,
  size: async () => 0,
  close: done,
};

async function done(): Promise<void> {}
