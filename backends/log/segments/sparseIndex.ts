import { lastIndexWhere } from "../../../src/model/lastIndexWhere.ts";

/** Bytes of log between two entries at the least: what a look-up may have to walk. */
const step = 32 << 10;

/**
 * Where some of a segment's batches begin. It has no authority: it is made again by walking the segment.
 */
export class SparseIndex {
  readonly #ids: number[] = [];
  readonly #offsets: number[] = [];
  /** The newest time from each entry to the next. */
  readonly #newest: number[] = [];

  /** Notes a batch. Called for each batch, in order. */
  note(id: number, offset: number, newest: number): void {
    const last = this.#offsets.length - 1;
    if (last < 0 || offset - this.#offsets[last]! >= step) {
      this.#ids.push(id);
      this.#offsets.push(offset);
      this.#newest.push(newest);
    } else if (newest > this.#newest[last]!) this.#newest[last] = newest;
  }

  /** Where to begin to walk for an id; undefined when all noted batches are behind it. */
  find(id: number): { readonly id: number; readonly offset: number } | undefined {
    const index = lastIndexWhere(this.#ids.length, (i) => this.#ids[i]! <= id);
    return index < 0 ? undefined : { id: this.#ids[index]!, offset: this.#offsets[index]! };
  }

  /** The ids at which to begin to walk for an event that is not older than a time, in order. */
  *notOlderThan(time: number): Generator<{ readonly from: number; readonly to: number }> {
    for (let i = 0; i < this.#ids.length; i++) {
      if (this.#newest[i]! >= time) yield { from: this.#ids[i]!, to: this.#ids[i + 1] ?? Infinity };
    }
  }
}
