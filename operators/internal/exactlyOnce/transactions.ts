import { asapScheduler, type Observable, type Subscriber, type Subscription } from "rxjs";
import { after } from "../../../src/model/after.ts";
import { isSluiceError } from "../../../src/model/errors.ts";
import type { StreamEvent } from "../../../src/model/event.ts";
import { holdEvent, type HeldEvent } from "../heldEvent.ts";

/** How events are gathered. @internal */
export interface TransactionRules<M, R> {
  readonly batchSize: number;
  readonly linger: number;
  /** Does all of the work for events of one partition, emits once and completes when it is committed. */
  readonly commit: (events: readonly StreamEvent<M>[]) => Observable<R>;
}

/** The events of one partition. */
interface Lane<M> {
  waiting: HeldEvent<M>[];
  isRunning: boolean;
  /** What will begin the next transaction. */
  timer: Subscription | undefined;
}

/**
 * Gathers the events of each partition while a transaction of it is under way. Written by hand, since what was gathered and
 * not begun with has to be given back when the partition goes.
 *
 * @internal
 */
export class Transactions<M, R> {
  readonly #subscriber: Subscriber<R>;
  readonly #rules: TransactionRules<M, R>;
  readonly #lanes = new Map<number, Lane<M>>();
  readonly #running = new Set<HeldEvent<M>>();
  #open = 0;
  #ending = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(subscriber: Subscriber<R>, rules: TransactionRules<M, R>) {
    this.#subscriber = subscriber;
    this.#rules = rules;
    subscriber.add(() => this.#stop());
  }

  next(event: StreamEvent<M>): void {
    if (this.#ending) return;
    const lane = this.#laneOf(event.partition);
    // Delivered once more, after its partition had left and come back: what waits was delivered before that.
    const last = lane.waiting.at(-1);
    if (last !== undefined && last.event.id >= event.id) for (const job of lane.waiting.splice(0)) job.release();
    lane.waiting.push(holdEvent(event));
    this.#schedule(lane);
  }

  error(error: unknown): void {
    // The consumer was closed, and has waited for what was under way for as long as it was to.
    if (isSluiceError(error, "ERR_CLOSED")) return this.#subscriber.error(error);
    this.#fail(error);
  }

  complete(): void {
    this.#ending = true;
    for (const lane of this.#lanes.values()) this.#schedule(lane);
    this.#endWhenIdle();
  }

  #laneOf(partition: number): Lane<M> {
    const lane = this.#lanes.get(partition) ?? { waiting: [], isRunning: false, timer: undefined };
    this.#lanes.set(partition, lane);
    return lane;
  }

  #schedule(lane: Lane<M>): void {
    if (lane.isRunning || lane.waiting.length === 0 || this.#subscriber.closed) return;
    const { batchSize, linger } = this.#rules;
    if (this.#ending || lane.waiting.length >= batchSize) return this.#begin(lane);
    // Events that are delivered in the same call go together also without a linger.
    const begin = () => this.#begin(lane);
    lane.timer ??= linger === 0 ? asapScheduler.schedule(begin) : after(linger).subscribe(begin);
  }

  #begin(lane: Lane<M>): void {
    lane.timer?.unsubscribe();
    lane.timer = undefined;
    lane.waiting = lane.waiting.filter(({ state }) => state === "waiting");
    const jobs = lane.waiting.splice(0, this.#rules.batchSize);
    if (jobs.length === 0) return this.#endWhenIdle();
    for (const job of jobs) {
      job.state = "running";
      this.#running.add(job);
    }
    lane.isRunning = true;
    this.#open++;
    this.#subscriber.add(
      this.#rules.commit(jobs.map(({ event }) => event)).subscribe({
        next: (result) => this.#subscriber.next(result),
        error: (error: unknown) => {
          this.#failure ??= { error }; // First: what is released may let the source complete.
          this.#settle(lane, jobs);
          this.#fail(error);
        },
        complete: () => {
          this.#settle(lane, jobs);
          this.#schedule(lane);
          this.#endWhenIdle();
        },
      }),
    );
  }

  #settle(lane: Lane<M>, jobs: readonly HeldEvent<M>[]): void {
    lane.isRunning = false;
    this.#open--;
    for (const job of jobs) {
      this.#running.delete(job);
      job.release();
    }
  }

  /** Nothing more is begun. What is under way comes to its end first, since it may be committed. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#ending = true;
    this.#dropWaiting();
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (!this.#ending || this.#open > 0) return;
    for (const { waiting } of this.#lanes.values()) if (waiting.some(({ state }) => state === "waiting")) return;
    if (this.#failure === undefined) this.#subscriber.complete();
    else this.#subscriber.error(this.#failure.error);
  }

  #dropWaiting(): void {
    for (const lane of this.#lanes.values()) {
      lane.timer?.unsubscribe();
      lane.timer = undefined;
      for (const job of lane.waiting.splice(0)) job.release();
    }
  }

  #stop(): void {
    this.#dropWaiting();
    for (const job of this.#running) job.release();
    this.#running.clear();
  }
}
