import { Observable, timer, type NextObserver, type OperatorFunction, type Subscriber, type Subscription } from "rxjs";
import { checkAmount, checkChoice, checkInteger } from "../../src/model/check.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { isPromiseLike } from "../../src/model/isPromiseLike.ts";
import type { Rejection, RejectionPolicy } from "../../src/model/rejection.ts";

/** In which order events leave a step whose work is asynchronous. */
export type Ordering = "strict" | "loose";

/** How a step of the producer's pipeline runs. */
export interface DraftStepOptions {
  /** `"strict"`: events leave in the order in which they came, while their work overlaps. `"loose"`: each as it is ready. @default "strict" */
  readonly ordering?: Ordering | undefined;
  /** How many events may be worked on at once, where the work is asynchronous. @default 64 */
  readonly concurrency?: number | undefined;
  /** Milliseconds after which asynchronous work on one event fails with `ERR_TIMEOUT`. @default Infinity */
  readonly timeout?: number | undefined;
  /** What becomes of an event that is not accepted. @default "fail" */
  readonly rejected?: RejectionPolicy | undefined;
}

interface Slot<D> {
  readonly draft: D;
  state: "working" | "done" | "gone";
}

/**
 * Runs one piece of work for each draft. Work that is done at once costs a function call; work that answers with a
 * promise overlaps, and the results leave in the chosen order.
 *
 * Written by hand, since composing `concatMap` and `mergeMap` would cost an inner subscription an event.
 *
 * @param name - What the step is called in messages.
 * @param start - Begins the work of one subscription, and returns what is done for each draft.
 * @internal
 */
export function mapDrafts<D extends EventDraft>(
  name: string,
  start: () => (draft: D) => unknown,
  options: DraftStepOptions = {},
): OperatorFunction<D, D> {
  const { ordering = "strict", concurrency = 64, timeout = Infinity, rejected = "fail" } = options;
  checkChoice("ordering", ordering, ["strict", "loose"]);
  checkInteger("concurrency", concurrency, 1);
  checkAmount("timeout", timeout);
  checkRejectionPolicy("rejected", rejected);
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe(new DraftStep<D>(subscriber, name, start(), { ordering, concurrency, timeout, rejected })),
    );
}

/** Checks a policy for rejected events. @internal */
export function checkRejectionPolicy(name: string, policy: unknown): void {
  if (typeof (policy as NextObserver<unknown> | null)?.next === "function") return;
  checkChoice(name, policy, ["fail", "skip"]);
}

class DraftStep<D extends EventDraft> {
  readonly #subscriber: Subscriber<D>;
  readonly #name: string;
  readonly #work: (draft: D) => unknown;
  readonly #options: Required<{ [K in keyof DraftStepOptions]: NonNullable<DraftStepOptions[K]> }>;
  readonly #timers = new Set<Subscription>();
  /** Drafts whose work has begun and that have not left, in order; only under strict ordering. */
  #slots: Slot<D>[] = [];
  /** Drafts whose work has not begun, since as many as may are being worked on. */
  #waiting: D[] = [];
  #working = 0;
  /** How the stream is going to end once all that was accepted has left. */
  #end: (() => void) | undefined;

