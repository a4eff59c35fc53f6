import { Observable, type Subscriber, type Subscription } from "rxjs";
import { v7 as uuid } from "uuid";
import type { ProducerSequence } from "../../src/model/batch.ts";
import { isSluiceError } from "../../src/model/errors.ts";
import { lastIndexWhere } from "../../src/model/lastIndexWhere.ts";

/** A batch on its way, from when it is given to be sent until it is stored or has failed. */
interface Passage<T> {
  /** Its place among all batches. */
  readonly place: number;
  readonly count: number;
  readonly send: (producer: ProducerSequence) => Observable<T>;
  readonly subscriber: Subscriber<T>;
  /** Why it was refused, where that was for the number that it had. */
  refusal?: unknown;
}

/**
 * The identity under which a named producer sends to one partition, and the numbers that its batches get. It is renewed when a
 * batch has failed, since nobody knows then whether it was stored: under the old one a backend would refuse, or silently
 * drop, what follows.
 *
 * Those that are in flight behind one that has failed are refused for the gap, so that they are not stored, and go again under
 * the new identity. All others wait until it is known which these are, so that nothing is overtaken.
 */
export class BatchNumbers {
  readonly #name: string;
  #id: string | undefined;
  #sequence = 0;
  #places = 0;
  #inFlight = 0;
  /** Whether the identity cannot be gone on with: `"refused"` when that is all that is known, `"failed"` when a batch may be missing. */
  #state: "sound" | "refused" | "failed" = "sound";
  #waiting: Passage<unknown>[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** Sends a batch when it is its turn, under numbers of its own. */
  carry<T>(count: number, send: (producer: ProducerSequence) => Observable<T>): Observable<T> {
    return new Observable<T>((subscriber) => {
      const passage: Passage<T> = { place: this.#places++, count, send, subscriber };
      subscriber.add(() => (this.#waiting = this.#waiting.filter((other) => other !== passage)));
      if (this.#state === "sound" && this.#waiting.length === 0) this.#depart(passage);
      else this.#wait(passage);
    });
  }

  #depart<T>(passage: Passage<T>): void {
    const { count, send, subscriber } = passage;
    this.#id ??= `${this.#name}/${uuid()}`;
    const producer = { id: this.#id, sequence: this.#sequence };
    this.#sequence += count;
    this.#inFlight++;
    const answer: Subscription = send(producer).subscribe({
      next: (value) => subscriber.next(value),
      error: (error: unknown) => this.#arrive(() => this.#failed(passage, producer, error)),
      complete: () => this.#arrive(() => subscriber.complete()),
    });
    subscriber.add(answer);
  }

  #arrive(settle: () => void): void {
    this.#inFlight--;
    settle();
    if (this.#state !== "sound" && this.#inFlight === 0) this.#renew();
  }

  #failed<T>(passage: Passage<T>, { sequence }: ProducerSequence, error: unknown): void {
    if (isSluiceError(error, "ERR_OUT_OF_SEQUENCE") && sequence > 0) {
      if (this.#state === "sound") this.#state = "refused";
      passage.refusal = error;
      return this.#wait(passage);
    }
    this.#state = "failed";
    passage.subscriber.error(error);
  }

  /** In the order in which they were given, whatever the order of the answers. */
  #wait<T>(passage: Passage<T>): void {
    const waiting = this.#waiting;
    const before = lastIndexWhere(waiting.length, (index) => waiting[index]!.place < passage.place);
    waiting.splice(before + 1, 0, passage as Passage<unknown>);
  }

  /** Everything has been answered: those that were refused only for another one that has failed go again, and then the others. */
  #renew(): void {
    if (this.#state === "refused") this.#tellRefused();
    for (const passage of this.#waiting) passage.refusal = undefined;
    this.#id = undefined;
    this.#sequence = 0;
    this.#state = "sound";
    // One queue, also where a passage that is answered at once brings a newer one, or renews everything once more.
    while (this.#state === "sound" && this.#waiting.length > 0) this.#depart(this.#waiting.shift()!);
  }

  /** Nothing was missing that this producer knows of, so the backend has lost something, and somebody has to be told. */
  #tellRefused(): void {
    for (const { refusal, subscriber } of [...this.#waiting]) if (refusal !== undefined) subscriber.error(refusal);
  }
}
