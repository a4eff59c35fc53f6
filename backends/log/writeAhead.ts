import { writeAll, type StorageFile } from "./storage.ts";

const page = 4096;
const least = 64 << 10;
const most = 4 << 20;
/** Commits above this size gain nothing: what they write costs more than what the file system notes about it. */
const largeCommit = 256 << 10;
const zeros = new Uint8Array(most);

/**
 * Writes zeros in front of the log, in the background. A sync of bytes that lie in a part of the file that was written
 * before is a sync of data alone; one that makes the file longer is a transaction of the file system as well, which takes
 * several times as long.
 */
export class WriteAhead {
  readonly #file: StorageFile;
  readonly #end: number;
  #start: number;
  #readyTo: number;
  #running: { readonly from: number; readonly done: Promise<void> } | undefined;
  #stopped = false;

  /** @param end - How far the segment may reach. */
  constructor(file: StorageFile, position: number, end: number) {
    this.#file = file;
    this.#start = position;
    this.#readyTo = position;
    this.#end = end;
  }

  /** Waits for zeros that are on their way to where a commit will write: they must not come after it. Rejects when their sync failed. */
  async clear(to: number): Promise<void> {
    if (this.#running !== undefined && to > this.#running.from) await this.#running.done;
  }

  /** Goes on ahead of a position, when it is worth it. Called when no commit is running. */
  extend(position: number, commitSize: number): void {
    if (this.#stopped || this.#running !== undefined || commitSize > largeCommit) return;
    const wanted = Math.min(most, Math.max(least, position - this.#start));
    if (this.#readyTo - position > wanted / 2) return;
    // A little distance, so that commits that come meanwhile need not wait.
    const from = Math.max(this.#readyTo, Math.ceil((position + 4 * commitSize) / page) * page);
    const size = Math.min(wanted, this.#end - from);
    if (size < page) return;
    const done = this.#fill(from, size);
    this.#running = { from, done };
    done.catch(() => undefined); // It is told to the next one who clears or stops.
  }

  /** Waits for what is on its way, and begins nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.done;
  }

  async #fill(from: number, size: number): Promise<void> {
    try {
      await writeAll(this.#file, [zeros.subarray(0, size)], from);
    } catch {
      this.#stopped = true; // No room for zeros. Whether there is room for events shows when they come.
      this.#running = undefined;
      return;
    }
    await this.#file.sync(); // A failure may have been that of a commit, so it must not get lost: `#running` stays.
    this.#readyTo = from + size;
    this.#running = undefined;
  }
}
