/** Writes numbers one after the other, as `BodyReader` reads them. */
export class BodyWriter {
  /** What has been written, once it is as long as was said. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** @param size - How many bytes there will be. */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(value: number): this {
    this.#view.setUint32(this.#offset, value, true);
    this.#offset += 4;
    return this;
  }

  f64(value: number): this {
    this.#view.setFloat64(this.#offset, value, true);
    this.#offset += 8;
    return this;
  }
}
