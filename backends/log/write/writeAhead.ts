import { writeAll, type StorageFile } from "../storage/storage.ts";

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

  /**
   * Zeros that are on their way to where a commit will write, which must not come after it; undefined when none are.
   * Rejects when a sync of zeros has failed.
   */
  inTheWay(to: number): Promise<void> | undefined {
    return this.#running !== undefined && to > this.#running.from ? this.#running.done : undefined;
  }

  /** Resolves when no sync of zeros is under way any more. Rejects when one has failed. */
  async synced(): Promise<void> {
    await this.#running?.done;
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
      // First the length, in a step of its own. While zeros that make a file longer are on their way, ext4 keeps the old length
      // for the disk, and a commit that is written through in front of them would be behind the end after a loss of power.
      await this.#file.truncate(from + size);
      await writeAll(this.#file, [zeros.subarray(0, size)], from);
    } catch {
      this.#stopped = true; // No room for zeros. Whether there is room for events shows when they come.
      this.#running = undefined;
      return;
    }
    try {
      await this.#file.sync();
    } catch (error) {
      this.#running = { from: 0, done: this.#running!.done }; // It may have been that of a commit, so everybody is told from now on.
      throw error;
    }
    this.#readyTo = from + size;
    this.#running = undefined;
  }
}
