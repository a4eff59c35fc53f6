/** Smaller memory costs less to take anew than to keep an account of. */
const leastBytes = 512 * 1024;

/** Sizes are rounded up to a multiple of this, so that what was taken for one message fits others of about its size. */
const stepBytes = 64 * 1024;

/** How much is kept for later at the most. */
const mostBytes = 16 << 20;

/**
 * Memory for large data that passes through a service: it is taken for a message, and given back when the message has been stored
 * or sent. Data that takes new memory each time makes V8 look through all of its heap for every few dozen megabytes of it, which
 * takes longer than the data itself.
 */
export class ReusedMemory {
  readonly #free: ArrayBuffer[] = [];
  /** What has been taken and may come back, once. Who loses it does no harm. */
  readonly #taken = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  /** Memory of a size in bytes, with whatever is in it; undefined where the size is too small to be worth it. */
  take(size: number): Uint8Array<ArrayBuffer> | undefined {
    if (size < leastBytes) return undefined;
    const buffer = this.#takeFree(size) ?? new ArrayBuffer(Math.ceil(size / stepBytes) * stepBytes);
    this.#taken.add(buffer);
    return new Uint8Array(buffer, 0, size);
  }

  /** Takes memory back that nobody refers to any more. Memory that is not from here is left alone. */
  giveBack({ buffer }: Uint8Array): void {
    if (!this.#taken.delete(buffer)) return;
    if (this.#freeBytes + buffer.byteLength > mostBytes) return;
    this.#free.push(buffer as ArrayBuffer);
    this.#freeBytes += buffer.byteLength;
  }

  /** The newest that is large enough, and not twice as large as need be: that is most likely still in the processor's cache. */
  #takeFree(size: number): ArrayBuffer | undefined {
    const index = this.#free.findLastIndex(({ byteLength }) => byteLength >= size && byteLength < 2 * size);
    if (index < 0) return undefined;
    const [buffer] = this.#free.splice(index, 1);
    this.#freeBytes -= buffer!.byteLength;
    return buffer;
  }
}
