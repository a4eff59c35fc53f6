import { asyncScheduler, map, Subject, Subscription, type Observable, type Observer } from "rxjs";
import { closeRobust, type RobustClosed } from "../operators/internal/robust/closeRobust.ts";
import type { OpenRobust } from "../operators/internal/robust/openRobust.ts";
import type { Pushed } from "../operators/internal/robust/pushed.ts";
import type { RobustOptions } from "../operators/internal/robust/robustOptions.ts";
import type { Outcome, RobustStatus } from "../operators/internal/robust/robustTypes.ts";
import type { RobustCore } from "../operators/internal/robust/robustCore.ts";
import type { DeadLetter } from "../operators/processEvents.ts";
import { checkAmount } from "./model/check.ts";
import type { DataInput } from "./model/data.ts";
import type { EventInput } from "./model/draft.ts";
import type { Future } from "./model/future.ts";
import type { Rejection } from "./model/rejection.ts";
import type { CloseOptions, TopicHandle } from "./model/topicHandle.ts";
import type { PushOptions, ProducerOptions } from "./producer.ts";

/** The options of a robust producer. */
export type RobustProducerOptions<M = unknown> = RobustOptions<M> & Pick<ProducerOptions, "threadPool" | "priority">;

/**
 * Keeps events in a journal on the local disk, and stores them in a topic when that can be done: across outages, restarts
 * and kills. It is an Observer, so `source$.subscribe(producer)` publishes a stream. Made by `topic.robustProducer`.
 *
 * @typeParam I - The metadata that it takes.
 * @typeParam M - The metadata that consumers get.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions");
 * const producer = await topic.robustProducer({ journal: memoryBackend() }); // A directory in life: "publisher.journal"
 * const pushed = producer.push({ energy: 42 });
 * console.log(await pushed.accepted, await pushed.delivered); // 0 0
 * console.log(await producer.close()); // { left: 0 }
 * await driver.close();
 * ```
 */
export class RobustProducer<I = unknown, M = I> implements Observer<EventInput<I>> {
  /** What becomes of each event that is in the journal: also of those that an earlier process has left there. */
  readonly outcomes: Observable<Outcome>;
  /** Each event that the journal does not take, with its error, whether or not anybody keeps its future. */
  readonly errors: Observable<Rejection<I>>;
  /** What goes wrong without a loss: a position that could not be noted, an identity that the backend has forgotten. */
  readonly warnings: Observable<unknown>;
  /** What it is doing, at once and whenever that changes, at most four times a second. Completes when it is closed. */
  readonly status: Observable<RobustStatus>;
  readonly #open: OpenRobust<I>;
  readonly #core: RobustCore<I>;
  readonly #failed = new Subject<Rejection<I>>();
  readonly #detach: (() => void) | undefined;
  /** Sending begins a turn after the producer was handed out, so that whoever wants to can watch all of it. */
  readonly #starting = new Subscription();
  #ready: Promise<void> | undefined;
  #closing: Promise<RobustClosed> | undefined;

  /** @internal */
  constructor(topic: Pick<TopicHandle, "attach">, open: OpenRobust<I>) {
    this.#open = open;
    this.#core = open.core;
    this.outcomes = this.#core.outcomes.asObservable();
    this.errors = this.#failed.asObservable();
    this.warnings = this.#core.warnings.asObservable();
    this.status = this.#core.status.pipe(
      map((status) => (status.state === "stopped" && !this.#starting.closed ? { ...status, state: "idle" } : status)),
    );
    this.#core.failures
      .pipe(map(({ draft, error }) => ({ metadata: draft.metadata, data: draft.data, error })))
      .subscribe((rejection) => this.#failed.next(rejection));
    if (open.rules.delivery === "manual") this.#starting.unsubscribe();
    else this.#starting.add(asyncScheduler.schedule(() => this.start()));
    this.#detach = topic.attach?.({
      close: async (options) => {
        await this.close(options);
      },
    });
  }

