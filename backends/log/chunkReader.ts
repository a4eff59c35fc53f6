import { aligned } from "./bytes.ts";
import { readAll, type StorageFile } from "./storage.ts";

const windowSize = 1 << 20;

/** Reads a file from front to back through a window, for those who look at small pieces of it. */
export class ChunkReader {
  readonly #file: StorageFile;
  readonly #end: number;
  #window = new Uint8Array(0);
  #start = 0;
  #length = 0;

  /** @param end - What lies behind is not read. */
  constructor(file: StorageFile, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** Bytes of the file, fewer where it ends. They are valid until the next call, and aligned if the offset is. */
  async at(offset: number, size: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(size, this.#end - offset));
    if (offset < this.#start || offset + wanted > this.#start + this.#length) await this.#fill(offset, wanted);
    const from = offset - this.#start;
    return this.#window.subarray(from, Math.min(from + wanted, this.#length));
  }

  async #fill(offset: number, wanted: number): Promise<void> {
    const size = Math.min(Math.max(wanted, windowSize), this.#end - offset);
    if (this.#window.length < size) this.#window = new Uint8Array(aligned(size));
    this.#start = offset;
    this.#length = await readAll(this.#file, this.#window.subarray(0, Math.max(0, size)), offset);
  }
}
