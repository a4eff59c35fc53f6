import { Observable, type NextObserver, type OperatorFunction, type Subscription, type TeardownLogic } from "rxjs";
import { after } from "../../src/model/after.ts";
import { checkAmount, checkChoice, checkInteger } from "../../src/model/check.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { Rejection, RejectionPolicy } from "../../src/model/rejection.ts";
import type { Downstream } from "./downstream.ts";
import type { DraftStep } from "./draftSteps.ts";
import { Fifo } from "./fifo.ts";
import { subscribeWithin } from "./subscribeWithin.ts";

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
  start: () => DraftStep<D>,
  options: DraftStepOptions = {},
): OperatorFunction<D, D> {
  const rules = checkDraftStepOptions(options);
  return (source) =>
    new Observable((subscriber) =>
      subscribeWithin(subscriber, source, new DraftMapper<D>(subscriber, name, start(), rules)),
    );
}

/** The options of a step, with their defaults. @internal */
export type DraftStepRules = { readonly [K in keyof DraftStepOptions]-?: NonNullable<DraftStepOptions[K]> };

/** Checks the options of a step and fills in the defaults. @internal */
export function checkDraftStepOptions(options: DraftStepOptions): DraftStepRules {
  const { ordering = "strict", concurrency = 64, timeout = Infinity, rejected = "fail" } = options;
  checkChoice("ordering", ordering, ["strict", "loose"]);
  checkInteger("concurrency", concurrency, 1);
  checkAmount("timeout", timeout);
  checkRejectionPolicy("rejected", rejected);
  return { ordering, concurrency, timeout, rejected };
}

/** Checks a policy for rejected events. @internal */
export function checkRejectionPolicy(name: string, policy: unknown): void {
  if (typeof (policy as NextObserver<unknown> | null)?.next === "function") return;
  checkChoice(name, policy, ["fail", "skip"]);
}

/**
 * Runs the work of one step for draft after draft. When nobody takes what it makes any more, it tells which drafts it
 * still had.
 *
 * @internal
 */
