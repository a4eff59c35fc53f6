import { idAt, type StoredBatch } from "./batch.ts";
import { defaultTombstoneAge, type BatchKeys, type Compaction } from "./compaction.ts";

/** What a compaction looks at of a batch. */
export type KeyedBatch = Pick<StoredBatch, "count" | "firstId" | "ids" | "timestamps"> & {
  readonly keys?: BatchKeys | undefined;
};

/**
 * Says which events of a compacted partition may go. First it is shown every batch, then it is asked about each of them.
 *
 * @internal
 */
export class Compactor {
  readonly #newest = new Map<string, number>();
  readonly #oldestTombstone: number;

  /** @param now - Milliseconds since 1970. */
  constructor({ tombstoneAge = defaultTombstoneAge }: Compaction, now: number) {
    this.#oldestTombstone = now - tombstoneAge;
  }

  /** Takes note of the keys of a batch. Batches are shown in the order of their ids. */
  show(batch: KeyedBatch): void {
    batch.keys?.keys.forEach((key, i) => this.#newest.set(key, idAt(batch, i)));
  }

  /** The indexes of the events of a batch that stay: the newest of each key, and what has no key. */
  kept(batch: KeyedBatch): number[] {
    const kept: number[] = [];
    for (let i = 0; i < batch.count; i++) if (this.#stays(batch, i)) kept.push(i);
    return kept;
  }

  #stays(batch: KeyedBatch, index: number): boolean {
    if (batch.keys === undefined) return true;
    if (this.#newest.get(batch.keys.keys[index]!) !== idAt(batch, index)) return false;
    return batch.keys.tombstones[index] === 0 || batch.timestamps[index]! >= this.#oldestTombstone;
  }
}
