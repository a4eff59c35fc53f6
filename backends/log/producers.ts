import type { Appended, EventBatch } from "../../src/model/batch.ts";
import { ProducerHistory, type Verdict } from "../../src/model/producerHistory.ts";

/** How many batches of a producer are remembered, and how many producers; those that sent last. */
const maxBatches = 8;
const maxProducers = 4096;

/** `[producer id, [[sequence, count, first id], …]]` of each producer, the one that sent last at the end. */
export type ProducerSnapshot = readonly (readonly [id: string, batches: readonly (readonly number[])[]])[];

/** What the ids of the producers of transactions begin with: no name of a producer does. */
export const transactionPrefix = "transaction/";

/** What is remembered of some producers. */
class Remembered {
  readonly history = new ProducerHistory();
  /** The last batches that are on the disk; the producer that sent last is at the end. */
  readonly last = new Map<string, number[][]>();
}

/** What the producers of a partition have stored, in a form that can be kept on the disk. */
export class Producers {
  readonly #named = new Remembered();
  /** Kept apart: what a transaction has stored must be known for as long as it may be stored again, whoever else comes. */
  readonly #transactions = new Remembered();

  /** As `ProducerHistory.judge`. */
  judge(batch: EventBatch): Verdict {
    return this.#of(batch.producer?.id).history.judge(batch);
  }

  /** Remembers a batch that was accepted, with the id that its first event gets. It is not on the disk yet. */
  accept(batch: EventBatch, appended: Appended): void {
    this.#of(batch.producer?.id).history.remember(batch, appended);
  }

  /** Notes that a batch is on the disk, so that a snapshot may say so. */
  stored({ producer, count }: EventBatch, firstId: number): void {
    if (producer !== undefined) this.#keep(producer.id, [producer.sequence, count, firstId]);
  }

  /** The sequence number behind the last event of a producer that is on the disk; 0 for a producer that is not known. */
  next(id: string): number {
    const [sequence, count] = this.#of(id).last.get(id)?.at(-1) ?? [0, 0];
    return sequence! + count!;
  }

  /** Remembers a batch that was read from the log. */
  replay(id: string, sequence: number, count: number, firstId: number): void {
    this.#of(id).history.remember({ producer: { id, sequence }, count } as EventBatch, { firstId });
    this.#keep(id, [sequence, count, firstId]);
  }

  /** Takes over what a snapshot says. */
  restore(snapshot: ProducerSnapshot): void {
    for (const [id, batches] of snapshot)
      for (const [sequence, count, firstId] of batches) this.replay(id, sequence!, count!, firstId!);
  }

  /** What is on the disk. */
  snapshot(): ProducerSnapshot {
    return [...this.#named.last, ...this.#transactions.last];
  }

  #of(id: string | undefined): Remembered {
    return id?.startsWith(transactionPrefix) === true ? this.#transactions : this.#named;
  }

  #keep(id: string, batch: number[]): void {
    const { last } = this.#of(id);
    const batches = last.get(id) ?? [];
    batches.push(batch);
    if (batches.length > maxBatches) batches.shift();
    last.delete(id); // So that it stands at the end, as the one that sent last.
    last.set(id, batches);
    if (last.size > maxProducers) last.delete(last.keys().next().value!);
  }
}