export class DraftMapper<D extends EventDraft> implements Downstream<D> {
  readonly #downstream: Downstream<D>;
  readonly #name: string;
  readonly #work: DraftStep<D>;
  readonly #options: DraftStepRules;
  readonly #timers = new Set<Subscription>();
  /** Drafts whose work has begun and that have not left, in order; only under strict ordering. */
  #slots: Slot<D>[] = [];
  /** Drafts whose work has not begun, since as many as may are being worked on. */
  readonly #waiting = new Fifo<D>();
  /** Drafts that are being worked on; only under loose ordering. */
  readonly #loose = new Set<Slot<D>>();
  #working = 0;
  #emitting = false;
  /** Whether the stream ends once all that was accepted has left, and with which error. */
  #ending = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    downstream: Downstream<D>,
    name: string,
    work: DraftStep<D>,
    options: DraftStepRules,
    abandoned: (drafts: readonly D[]) => void = () => {},
  ) {
    this.#downstream = downstream;
    this.#name = name;
    this.#work = work;
    this.#options = options;
    downstream.add(() => {
      for (const each of this.#timers) each.unsubscribe();
      abandoned(this.#takeAll());
    });
  }

  get closed(): boolean {
    return this.#downstream.closed;
  }

  add(teardown: TeardownLogic): void {
    this.#downstream.add(teardown);
  }

  /** Whether a draft whose work is done at once would leave at once, since none is before it and the stream goes on. */
  get isIdle(): boolean {
    return this.#working === 0 && this.#slots.length === 0 && this.#waiting.size === 0 && !this.#ending;
  }

  next(draft: D): void {
    if (this.#ending) return;
    // One that comes while a slot is being freed must not overtake those that wait for it.
    if (this.#working >= this.#options.concurrency || this.#waiting.size > 0) this.#waiting.push(draft);
    else this.#begin(draft);
  }

  error(error: unknown): void {
    this.#failure ??= { error }; // Also after the source has completed: work that was still under way may fail.
    this.complete();
  }

  complete(): void {
    this.#ending = true;
    this.#endWhenEmpty();
  }

  /** The drafts that have not left, oldest first. */
  #takeAll(): readonly D[] {
    const begun = [...this.#slots.filter(({ state }) => state !== "gone"), ...this.#loose].map(({ draft }) => draft);
    const all = [...begun, ...this.#waiting.takeAll()];
    this.#slots = [];
    this.#loose.clear();
    return all;
  }

  #begin(draft: D): void {
    let answer: PromiseLike<unknown> | undefined;
    try {
      answer = this.#work(draft);
    } catch (error) {
      return this.#sooner(draft, error, true);
    }
    if (answer === undefined) this.#sooner(draft, undefined, false);
    else this.later(draft, answer);
  }

  /** Work that was done at once. It still waits its turn behind work that was not. */
  #sooner(draft: D, error: unknown, failed: boolean): void {
    if (this.#options.ordering === "loose" || this.#slots.length === 0) {
      if (failed) this.reject(draft, error);
      else this.#downstream.next(draft);
      return;
    }
    const slot: Slot<D> = { draft, state: "done" };
    this.#slots.push(slot);
    if (failed) this.#settleRejected(slot, error);
  }

  /** Takes a draft whose work has been begun elsewhere and takes its time. */
  later(draft: D, answer: PromiseLike<unknown>): void {
    const slot: Slot<D> = { draft, state: "working" };
    if (this.#options.ordering === "strict") this.#slots.push(slot);
    else this.#loose.add(slot);
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
    const deadline = after(timeout).subscribe(() => {
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
    if (this.#downstream.closed) return;
    this.#working--;
    this.#loose.delete(slot);
    if (failed) this.#settleRejected(slot, error);
    else slot.state = "done";
    if (this.#options.ordering === "strict") this.#emitInOrder();
    else if (!failed) this.#downstream.next(slot.draft);
    while (this.#waiting.size > 0 && this.#working < this.#options.concurrency) this.#begin(this.#waiting.shift()!);
    this.#endWhenEmpty();
  }

  #settleRejected(slot: Slot<D>, error: unknown): void {
    slot.state = "gone";
    this.reject(slot.draft, error);
  }

  #emitInOrder(): void {
    if (this.#emitting) return; // Work that ends while a draft leaves must not emit again what the loop below is at.
    this.#emitting = true;
    let emitted = 0;
    for (const slot of this.#slots) {
      if (slot.state === "working") break;
      emitted++;
      if (slot.state === "done") this.#downstream.next(slot.draft);
    }
    if (emitted > 0) this.#slots.splice(0, emitted);
    this.#emitting = false;
  }

  /** A draft was not accepted. */
  reject(draft: D, error: unknown): void {
    const { rejected } = this.#options;
    if (rejected === "fail") {
      this.#waiting.takeAll(); // They came later than the one that fails, and were never begun.
      this.error(error);
    } else if (rejected !== "skip") this.#tell(rejected, rejectionOf(draft, error));
  }

  /** An observer that throws ends the stream with its error. What was accepted still leaves. */
  #tell(rejected: NextObserver<Rejection>, rejection: Rejection): void {
    try {
      rejected.next(rejection);
    } catch (error) {
      this.error(error);
    }
  }

  #endWhenEmpty(): void {
    const isEmpty = this.#working === 0 && this.#slots.length === 0 && this.#waiting.size === 0;
    if (!this.#ending || !isEmpty) return;
    if (this.#failure === undefined) this.#downstream.complete();
    else this.#downstream.error(this.#failure.error);
  }
}

/** A rejection that also names its draft, for the producer that has to settle the draft's future. @internal */
export interface DraftRejection extends Rejection {
  readonly draft: EventDraft;
}

function rejectionOf(draft: EventDraft, error: unknown): DraftRejection {
  return { metadata: draft.metadata, data: draft.data, error, draft };
}
