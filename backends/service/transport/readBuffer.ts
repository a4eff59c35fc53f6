import type { OnReadOpts } from "node:net";

/** As much is read at once at the most, which is also how much can come that there is no room for: as with a socket of Node's own. */
const bufferBytes = 64 * 1024;

/**
 * All sockets of a thread read into the same memory: one reads at a time, and its bytes have been dealt with before the next one does.
 * Windows is given the memory when the wait for bytes begins, so a socket there needs memory of its own.
 */
const shared = process.platform === "win32" ? undefined : new Uint8Array(bufferBytes);

/**
 * Memory that a socket reads into again and again. A socket that has none takes new memory for each 64 KiB, and about as much time
 * for that as for reading. Whoever is told of the bytes has to copy what he keeps, as all who listen to a wire do.
 */
export class ReadBuffer {
  /** The option of `connect` that makes a socket read into it. Such a socket emits no `data`. */
  readonly onread: OnReadOpts;
  /** What came before somebody listened. */
  #early: Uint8Array[] = [];
  #bytes = (chunk: Uint8Array): void => void this.#early.push(chunk.slice());

  constructor() {
    const buffer = shared ?? new Uint8Array(bufferBytes);
    this.onread = {
      buffer,
      callback: (count) => {
        this.#bytes(buffer.subarray(0, count));
        return true;
      },
    };
  }

  /** Tells of everything that is read, from the beginning on. */
  listen(bytes: (chunk: Uint8Array) => void): void {
    this.#bytes = bytes;
    for (const chunk of this.#early.splice(0)) bytes(chunk);
  }
}
