import type { Appended, EventBatch } from "./batch.ts";
import { SluiceError } from "./errors.ts";

/** How many of its last batches are remembered for each producer, to answer a repeated one with the ids it got. */
const remembered = 8;

/**
 * How many producers a partition remembers. One that is forgotten and goes on is refused, since its next batch seems to come
 * too early; only its very first batch, sent again, would be stored twice.
 */
const maxProducers = 65_536;

interface Stored {
  readonly sequence: number;
  readonly count: number;
  readonly appended: Appended;
}

/** What is to be done with a batch that has been stored in full: nothing but answer. */
export interface StoredAlready {
  /** Store nothing. */
  readonly store: "nothing";
  /** The answer that the batch got when it was stored, with -1 for an id that is remembered no more. */
  readonly answer: Appended;
}

/** What is to be done with a batch that is new, at least from one event on. */
export interface StoreFrom {
  /** Store the rest. */
  readonly store: "from";
  /** The index of the first event that has not been stored. */
  readonly index: number;
}

/** What is to be done with a batch. */
export type Verdict = StoredAlready | StoreFrom;

/**
 * What the producers of one partition have stored, so that a batch that is sent again is stored once. For backends that
 * keep the sequences of producers.
 *
 * @example
 * ```ts
 * import { EventDraft, packBatch, ProducerHistory } from "sluice";
 *
 * const history = new ProducerHistory();
 * const drafts = [Object.assign(new EventDraft("a"), { payload: "a" })];
 * const batch = packBatch(drafts, { id: "app1", sequence: 0 });
 * console.log(history.judge(batch).store); // from
 * history.remember(batch, { firstId: 100 });
 * console.log(history.judge(batch).store); // nothing
 * ```
 */
export class ProducerHistory {
  readonly #producers = new Map<string, { next: number; last: Stored[] }>();

  /**
   * Judges a batch before it is stored.
   *
   * @throws SluiceError `ERR_OUT_OF_SEQUENCE` when an earlier batch of the producer is missing.
   */
  judge({ producer, count }: EventBatch): Verdict {
    if (producer === undefined) return { store: "from", index: 0 };
    const { id, sequence } = producer;
    const history = this.#producers.get(id);
    const next = history?.next ?? 0;
    if (sequence > next) throw outOfSequence(id, sequence, next);
    if (sequence + count > next) return { store: "from", index: next - sequence };
    return { store: "nothing", answer: answerAgain(history!.last, sequence, count) };
  }

  /** The sequence number that the next event of a producer must have; 0 for a producer that is not known. */
  next(producer: string): number {
    return this.#producers.get(producer)?.next ?? 0;
  }

  /** Remembers a batch that has been stored. */
  remember({ producer, count }: EventBatch, appended: Appended): void {
    if (producer === undefined) return;
    const history = this.#producers.get(producer.id) ?? { next: 0, last: [] };
    history.next = producer.sequence + count;
    history.last.push({ sequence: producer.sequence, count, appended });
    if (history.last.length > remembered) history.last.shift();
    this.#producers.delete(producer.id); // So that the one that has been silent for longest stands first.
    this.#producers.set(producer.id, history);
    if (this.#producers.size > maxProducers) this.#producers.delete(this.#producers.keys().next().value!);
  }
}

/** The ids that a repeated batch got when it was stored; -1 for an event whose id is remembered no more. */
function answerAgain(last: readonly Stored[], sequence: number, count: number): Appended {
  const ids = new Float64Array(count);
  for (let i = 0; i < count; i++) ids[i] = idOf(last, sequence + i);
  return { firstId: ids[0]!, ids };
}

function idOf(last: readonly Stored[], sequence: number): number {
  const stored = last.find((batch) => sequence >= batch.sequence && sequence < batch.sequence + batch.count);
  if (stored === undefined) return -1;
  const index = sequence - stored.sequence;
  return stored.appended.ids?.[index] ?? stored.appended.firstId + index;
}

function outOfSequence(id: string, sequence: number, expected: number): SluiceError {
  return new SluiceError(
    "ERR_OUT_OF_SEQUENCE",
    `Producer "${id}" sent event ${sequence} of its sequence while ${expected} was expected: an earlier batch was not stored`,
    { details: { producer: id, sequence, expected } },
  );
}
