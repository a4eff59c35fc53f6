import type { ReadableFile, StorageFile } from "../storage/storage.ts";

/** How many files are kept open to be read, in this process, unless more of them are being read at the same moment. */
const maxOpen = 128;

/** Files that are open, the one that was read last at the end. */
const recent = new Set<ReadFile>();

/**
 * A file that is opened when it is first read, and let go of when many others have been read since: a log may have more
 * segments than a process may have open files.
 */
export class ReadFile implements ReadableFile {
  readonly #open: () => Promise<StorageFile>;
  #file: Promise<StorageFile> | undefined;
  #uses = 0;
  #unused: (() => void) | undefined;

  constructor(open: () => Promise<StorageFile>) {
    this.#open = open;
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.use((file) => file.read(target, position));
  }

  size(): Promise<number> {
    return this.use((file) => file.size());
  }

  /** Lets go of the file once nobody is reading it. Who reads it afterwards opens it again. */
  async close(): Promise<void> {
    while (this.#uses > 0) await new Promise<void>((resolve) => (this.#unused = resolve));
    recent.delete(this);
    const file = this.#file;
    this.#file = undefined;
    await (await file?.catch(() => undefined))?.close();
  }

  /** Keeps the file open for several reads. */
  async use<T>(work: (file: ReadableFile) => Promise<T>): Promise<T> {
    this.#uses++;
    try {
      return await work(await this.#opened());
    } finally {
      if (--this.#uses === 0) this.#unused?.();
    }
  }

  #opened(): Promise<StorageFile> {
    recent.delete(this);
    recent.add(this);
    if (this.#file === undefined) {
      closeOldest();
      this.#file = this.#open();
      this.#file.catch(() => {
        this.#file = undefined; // Too many open files, say: the next read tries again.
        recent.delete(this);
      });
    }
    return this.#file;
  }

  /** Whether nobody reads it just now. */
  get isIdle(): boolean {
    return this.#uses === 0;
  }
}

function closeOldest(): void {
  let over = recent.size - maxOpen; // More than one, after many were read at the same moment.
  for (const file of recent) {
    if (over <= 0) return;
    if (!file.isIdle) continue;
    over--;
    void file.close().catch(() => undefined); // What was only read has nothing to lose.
  }
}
