import {
  concat,
  defer,
  EMPTY,
  ignoreElements,
  map,
  mergeMap,
  of,
  catchError,
  Subject,
  take,
  tap,
  throwError,
  throwIfEmpty,
  timeout,
  type Observable,
  type ObservableInput,
  type Subscription,
} from "rxjs";
import type { BackendPartition } from "../../../src/model/backend.ts";
import { dataSizeOf, type Appended, type EventBatch } from "../../../src/model/batch.ts";
import { isSluiceError, SluiceError } from "../../../src/model/errors.ts";
import { maxDelay } from "../../../src/model/after.ts";
import { selectBytes } from "../../../src/model/selectBytes.ts";
import { sliceBatch } from "../../../src/model/sliceBatch.ts";
import { retryWithBackoff, type RetryOptions } from "../../retryWithBackoff.ts";
import { innerFrom } from "../innerFrom.ts";
import type { FailureKind } from "./classifyFailure.ts";
import type { Journal } from "./journal.ts";
import type { JournalBatch, JournalPartition } from "./journalPartition.ts";

/** How events are sent. */
export interface DeliveryRules {
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  /** Milliseconds for the backend to answer. */
  readonly deliveryTimeout: number;
  readonly retry: RetryOptions;
  readonly classify: (error: unknown) => FailureKind;
  /** What becomes of a journal that is older than what the backend has of it. */
  readonly restored: "refuse" | "accept";
}

/** What a lane tells. */
export interface LaneHooks {
  /** Where the events go; undefined when the topic has no such partition. */
  readonly target: (index: number) => BackendPartition | undefined;
  /** Completes a batch with what the topic wants of it beside what a journal keeps. */
  readonly prepared: (batch: EventBatch) => Observable<EventBatch>;
  /** Events are stored. */
  readonly delivered: (lane: Lane, sent: JournalBatch, appended: Appended) => void;
  /** Keeps an event that cannot be stored. It is put aside once that has completed. */
  readonly keep: (lane: Lane, letter: JournalBatch, error: unknown) => Observable<unknown>;
  /** It has been put aside. */
  readonly buried: (lane: Lane, letter: JournalBatch, error: unknown) => void;
  /** The backend did not have what it had said it has, and a new identity was taken. */
  readonly renewed: (lane: Lane, error: SluiceError) => void;
  /** Something about its state has changed. */
  readonly changed: () => void;
}

/** What a lane is doing. */
export type LaneState = "stopped" | "idle" | "sending" | "waiting" | "halted";

/**
 * Sends the events of one partition, batch after batch. One batch is under way at a time, and it is sent again under the
 * same numbers until it is stored: nothing overtakes it, and a backend that keeps the numbers stores it once.
 */
export class Lane {
  readonly partition: JournalPartition;
  readonly #journal: Journal;
  readonly #rules: DeliveryRules;
  readonly #hooks: LaneHooks;
  readonly #settled = new Subject<void>();
  #state: LaneState = "stopped";
  #error: unknown;
  #inFlight = 0;
  /** The identity whose place the backend was asked for. */
  #known: string | undefined;
  #running: Subscription | undefined;
  #stopping = false;
  #pumping = false;

  constructor(journal: Journal, partition: JournalPartition, rules: DeliveryRules, hooks: LaneHooks) {
    this.#journal = journal;
    this.partition = partition;
    this.#rules = rules;
    this.#hooks = hooks;
  }

  get state(): LaneState {
    return this.#state;
  }

  /** Why it waits or has halted. */
  get error(): unknown {
    return this.#error;
  }

