import { catchError, defer, Observable, type OperatorFunction, type Subscriber } from "rxjs";
import { checkChoice, checkFunction, checkInteger } from "../src/model/check.ts";
import type { StreamEvent } from "../src/model/event.ts";
import { holdEvent, type HeldEvent } from "./internal/heldEvent.ts";
import { inputOf } from "./internal/inputOf.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";
import { isSluiceError } from "../src/model/errors.ts";
import { retryWithBackoff, type RetryOptions } from "./retryWithBackoff.ts";

/** What is done with an event. It is done when the promise that it returns resolves or the Observable completes, otherwise at once. */
export type EventHandler<M = unknown> = (event: StreamEvent<M>) => unknown;

/** An event that its handler could not handle, with the last error. */
export interface DeadLetter<M = unknown> {
  /** The event. */
  readonly event: StreamEvent<M>;
  /** Why it could not be handled. */
  readonly error: unknown;
}

/** How {@link processEvents} runs its handler. */
export interface ProcessEventsOptions<M = unknown> {
  /** How many events may be handled at once. @default 1 */
  readonly concurrency?: number | undefined;
  /** `"strict"` handles the events of one partition one after the other, `"loose"` any of them at once. @default "loose" */
  readonly ordering?: "strict" | "loose" | undefined;
  /** Tries a handler that failed again. @default none */
  readonly retry?: RetryOptions | undefined;
  /**
   * Where an event goes that could not be handled: a function that stores it, as `deadLetterTo(topic)` does, and says when
   * that is done. The event is acknowledged after it. Without one the stream fails, and the event is delivered again.
   * @default none
   */
  readonly deadLetter?: ((letter: DeadLetter<M>) => unknown) | undefined;
}

/**
 * Handles events, several at once, and acknowledges each after its handler has succeeded. Acknowledgements follow a
 * watermark: one is given only when every earlier event of its partition is done too, so an event that is still being
 * handled is never skipped, whatever order the handlers finish in.
 *
 * Events are held until they are acknowledged, so that the consumer fetches no further than its bounds. Its `maxBatches`
 * therefore also bounds how many are handled at once, where events trickle in one by one: give it at least `concurrency`.
 *
 * @param handler - What is done with an event.
 * @param options - Concurrency, ordering, retries and dead letters.
 * @returns An operator that emits each event when it has been handled. It fails with the error of a handler that no
 * `deadLetter` took, after the handlers that are running have finished; that event and those after it are not acknowledged.
 * When the consumer is closed, or its partition taken away, events that no handler has begun with are given back; handlers
 * that still run at the deadline of a close are unsubscribed from, and the stream fails with `ERR_CLOSED`.
 * @throws TypeError or RangeError when an argument is wrong.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { consume, processEvents } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * await topic.producer().push({ n: 7 });
 * const handled$ = consume(topic, "worker", { until: "end" }).pipe(
 *   processEvents(async (event) => console.log(event.metadata.n), { concurrency: 4 }), // 7
 * );
 * await lastValueFrom(handled$);
 * await driver.close();
 * ```
 */
export function processEvents<M>(
  handler: EventHandler<M>,
  options: ProcessEventsOptions<M> = {},
): OperatorFunction<StreamEvent<M>, StreamEvent<M>> {
  const { concurrency = 1, ordering = "loose", retry, deadLetter } = options;
  checkFunction("handler", handler);
  if (concurrency !== Infinity) checkInteger("concurrency", concurrency, 1);
  checkChoice("ordering", ordering, ["strict", "loose"]);
  if (deadLetter !== undefined) checkFunction("deadLetter", deadLetter);
  const again = retry === undefined ? undefined : retryWithBackoff<unknown>(retry);
  const handle = (event: StreamEvent<M>): Observable<unknown> => {
    const work = defer(() => inputOf(handler(event)));
    const persistent = again === undefined ? work : work.pipe(again);
    if (deadLetter === undefined) return persistent;
    return persistent.pipe(catchError((error: unknown) => inputOf(deadLetter({ event, error }))));
  };
  return (source) =>
    new Observable((subscriber) =>
      subscribeWithin(subscriber, source, new Workers(subscriber, handle, concurrency, ordering === "strict")),
    );
}

