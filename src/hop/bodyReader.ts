const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads the fields of a record, and refuses every length that does not fit into it. @internal */
export class BodyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A number of eight bytes. */
  number(name: string): number {
    if (this.#at + 8 > this.#bytes.length) throw new RangeError(`its ${name} lies behind its end`);
    const value = Number(this.#view.getBigUint64(this.#at));
    this.#at += 8;
    if (!Number.isSafeInteger(value)) throw new RangeError(`its ${name} is ${value}`);
    return value;
  }

  /** A length, and so many bytes. */
  bytes(name: string): Uint8Array {
    const length = this.number(`length of the ${name}`);
    if (this.#at + length > this.#bytes.length)
      throw new RangeError(`its ${name} of ${length} bytes reaches over its end`);
    const bytes = this.#bytes.slice(this.#at, this.#at + length); // Of its own, so that a small one does not hold the whole record.
    this.#at += length;
    return bytes;
  }

  /** Bytes that are UTF-8. */
  text(name: string): string {
    const bytes = this.bytes(name);
    try {
      return decoder.decode(bytes);
    } catch {
      throw new RangeError(`its ${name} is not UTF-8`);
    }
  }

  /** Refuses what lies behind the last field. */
  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new RangeError(`it has ${this.#bytes.length - this.#at} bytes behind its end`);
  }
}
