import type { EventBatch } from "../../../src/model/batch.ts";

/** Below this a loop is faster than the call that copies natively. */
const short = 48;

/** Bytes that lie in several places and will be written one after the other. It is used again for every record. */
export class Slices {
  length = 0;
  #count = 0;
  readonly #buffers: Uint8Array[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  clear(): void {
    this.length = 0;
    this.#count = 0;
  }

  add(buffer: Uint8Array, start = 0, end = buffer.length): void {
    if (end <= start) return;
    this.#buffers[this.#count] = buffer;
    this.#starts[this.#count] = start;
    this.#ends[this.#count++] = end;
    this.length += end - start;
  }

  /** Copies everything behind a position and returns the position behind it. */
  copyTo(target: Uint8Array, at: number): number {
    for (let i = 0; i < this.#count; i++) {
      const [buffer, start, end] = [this.#buffers[i]!, this.#starts[i]!, this.#ends[i]!];
      if (end - start < short) for (let from = start; from < end; from++) target[at++] = buffer[from]!;
      else {
        target.set(buffer.subarray(start, end), at);
        at += end - start;
      }
    }
    return at;
  }

  /** The bytes where they lie, as views. */
  toSegments(): Uint8Array[] {
    return Array.from({ length: this.#count }, (_, i) => this.#buffers[i]!.subarray(this.#starts[i], this.#ends[i]));
  }

  /** The bytes as one array: a copy, except where they lie in one place. */
  toUint8Array(): Uint8Array {
    if (this.#count === 1) return this.#buffers[0]!.subarray(this.#starts[0], this.#ends[0]);
    const bytes = new Uint8Array(this.length);
    this.copyTo(bytes, 0);
    return bytes;
  }
}

/** Walks the data of a batch event by event, without a copy. The events have to be asked for in order. */
export class DataWalker {
  readonly #batch: EventBatch;
  #segment = 0;
  /** Where the segment begins among all bytes of data. */
  #start = 0;

  constructor(batch: EventBatch) {
    this.#batch = batch;
  }

  /** How many bytes of data an event has. */
  sizeAt(index: number): number {
    const { dataEnds } = this.#batch;
    return dataEnds === undefined ? 0 : dataEnds[index]! - (index === 0 ? 0 : dataEnds[index - 1]!);
  }

  /** Adds the data of an event, or what a part of it covers. */
  addTo(slices: Slices, index: number, from = 0, size = this.sizeAt(index) - from): void {
    const { data, dataEnds } = this.#batch;
    if (dataEnds === undefined || size <= 0) return;
    let at = (index === 0 ? 0 : dataEnds[index - 1]!) + from;
    const end = at + size;
    while (at < end) {
      const segment = data[this.#segment]!;
      if (at >= this.#start + segment.length) {
        this.#start += segment.length;
        this.#segment++;
        continue;
      }
      const until = Math.min(end, this.#start + segment.length);
      slices.add(segment, at - this.#start, until - this.#start);
      at = until;
    }
  }
}
