/**
 * How a file is opened: to be read, to be written where it is, made new (it must not exist), or to be written through: a
 * write then resolves when what it wrote is on the disk. That says nothing of what others wrote to the file.
 */
export type OpenMode = "read" | "write" | "create" | "writeThrough";

/** An open file. Offsets and sizes are in bytes. */
export interface StorageFile {
  /**
   * Writes segments one after the other.
   *
   * @returns How many bytes were written, which may be fewer than were given.
   */
  writev(segments: readonly Uint8Array[], position: number): Promise<number>;
  /**
   * Reads into memory.
   *
   * @returns How many bytes were read, which may be fewer than there is room for; 0 at the end of the file.
   */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Resolves when all that was written is on the disk (`fdatasync`). After a failure nothing is known of what was written. */
  sync(): Promise<void>;
  /** Cuts the file off. */
  truncate(size: number): Promise<void>;
  /** How long the file is. */
  size(): Promise<number>;
  /** Lets go of the file. */
  close(): Promise<void>;
}

/** The part of a file that a reader needs. */
export type ReadableFile = Pick<StorageFile, "read" | "size">;

/**
 * What the log needs of a file system, and nothing more, so that a test can hand in faults or a disk of its own making.
 * Errors carry the `code` of the system (`ENOENT`, `ENOSPC`, …).
 */
export interface Storage {
  /** Opens a file. What it makes can be read by its owner only. */
  open(path: string, mode: OpenMode): Promise<StorageFile>;
  /** The names in a directory. */
  list(path: string): Promise<string[]>;
  /** Makes a directory that only its owner can enter, with those above it, on the disk. One that is there stays as it is. */
  makeDirectory(path: string): Promise<void>;
  /** Resolves when names that were added to, renamed in or removed from a directory are on the disk. */
  syncDirectory(path: string): Promise<void>;
  /** Gives a file or directory another name, in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  unlink(path: string): Promise<void>;
  /** Removes a directory with all that is in it. One that is not there is no error. */
  removeDirectory(path: string): Promise<void>;
  /**
   * Takes a directory for this process alone, until it is released or the process has ended, in whichever way.
   *
   * @returns What releases it. Rejects with `ERR_LOCKED`, with the owner's `pid` in `details`.
   */
  lock(path: string): Promise<() => Promise<void>>;
  /** The process that has taken a directory, this one too; undefined when nobody has. */
  ownerOf(path: string): Promise<number | undefined>;
  /**
   * Calls back when something in a directory may have changed, in which other processes write. It does not keep the process alive.
   *
   * @returns What ends it; undefined when it cannot be watched.
   */
  watch?(path: string, changed: () => void): (() => void) | undefined;
}

/** Writes everything, in as many calls as it takes. */
export async function writeAll(file: StorageFile, segments: readonly Uint8Array[], position: number): Promise<void> {
  let rest = segments;
  let left = segments.reduce((sum, segment) => sum + segment.length, 0);
  let at = position;
  for (;;) {
    const written = await file.writev(rest, at);
    if (written >= left) return;
    if (written <= 0) throw Object.assign(new Error(`No byte of ${left} could be written`), { code: "EIO" });
    left -= written;
    at += written;
    rest = skip(rest, written);
  }
}

/** Reads until the target is full or the file has ended. Returns how many bytes came. */
export async function readAll(file: ReadableFile, target: Uint8Array, position: number): Promise<number> {
  let length = 0;
  while (length < target.length) {
    const read = await file.read(length === 0 ? target : target.subarray(length), position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

/** Reads a whole file; undefined when there is none. */
export async function readFile(storage: Storage, path: string): Promise<Uint8Array | undefined> {
  const file = await storage.open(path, "read").catch(ignoreMissing);
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(await file.size());
    return bytes.subarray(0, await readAll(file, bytes, 0));
  } finally {
    await file.close();
  }
}

/** Makes a file or replaces it, so that after a crash there is the old one or the new one, whole. */
export async function replaceFile(storage: Storage, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${directory}/${name}`;
  const temporary = `${path}.new`;
  await storage.unlink(temporary).catch(ignoreMissing);
  const file = await storage.open(temporary, "create");
  try {
    await writeAll(file, [bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await storage.rename(temporary, path);
  await storage.syncDirectory(directory);
}

/**
 * Brings a file to the disk as it was read, by writing it once more. It may have been read from memory of the system alone,
 * since the process died before its sync: what is done on its word must not be left without it when the power is lost.
 */
export async function writeAgain(storage: Storage, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const file = await storage.open(`${directory}/${name}`, "write");
  try {
    await writeAll(file, [bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await storage.syncDirectory(directory);
}

/** For `catch`: a file that is not there is undefined. */
export function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
}

/** The system's code of an error. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

function skip(segments: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  const rest: Uint8Array[] = [];
  for (const segment of segments) {
    if (left < segment.length) rest.push(left === 0 ? segment : segment.subarray(left));
    left = Math.max(0, left - segment.length);
  }
  return rest;
}
