import { asyncScheduler } from "rxjs";
import type { ProducerSequence } from "../../../src/model/batch.ts";

/** An identity under which one batch at a time is sent. */
export interface ProducerSlot {
  /** The batch's place in what was sent under this identity. */
  readonly producer: ProducerSequence;
  /** The batch has been stored, and the identity can be used for the next. */
  stored(count: number): void;
}

/**
 * Milliseconds for which an identity may rest. A backend forgets one after thousands of others. It then refuses the batch, which goes
 * again under a new one, and could meanwhile be overtaken by a batch that was sent behind it.
 */
const maxRest = 600_000;

/**
 * Identities for batches of producers without a name. A batch that is sent again, since nobody knows whether it arrived, is
 * then stored once by any service that has the partition, also by one that was started anew. Each identity has one batch in
 * flight, so that the failure of one batch says nothing about another.
 */
export class ProducerSlots {
  readonly #prefix: string;
  /** Those that have nothing in flight, and since when; the one that was used last is at the end. */
  #free: { readonly id: string; sequence: number; since: number }[] = [];
  #count = 0;

  /** @param prefix - Nobody else has it. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** An identity that has nothing in flight. One that is not told of its batch's storing is never used again. */
  take(): ProducerSlot {
    const now = asyncScheduler.now();
    if (this.#free.length > 0 && now - this.#free[0]!.since > maxRest)
      this.#free = this.#free.filter(({ since }) => now - since <= maxRest);
    const slot = this.#free.pop() ?? { id: `${this.#prefix}.${this.#count++}`, sequence: 0, since: now };
    return {
      producer: { id: slot.id, sequence: slot.sequence },
      stored: (count) => {
        slot.sequence += count;
        slot.since = asyncScheduler.now();
        this.#free.push(slot);
      },
    };
  }
}
