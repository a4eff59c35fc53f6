import { aligned } from "../format/bytes.ts";
import { readAll, type ReadableFile } from "../storage/storage.ts";

/** Bytes of a window that is moved far ahead, and of one that is moved on again and again. */
const leastWindow = 64 << 10;
const mostWindow = 1 << 20;

/** Reads a file from front to back through a window, for those who look at small pieces of it. */
export class ChunkReader {
  readonly #file: ReadableFile;
  readonly #end: number;
  #size = leastWindow;
  #window = new Uint8Array(0);
  #start = 0;
  #length = 0;

  /** @param end - What lies behind is not read. */
  constructor(file: ReadableFile, end: number) {
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
    const isNear = offset <= this.#start + this.#length;
    this.#size = isNear ? Math.min(mostWindow, 2 * this.#size) : leastWindow;
    const size = Math.min(Math.max(wanted, this.#size), this.#end - offset);
    if (this.#window.length < size) this.#window = new Uint8Array(aligned(size));
    this.#start = offset;
    this.#length = await readAll(this.#file, this.#window.subarray(0, Math.max(0, size)), offset);
  }
}