  /** How many events are on their way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Begins to send, or begins again. */
  start(): void {
    this.#stopping = false;
    if (this.#state !== "stopped" && this.#state !== "halted") return;
    this.#become("idle");
    this.#pump();
  }

  /** Sends no more. Completes when what is on its way has been answered; what is waiting to be sent again is not waited for. */
  stop(): Observable<never> {
    return defer(() => {
      this.#stopping = true;
      if (this.#state === "sending") return this.#settled.pipe(take(1), ignoreElements());
      this.abort();
      return EMPTY;
    });
  }

  /** Stops at once. Whether what is on its way will be stored is not known. */
  abort(): void {
    this.#running?.unsubscribe();
    this.#running = undefined;
    this.#inFlight = 0;
    this.#become("stopped");
  }

  /** Sends at once what waits to be sent again. */
  sendNow(): void {
    if (this.#state !== "waiting") return;
    this.abort();
    this.start();
  }

  /** An answer that comes at once must not recurse, so the loop goes on here. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#running === undefined && this.#state === "idle") this.#sendNext();
    this.#pumping = false;
  }

  #sendNext(): void {
    const { maxBatchEvents: maxEvents, maxBatchBytes: maxBytes } = this.#rules;
    let isOver = false;
    const running = this.partition
      .next({ maxEvents, maxBytes })
      .pipe(mergeMap((batch) => this.#deliver(batch)))
      .subscribe({
        error: (error: unknown) => this.#end(this.#isCalledOff(error) ? "stopped" : "halted", error),
        complete: () => {
          isOver = true;
          this.#running = undefined;
          this.#end(this.#stopping ? "stopped" : "idle");
          this.#pump();
        },
      });
    if (!isOver && this.#state !== "halted") this.#running = running;
  }

  #end(state: LaneState, error?: unknown): void {
    this.#running = undefined;
    this.#inFlight = 0;
    this.#error = error;
    this.#become(state);
    this.#settled.next();
  }

  /** Whether it ends since it is to stop, and would else have tried again. */
  #isCalledOff(error: unknown): boolean {
    return this.#stopping && this.#rules.classify(error) === "retry";
  }

  #become(state: LaneState): void {
    this.#state = state;
    this.#hooks.changed();
  }

  /** Sends events until they are stored or put aside. */
  #deliver(sent: JournalBatch): Observable<unknown> {
    return defer(() => {
      this.#inFlight = sent.batch.count;
      this.#become("sending");
      return concat(this.#meet(sent.position), this.#append(sent)).pipe(
        catchError((error: unknown) => this.#refused(sent, error)),
      );
    });
  }

  #append(sent: JournalBatch): Observable<unknown> {
    return defer(() => {
      const { producer: id, sequence } = this.partition.spans.at(sent.position);
      const batch: EventBatch = { ...sent.batch, producer: { id, sequence } };
      // Each time anew: what the topic wants may be known only when it is reached.
      const call = (target: BackendPartition) =>
        this.#hooks.prepared(batch).pipe(mergeMap((prepared) => innerFrom(target.append(prepared))));
      return this.#insist(call).pipe(
        tap((appended) => {
          this.#hooks.delivered(this, sent, appended);
        }),
      );
    });
  }

  /** Asks the backend, once for each identity, how far it has come, before anything is sent under it. */
  #meet(position: number): Observable<unknown> {
    return defer(() => {
      const { producer, isMet } = this.partition.spans.at(position);
      if (this.#known === producer || this.#target().nextSequence === undefined) return EMPTY;
      return this.#insist((target) => target.nextSequence!(producer)).pipe(
        mergeMap((next) => (isMet ? this.#compare(position, next) : this.#greet(position, next))),
        tap({ complete: () => (this.#known = this.partition.spans.at(position).producer) }),
      );
    });
  }

  /** Nothing has been sent under this identity, so the backend must not know it. */
  #greet(position: number, next: number): Observable<unknown> {
    const { producer } = this.partition.spans.at(position);
    if (next === 0) return this.#journal.meet(this.partition, producer);
    if (this.#rules.restored === "refuse") throw staleJournal(producer, next);
    return this.#journal.renew(this.partition, position);
  }

  /** What was sent must be there, and nothing that this journal has not sent. */
  #compare(position: number, next: number): Observable<unknown> {
    const { spans } = this.partition;
    const { producer, sequence, end } = spans.at(position);
    const isNewest = end === Infinity;
    if (next > (isNewest ? sequence : spans.countBefore(end))) {
      if (this.#rules.restored === "refuse") throw staleJournal(producer, next);
      return isNewest ? this.#journal.renew(this.partition, position) : EMPTY; // What is left of an older run is there already.
    }
    return next < sequence ? this.#renew(position, outOfSequence(producer, sequence, next)) : EMPTY;
  }

  #renew(position: number, error: SluiceError): Observable<unknown> {
    return this.#journal.renew(this.partition, position).pipe(tap(() => this.#hooks.renewed(this, error)));
  }

  #refused(sent: JournalBatch, error: unknown): Observable<unknown> {
    if (isSluiceError(error, "ERR_OUT_OF_SEQUENCE") && this.partition.spans.at(sent.position).sequence > 0) {
      return concat(this.#renew(sent.position, error), this.#deliver(sent));
    }
    if (this.#rules.classify(error) !== "dead") return throwError(() => error);
    const { count } = sent.batch;
    if (count === 1) return this.#bury(sent, error);
    // One of them is what cannot be stored. Halves find it, in as many steps as the count has binary digits.
    const [first, second] = halvesOf(sent, count >>> 1);
    return concat(this.#deliver(first), this.#deliver(second));
  }

  #bury(letter: JournalBatch, error: unknown): Observable<unknown> {
    return this.#isStored(letter.position).pipe(
      mergeMap((isStored) => {
        if (isStored) return defer(() => of(this.#hooks.delivered(this, letter, { firstId: -1 })));
        return concat(this.#hooks.keep(this, letter, error), this.#journal.bury(this.partition, letter.position)).pipe(
          retryWithBackoff({ ...this.#rules.retry, count: Infinity }),
          tap({ complete: () => this.#hooks.buried(this, letter, error) }),
        );
      }),
    );
  }

  /**
   * Whether an event is stored in spite of the error, by an earlier sending whose answer was lost. Its number would otherwise
   * be given to the next event, which the backend would take for a repetition.
   */
  #isStored(position: number): Observable<boolean> {
    return defer(() => {
      if (this.#target().nextSequence === undefined) return of(false);
      const { producer, sequence } = this.partition.spans.at(position);
      return this.#insist((target) => target.nextSequence!(producer)).pipe(map((next) => next > sequence));
    });
  }

  /** Calls the backend until it answers or says something that waiting does not mend. */
  #insist<T>(call: (target: BackendPartition) => ObservableInput<T>): Observable<T> {
    const { deliveryTimeout, retry, classify } = this.#rules;
    const attempt = defer(() => innerFrom(call(this.#target()))).pipe(
      take(1),
      throwIfEmpty(() => new SluiceError("ERR_STORAGE", "The backend completed without an answer")),
    );
    const bounded =
      deliveryTimeout > maxDelay
        ? attempt
        : attempt.pipe(timeout({ first: deliveryTimeout, with: () => throwError(() => tooLate(deliveryTimeout)) }));
    return bounded.pipe(
      tap({
        subscribe: () => {
          if (this.#state === "waiting") this.#become("sending");
        },
        error: (error: unknown) => {
          if (classify(error) !== "retry" || isSluiceError(error, "ERR_OUT_OF_SEQUENCE")) return;
          this.#error = error;
          this.#become("waiting");
        },
      }),
      retryWithBackoff({
        ...retry,
        count: Infinity,
        isRetriable: (error) =>
          !this.#stopping && classify(error) === "retry" && !isSluiceError(error, "ERR_OUT_OF_SEQUENCE"),
      }),
      tap(() => (this.#error = undefined)),
    );
  }

  #target(): BackendPartition {
    const { index } = this.partition;
    const target = this.#hooks.target(index);
    if (target !== undefined) return target;
    throw new SluiceError(
      "ERR_INVALID_PARTITION",
      `The journal has events for partition ${index}, and the topic has no such partition`,
      {
        details: { partition: index },
      },
    );
  }
}

function halvesOf({ position, batch }: JournalBatch, count: number): readonly [JournalBatch, JournalBatch] {
  const dataEnds = batch.dataEnds?.slice(0, count);
  const dataSize = dataSizeOf({ count, dataEnds });
  const first = {
    count,
    metadata: batch.metadata.subarray(0, batch.metadataEnds[count - 1]),
    metadataEnds: batch.metadataEnds.subarray(0, count),
    timestamps: batch.timestamps.subarray(0, count),
    data: dataSize === 0 ? [] : selectBytes(batch.data, new Float64Array([0, dataSize])),
    dataEnds,
  };
  return [
    { position, batch: first },
    { position: position + count, batch: sliceBatch(batch, count) },
  ];
}

function tooLate(ms: number): SluiceError {
  return new SluiceError("ERR_TIMEOUT", `The backend did not answer within ${ms} ms`);
}

/** The error for a journal that the backend knows more of than the journal itself. */
export function staleJournal(producer: string, next: number): SluiceError {
  return new SluiceError(
    "ERR_STALE_JOURNAL",
    `The backend has ${next} events of producer "${producer}", more than this journal has sent: ` +
      `it was restored from a backup, or a copy of it is in use. What it sends could be taken for what the backend has`,
    { details: { producer, stored: next } },
  );
}

function outOfSequence(producer: string, sent: number, stored: number): SluiceError {
  return new SluiceError(
    "ERR_OUT_OF_SEQUENCE",
    `The backend has ${stored} events of producer "${producer}", of which ${sent} were sent and acknowledged: it has lost them, or forgotten the producer`,
    { details: { producer, sent, stored } },
  );
}
