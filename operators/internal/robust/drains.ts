import { Promised, type Future } from "../../../src/model/future.ts";
import type { JournalPartition } from "./journalPartition.ts";

/** Who waits until a journal has been emptied as far as it reached when they asked. */
export class Drains {
  readonly #partitions: readonly JournalPartition[];
  readonly #waiting = new Set<{ readonly ends: readonly number[]; readonly promised: Promised<void> }>();

  constructor(partitions: readonly JournalPartition[]) {
    this.#partitions = partitions;
  }

  /** A future that resolves when all that is in the journal now has been dealt with. */
  next(): Future<void> {
    const promised = new Promised<void>();
    this.#waiting.add({ ends: this.#partitions.map(({ end }) => end), promised });
    this.settle();
    return promised;
  }

  /** Something has been dealt with. */
  settle(): void {
    for (const drain of this.#waiting) {
      if (!drain.ends.every((end, index) => this.#partitions[index]!.position >= end)) continue;
      this.#waiting.delete(drain);
      drain.promised.resolve();
    }
  }

  /** Nothing more will be dealt with. */
  abandon(error: unknown): void {
    for (const { promised } of this.#waiting) promised.reject(error);
    this.#waiting.clear();
  }
}
