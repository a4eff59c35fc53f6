import { SluiceError } from "../../../src/model/errors.ts";

/** Reads numbers and arrays out of the body of a message, one after the other, within its bounds. */
export class BodyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A number that is a safe integer of at least 0. */
  count(): number {
    const value = this.f64();
    if (!Number.isSafeInteger(value) || value < 0) throw malformed("a number that is out of range");
    return value;
  }

  /** A view where the bytes are aligned, as they are in the body of a message; a copy elsewhere. */
  f64s(length: number): Float64Array {
    const bytes = this.bytes(8 * length);
    return bytes.byteOffset % 8 === 0
      ? new Float64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, length)
      : new Float64Array(bytes.slice().buffer);
  }

  u32s(length: number): Uint32Array {
    const bytes = this.bytes(4 * length);
    return bytes.byteOffset % 4 === 0
      ? new Uint32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, length)
      : new Uint32Array(bytes.slice().buffer);
  }

  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Asserts that everything has been read. */
  end(): void {
    if (this.left !== 0) throw malformed("a message that is too long");
  }

  #take(length: number): number {
    const start = this.#offset;
    if (!(length <= this.#bytes.length - start)) throw malformed("a message that is too short");
    this.#offset += length;
    return start;
  }
}

/** The error of a message whose body is not as it should be. */
export function malformed(what: string): SluiceError {
  return new SluiceError("ERR_PROTOCOL", `The other side sent ${what}`);
}

/** The bytes of a typed array, as they are. Every machine that JavaScript runs on today is little-endian, as the protocol is. */
export function bytesOf(array: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Asserts that ends do not go back, and that the last one is where everything ends. */
export function checkEnds(ends: Float64Array | Uint32Array, total: number): void {
  const last = ends instanceof Uint32Array ? lastOf(ends) : lastInteger(ends);
  if (last !== total) throw malformed("ends that do not fit");
}

/** Asserts that all of some times are numbers. */
export function checkTimes(times: Float64Array): void {
  let sum = 0;
  for (let i = 0; i < times.length; i++) sum += times[i]! - times[i]!; // 0, and NaN of what is infinite or no number.
  if (sum !== 0) throw malformed("a time that is none");
}

// Two loops, each of which sees one kind of array: they go over every event that comes, and are several times as fast so.
function lastOf(ends: Uint32Array): number {
  let last = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!;
    if (end < last) throw malformed("ends that are out of order");
    last = end;
  }
  return last;
}

function lastInteger(ends: Float64Array): number {
  let last = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!;
    if (!(end >= last) || Math.floor(end) !== end) throw malformed("ends that are out of order");
    last = end;
  }
  return last;
}
