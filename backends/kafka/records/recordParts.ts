import { Slices } from "./slices.ts";

/** One record on its way out: filled by a layout, written by the encoder, then used again for the next one. */
export class RecordParts {
  /** The key; a record without one has undefined. */
  key: Uint8Array | undefined;
  /** The value. */
  readonly value = new Slices();
  headerCount = 0;
  readonly #names: Uint8Array[] = [];
  readonly #values: Slices[] = [];

  clear(): void {
    this.key = undefined;
    this.value.clear();
    this.headerCount = 0;
  }

  /** Begins a header and returns what takes its value. */
  header(name: Uint8Array): Slices {
    const value = (this.#values[this.headerCount] ??= new Slices());
    value.clear();
    this.#names[this.headerCount++] = name;
    return value;
  }

  headerName(index: number): Uint8Array {
    return this.#names[index]!;
  }

  headerValue(index: number): Slices {
    return this.#values[index]!;
  }
}

/** One record on its way in: where its parts are in memory that is used for the next record as well. */
export class RecordView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  timestamp = 0;
  /** Where the key begins; -1 when there is none. */
  keyStart = -1;
  keyEnd = -1;
  /** Where the value begins; -1 when it is null. */
  valueStart = -1;
  valueEnd = -1;
  headerCount = 0;
  /** For each header: where name and value begin and end; -1 for a value that is null. */
  readonly headers: number[] = [];

  get value(): Uint8Array {
    return this.bytes.subarray(Math.max(0, this.valueStart), Math.max(0, this.valueEnd));
  }

  get key(): Uint8Array | undefined {
    return this.keyStart < 0 ? undefined : this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  /** The number of the last header of a name; -1 when there is none. */
  find(name: Uint8Array): number {
    for (let i = this.headerCount - 1; i >= 0; i--) if (this.#isNamed(i, name)) return i;
    return -1;
  }

  headerName(index: number): Uint8Array {
    return this.bytes.subarray(this.headers[index * 4], this.headers[index * 4 + 1]);
  }

  headerValue(index: number): Uint8Array {
    const start = this.headers[index * 4 + 2]!;
    return start < 0 ? new Uint8Array(0) : this.bytes.subarray(start, this.headers[index * 4 + 3]);
  }

  #isNamed(index: number, name: Uint8Array): boolean {
    const start = this.headers[index * 4]!;
    if (this.headers[index * 4 + 1]! - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.bytes[start + i] !== name[i]) return false;
    return true;
  }
}
