import type { ProducerSequence } from "../../../src/model/batch.ts";

/** An identity under which one batch at a time is sent. */
export interface ProducerSlot {
  /** The batch's place in what was sent under this identity. */
  readonly producer: ProducerSequence;
  /** The batch has been stored, and the identity can be used for the next. */
  stored(count: number): void;
}

/**
 * Identities for batches of producers without a name. A batch that is sent again, since nobody knows whether it arrived, is
 * then stored once by any service that has the partition, also by one that was started anew. Each identity has one batch in
 * flight, so that the failure of one batch says nothing about another.
 */
export class ProducerSlots {
  readonly #prefix: string;
  readonly #free: { readonly id: string; sequence: number }[] = [];
  #count = 0;

  /** @param prefix - Nobody else has it. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** An identity that has nothing in flight. One that is not told of its batch's storing is never used again. */
  take(): ProducerSlot {
    const slot = this.#free.pop() ?? { id: `${this.#prefix}.${this.#count++}`, sequence: 0 };
    return {
      producer: { id: slot.id, sequence: slot.sequence },
      stored: (count) => {
        slot.sequence += count;
        this.#free.push(slot);
      },
    };
  }
}
