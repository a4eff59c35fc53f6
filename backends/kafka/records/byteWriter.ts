import { allocate } from "../../../src/model/allocate.ts";

/** Bytes that are written one after the other into memory that grows. */
export class ByteWriter {
  bytes: Uint8Array;
  view: DataView;
  length = 0;

  /** @param memory - Memory to write into; it is made when it is left out, or is too small. */
  constructor(size: number, memory?: Uint8Array) {
    const fits = memory !== undefined && memory.length >= size;
    this.bytes = fits ? memory : allocate(size); // Not touched before it is written.
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }

  /** Makes room for so many bytes more. */
  ensure(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const bytes = allocate(Math.max(2 * this.bytes.length, this.length + more));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** A signed number as Kafka writes it: zigzag, then seven bits a byte. Exact for safe integers. */
  varint(value: number): void {
    let rest = value >= 0 ? value * 2 : value * -2 - 1;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  int64(at: number, value: number): void {
    this.view.setBigInt64(at, BigInt(value));
  }

  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** How many bytes {@link ByteWriter.varint} takes. */
export function varintSize(value: number): number {
  let rest = value >= 0 ? value * 2 : value * -2 - 1;
  let size = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size++;
  }
  return size;
}