/** Written by hand, since the watermark needs to see an event from its arrival, before it has begun. */
class Workers<M> {
  readonly #subscriber: Subscriber<StreamEvent<M>>;
  readonly #handle: (event: StreamEvent<M>) => Observable<unknown>;
  readonly #concurrency: number;
  readonly #isStrict: boolean;
  /** What has arrived in each partition and is not acknowledged, in order. */
  readonly #arrived = new Map<number, HeldEvent<M>[]>();
  readonly #busy = new Set<number>();
  #waiting: HeldEvent<M>[] = [];
  #running = 0;
  #starting = false;
  #ending = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    subscriber: Subscriber<StreamEvent<M>>,
    handle: (event: StreamEvent<M>) => Observable<unknown>,
    concurrency: number,
    isStrict: boolean,
  ) {
    this.#subscriber = subscriber;
    this.#handle = handle;
    this.#concurrency = concurrency;
    this.#isStrict = isStrict;
    subscriber.add(() => {
      for (const jobs of this.#arrived.values()) for (const job of jobs) job.release();
      this.#arrived.clear();
      this.#waiting = [];
    });
  }

  next(event: StreamEvent<M>): void {
    if (this.#ending) return;
    const job = holdEvent(event);
    this.#jobsOf(event.partition).push(job);
    this.#waiting.push(job);
    this.#startMore();
  }

  error(error: unknown): void {
    // The consumer was closed, and has waited for the handlers that are running for as long as it was to.
    if (isSluiceError(error, "ERR_CLOSED")) return this.#subscriber.error(error);
    this.#failure ??= { error }; // Also after the source has completed: a handler that is still running may fail.
    this.complete();
  }

  complete(): void {
    this.#ending = true;
    this.#endWhenIdle();
  }

  #startMore(): void {
    if (this.#starting) return; // A handler that is done at once must not recurse; the loop below goes on.
    this.#starting = true;
    while (this.#running < this.#concurrency && !this.#subscriber.closed) {
      const job = this.#nextJob();
      if (job === undefined) break;
      this.#start(job);
    }
    this.#starting = false;
  }

  /** What has arrived in a partition, without what was given back in the meantime. */
  #jobsOf(partition: number): HeldEvent<M>[] {
    const known = this.#arrived.get(partition);
    if (known !== undefined && known.at(-1)?.state !== "returned") return known;
    const jobs = known?.filter(({ state }) => state !== "returned") ?? [];
    this.#arrived.set(partition, jobs);
    return jobs;
  }

  #nextJob(): HeldEvent<M> | undefined {
    if (this.#waiting[0]?.state === "returned") this.#dropReturned();
    if (!this.#isStrict) return this.#waiting.shift();
    const index = this.#waiting.findIndex(
      ({ event, state }) => state === "waiting" && !this.#busy.has(event.partition),
    );
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #dropReturned(): void {
    this.#waiting = this.#waiting.filter(({ state }) => state === "waiting");
  }

  #start(job: HeldEvent<M>): void {
    job.state = "running";
    this.#running++;
    this.#busy.add(job.event.partition);
    this.#subscriber.add(
      this.#handle(job.event).subscribe({
        error: (error: unknown) => {
          this.#waiting = []; // They are not acknowledged, and will be delivered again.
          this.#failure ??= { error };
          this.#ending = true;
          this.#stopped(job, []);
        },
        complete: () => {
          job.state = "done";
          const acknowledged = this.#acknowledge(job.event.partition);
          this.#subscriber.next(job.event);
          this.#stopped(job, acknowledged);
        },
      }),
    );
  }

  /**
   * An event that is done is held until it is acknowledged: behind one that takes for ever, what is done must not pile up
   * beyond the consumer's bounds.
   */
  #stopped(job: HeldEvent<M>, acknowledged: readonly HeldEvent<M>[]): void {
    this.#running--;
    this.#busy.delete(job.event.partition);
    for (const { release } of acknowledged) release();
    this.#startMore();
    this.#endWhenIdle();
  }

  /** Acknowledges the last event before which all are done, and returns those that it covers. */
  #acknowledge(partition: number): readonly HeldEvent<M>[] {
    const jobs = this.#arrived.get(partition);
    if (jobs === undefined) return []; // The handler has ended the subscription.
    const open = jobs.findIndex(({ state }) => state !== "done");
    const done = jobs.splice(0, open < 0 ? jobs.length : open);
    done.at(-1)?.event.acknowledge();
    return done;
  }

  #endWhenIdle(): void {
    if (!this.#ending || this.#running > 0) return;
    this.#dropReturned();
    if (this.#waiting.length > 0) return;
    if (this.#failure === undefined) this.#subscriber.complete();
    else this.#subscriber.error(this.#failure.error);
  }
}
