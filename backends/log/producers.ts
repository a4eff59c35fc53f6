import type { Appended, EventBatch } from "../../src/model/batch.ts";
import { ProducerHistory, type Verdict } from "../../src/model/producerHistory.ts";

/** How many batches of a producer are remembered, and how many producers; those that sent last. */
const maxBatches = 8;
const maxProducers = 4096;

/** `[producer id, [[sequence, count, first id], …]]` of each producer, the one that sent last at the end. */
export type ProducerSnapshot = readonly (readonly [id: string, batches: readonly (readonly number[])[]])[];

/** What the producers of a partition have stored, in a form that can be kept on the disk. */
export class Producers {
  readonly #history = new ProducerHistory();
  readonly #last = new Map<string, number[][]>();

  /** As `ProducerHistory.judge`. */
  judge(batch: EventBatch): Verdict {
    return this.#history.judge(batch);
  }

  /** Remembers a batch that was accepted, with the id that its first event gets. It is not on the disk yet. */
  accept(batch: EventBatch, appended: Appended): void {
    this.#history.remember(batch, appended);
  }

  /** Notes that a batch is on the disk, so that a snapshot may say so. */
  stored({ producer, count }: EventBatch, firstId: number): void {
    if (producer !== undefined) this.#keep(producer.id, [producer.sequence, count, firstId]);
  }

  /** Remembers a batch that was read from the log. */
  replay(id: string, sequence: number, count: number, firstId: number): void {
    this.#history.remember({ producer: { id, sequence }, count } as EventBatch, { firstId });
    this.#keep(id, [sequence, count, firstId]);
  }

  /** Takes over what a snapshot says. */
  restore(snapshot: ProducerSnapshot): void {
    for (const [id, batches] of snapshot)
      for (const [sequence, count, firstId] of batches) this.replay(id, sequence!, count!, firstId!);
  }

  /** What is on the disk. */
  snapshot(): ProducerSnapshot {
    return [...this.#last];
  }

  #keep(id: string, batch: number[]): void {
    const batches = this.#last.get(id) ?? [];
    batches.push(batch);
    if (batches.length > maxBatches) batches.shift();
    this.#last.delete(id); // So that it stands at the end, as the one that sent last.
    this.#last.set(id, batches);
    if (this.#last.size > maxProducers) this.#last.delete(this.#last.keys().next().value!);
  }
}