  /**
   * Publishes one event.
   *
   * @param metadata - What the event says, as the topic's schema wants it.
   * @param data - Its bytes, not copied. They belong to the producer until `accepted` settles.
   * @param options - The partition, when it must be a certain one.
   * @returns Two futures: `accepted` and `delivered`. `accepted` rejects with `ERR_INVALID_METADATA`,
   * `ERR_INVALID_PARTITION`, `ERR_SERIALIZATION`, `ERR_TIMEOUT`, `ERR_OVERFLOW`, `ERR_CLOSED`, `ERR_DURABILITY` or
   * `ERR_STORAGE`. Nobody has to keep them: an error reaches the next `flush()` and `errors` all the same.
   * @throws TypeError when the data is not bytes or the partition not a number.
   */
  push(metadata: I, data?: DataInput | null, { partition }: Pick<PushOptions, "partition"> = {}): Pushed {
    return this.#core.push(metadata, data, partition);
  }

  /** Publishes one event of a stream. Its failure reaches `errors` and the next `flush()`. */
  next(input: EventInput<I>): void {
    this.#core.pushInput(input);
  }

  /** Takes no more events. What was taken goes into the journal, and `close()` rejects with the error. */
  error(error: unknown): void {
    this.#core.end({ error });
  }

  /** Takes no more events. What was taken goes into the journal and is sent until `close()`. */
  complete(): void {
    this.#core.end();
  }

  /** Whether there is room for more. */
  get isReady(): boolean {
    return this.#core.isReady;
  }

  /** Resolves when there is room for more. Whoever awaits it between pushes keeps memory flat. */
  get ready(): Promise<void> {
    if (this.#core.isReady || this.#core.isEnded) return Promise.resolve();
    return (this.#ready ??= new Promise((resolve) => {
      const waiting = this.#core.room.subscribe(() => {
        waiting.unsubscribe();
        this.#ready = undefined;
        resolve();
      });
    }));
  }

  /**
   * A future that resolves when all that was pushed before is in the journal, and rejects when any of it is not.
   */
  flush(): Future<void> {
    return this.#core.flush();
  }

  /**
   * A future that resolves when all that is in the journal now has been stored in the topic, or put aside. It rejects with
   * `ERR_CLOSED` when the producer is closed before.
   */
  drain(): Future<void> {
    return this.#core.drain();
  }

  /**
   * Begins to send, after `stop()` or where nothing could be sent.
   *
   * @throws SluiceError `ERR_CLOSED`.
   */
  start(): void {
    this.#starting.unsubscribe();
    this.#core.start();
  }

  /**
   * Sends no more until `start()`. Events are accepted all the same.
   *
   * @returns A promise that resolves when nothing is on its way.
   */
  stop(): Promise<void> {
    this.#starting.unsubscribe();
    return new Promise((resolve, reject) => this.#core.stop().subscribe({ complete: resolve, error: reject }));
  }

  /** The events that were put aside and have not been forgotten, oldest first, each with the facts of its error. */
  deadLetters(): AsyncIterable<DeadLetter<M>> {
    return this.#core.letters.letters() as AsyncIterable<unknown> as AsyncIterable<DeadLetter<M>>;
  }

  /** Forgets the events that were put aside, and gives their space back. */
  forgetDeadLetters(): Promise<void> {
    return this.#core.letters.clear();
  }

  /**
   * Writes the journal anew, where little is left to be sent and that gives space back. This happens by itself when no event
   * has come for a while.
   */
  compact(): Promise<void> {
    return this.#core.compact();
  }

  /**
   * Takes no more events, sends what is in the journal for as long as the deadline allows, and closes. May be called twice.
   *
   * @returns How many events are left in the journal. Rejects with the error of an event that the journal did not take, when
   * nobody has looked at its future, with `ERR_TIMEOUT` when it could not take all before the deadline, and with the error
   * that the source has failed with. Everything is closed all the same.
   */
  close({ deadline = 5000 }: CloseOptions = {}): Promise<RobustClosed> {
    checkAmount("deadline", deadline);
    return (this.#closing ??= this.#close(deadline));
  }

  /** As `close()`, so that `await using` closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(deadline: number): Promise<RobustClosed> {
    if (!this.#starting.closed) this.start();
    try {
      return await closeRobust(this.#open, deadline);
    } finally {
      this.#detach?.();
      this.#failed.complete();
    }
  }
}
