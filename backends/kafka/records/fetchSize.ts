import { wholeLength } from "./decodeBatches.ts";

/**
 * How many bytes to fetch. A broker cuts an answer off inside of a batch, and what is cut has to be fetched again: of batches
 * that are a little larger than half of a fetch only every second one would come to something. So where more than a quarter of an
 * answer was cut off, the next ones are as large as that one had to be, up to twice as large as was wished for.
 */
export class FetchSize {
  readonly #most: number;
  #bytes: number;

  /** @param bytes - As many are wished for. */
  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#most = 2 * bytes;
  }

  /** Bytes to fetch the next time. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Looks at what a fetch has brought.
   *
   * @param bytes - All of it.
   * @param whole - How many of its bytes, from the first on, are batches that are whole.
   */
  note(bytes: Uint8Array, whole: number): void {
    if (bytes.length - whole <= bytes.length / 4) return;
    const needed = whole + (wholeLength(bytes, whole) ?? 0);
    this.#bytes = Math.min(this.#most, Math.max(this.#bytes, needed));
  }
}
