/** Takes bytes off a stream of chunks, a certain number at a time. Nothing is allocated before its bytes are there. @internal */
export class ChunkReader {
  /** How many bytes have been taken. */
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #size = 0;

  constructor(chunks: AsyncIterator<Uint8Array>) {
    this.#chunks = chunks;
  }

  /** The next bytes: fewer than were asked for only at the end. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#size < count) {
      const { done, value } = await this.#chunks.next();
      if (done === true) break;
      this.#held.push(value);
      this.#size += value.length;
    }
    const taken = new Uint8Array(Math.min(count, this.#size));
    let filled = 0;
    while (filled < taken.length) {
      const [chunk] = this.#held;
      const part = chunk!.subarray(0, taken.length - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === chunk!.length) this.#held.shift();
      else this.#held[0] = chunk!.subarray(part.length);
    }
    this.#size -= taken.length;
    this.position += taken.length;
    return taken;
  }
}