  constructor(
    subscriber: Subscriber<D>,
    name: string,
    work: (draft: D) => unknown,
    options: Required<{ [K in keyof DraftStepOptions]: NonNullable<DraftStepOptions[K]> }>,
  ) {
    this.#subscriber = subscriber;
    this.#name = name;
    this.#work = work;
    this.#options = options;
    subscriber.add(() => {
      for (const each of this.#timers) each.unsubscribe();
      this.#waiting = [];
      this.#slots = [];
    });
  }

  next(draft: D): void {
    if (this.#end !== undefined) return;
    if (this.#working >= this.#options.concurrency) this.#waiting.push(draft);
    else this.#begin(draft);
  }

  error(error: unknown): void {
    this.#endWith(() => this.#subscriber.error(error));
  }

  complete(): void {
    this.#endWith(() => this.#subscriber.complete());
  }

  #endWith(end: () => void): void {
    this.#end ??= end;
    this.#endWhenEmpty();
  }

  #begin(draft: D): void {
    let answer: unknown;
    try {
      answer = this.#work(draft);
    } catch (error) {
      return this.#sooner(draft, error, true);
    }
    if (isPromiseLike(answer)) this.#later(draft, answer);
    else this.#sooner(draft, undefined, false);
  }

  /** Work that was done at once. It still waits its turn behind work that was not. */
  #sooner(draft: D, error: unknown, failed: boolean): void {
    if (this.#options.ordering === "loose" || this.#slots.length === 0) {
      if (failed) this.#reject(draft, error);
      else this.#subscriber.next(draft);
      return;
    }
    const slot: Slot<D> = { draft, state: "done" };
    this.#slots.push(slot);
    if (failed) this.#settleRejected(slot, error);
  }

  #later(draft: D, answer: PromiseLike<unknown>): void {
    const slot: Slot<D> = { draft, state: "working" };
    if (this.#options.ordering === "strict") this.#slots.push(slot);
    this.#working++;
    const deadline = this.#deadline(slot);
    const settle = (error: unknown, failed: boolean) => {
      if (slot.state !== "working") return;
      this.#clear(deadline);
      this.#finish(slot, error, failed);
    };
    answer.then(
      () => settle(undefined, false),
      (error: unknown) => settle(error, true),
    );
  }

  #deadline(slot: Slot<D>): Subscription | undefined {
    const { timeout } = this.#options;
    if (timeout === Infinity) return undefined;
    const deadline = timer(timeout).subscribe(() => {
      this.#clear(deadline);
      this.#finish(slot, new SluiceError("ERR_TIMEOUT", `The ${this.#name} took longer than ${timeout} ms`), true);
    });
    this.#timers.add(deadline);
    return deadline;
  }

  #clear(deadline: Subscription | undefined): void {
    if (deadline === undefined) return;
    deadline.unsubscribe();
    this.#timers.delete(deadline);
  }

  #finish(slot: Slot<D>, error: unknown, failed: boolean): void {
    if (this.#subscriber.closed) return;
    this.#working--;
    if (failed) this.#settleRejected(slot, error);
    else slot.state = "done";
    if (this.#options.ordering === "strict") this.#emitInOrder();
    else if (!failed) this.#subscriber.next(slot.draft);
    while (this.#waiting.length > 0 && this.#working < this.#options.concurrency) this.#begin(this.#waiting.shift()!);
    this.#endWhenEmpty();
  }

  #settleRejected(slot: Slot<D>, error: unknown): void {
    slot.state = "gone";
    this.#reject(slot.draft, error);
  }

  #emitInOrder(): void {
    let emitted = 0;
    for (const slot of this.#slots) {
      if (slot.state === "working") break;
      emitted++;
      if (slot.state === "done") this.#subscriber.next(slot.draft);
    }
    if (emitted > 0) this.#slots.splice(0, emitted);
  }

  #reject(draft: D, error: unknown): void {
    const { rejected } = this.#options;
    if (rejected === "fail") {
      this.#waiting = []; // They came later than the one that fails, and were never begun.
      this.error(error);
    } else if (rejected !== "skip") rejected.next(rejectionOf(draft, error));
  }

  #endWhenEmpty(): void {
    const empty = this.#working === 0 && this.#slots.length === 0 && this.#waiting.length === 0;
    if (empty) this.#end?.();
  }
}

/** A rejection that also names its draft, for the producer that has to settle the draft's future. @internal */
export interface DraftRejection extends Rejection {
  readonly draft: EventDraft;
}

function rejectionOf(draft: EventDraft, error: unknown): DraftRejection {
  return { metadata: draft.metadata, data: draft.data, error, draft };
}
