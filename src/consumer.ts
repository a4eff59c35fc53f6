import { AsyncSink } from "ix/asynciterable/asyncsink";
import { forkJoin, ignoreElements, lastValueFrom, map, Observable, Subject, type Subscription } from "rxjs";
import { checkConsumeOptions, type CheckedConsumeOptions } from "../operators/internal/checkConsumeOptions.ts";
import { ConsumerCore } from "../operators/internal/consumerCore.ts";
import { processEvents, type EventHandler, type ProcessEventsOptions } from "../operators/processEvents.ts";
import type { BackendTopic } from "./model/backend.ts";
import { checkAmount } from "./model/check.ts";
import type { ConsumeOptions, ConsumerStatus, EndReason, LostEvents } from "./model/consumeOptions.ts";
import { SluiceError, type ErrorCode } from "./model/errors.ts";
import type { StreamEvent } from "./model/event.ts";
import type { Future } from "./model/future.ts";
import { checkName } from "./model/names.ts";
import type { CloseOptions, TopicHandle } from "./model/topicHandle.ts";
import { lagOf } from "./lag.ts";
import { consumerStatistics, type ConsumerStatistics, type Delivered } from "./statistics/consumerStatistics.ts";
import type { StatisticsOptions } from "./statistics/sampled.ts";
import { untilClosed } from "./statistics/untilClosed.ts";
import type { ThreadPool } from "./threads/threadPool.ts";
import { PullFuture } from "./pullFuture.ts";

/** The options of a consumer. */
export interface ConsumerOptions<M = unknown> extends ConsumeOptions<M> {
  /**
   * Decodes metadata, where the topic has its serializer by module. Data selectors and allocators are functions of the
   * caller's and stay on the calling thread; asynchronous ones run for several events at once. @default the driver's
   */
  readonly threadPool?: ThreadPool | undefined;
  /** The priority of this consumer's work in the pool; higher goes first. @default 0 */
  readonly priority?: number | undefined;
}

/** An event that waits to be handed to the caller. */
interface Pulled<M> {
  readonly event: StreamEvent<M>;
  readonly release: () => void;
  /** `"returned"`: its partition was taken away while it waited, and it is the next owner's now. */
  state: "waiting" | "begun" | "returned";
}

/**
 * The events of a topic under a consumer's name: an Observable, an async iterable, and a source that can be pulled.
 *
 * Each subscription is a member of its own of the group of this name, and so is each `for await`, and all pulls together.
 *
 * @typeParam M - The metadata of its events.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions");
 * await topic.producer().push({ energy: 42 });
 * const consumer = topic.consumer("app2");
 * const event = await consumer.pull().wait(1000);
 * console.log(event?.id, event?.metadata.energy); // 0 42
 * await event?.acknowledge();
 * await driver.close();
 * ```
 */
export class Consumer<M = unknown> extends Observable<StreamEvent<M>> implements AsyncIterable<StreamEvent<M>> {
  /** Its name. */
  readonly name: string;
  /** The name of its topic. */
  readonly topic: string;
  /** What its subscriptions do, at each change. Completes when the consumer is closed. */
  readonly status: Observable<ConsumerStatus>;
  /** Acknowledgements that could not be stored, whether or not somebody looks at their futures. */
  readonly errors: Observable<unknown>;
  /** Events that damage has taken from the store, in the place where they were. Completes when the consumer is closed. */
  readonly lost: Observable<LostEvents>;
  readonly #cores = new Set<ConsumerCore<M>>();
  readonly #status: Subject<ConsumerStatus>;
  readonly #errors: Subject<unknown>;
  readonly #lost: Subject<LostEvents>;
  readonly #delivered: Subject<Delivered>;
  readonly #topic: BackendTopic;
  readonly #attach: TopicHandle["attach"];
  readonly #events: Pulled<M>[] = [];
  #pulls: PullFuture<StreamEvent<M>>[] = [];
  #pulling: Subscription | undefined;
  #pullReason: EndReason | undefined;
  #pullEnd: SluiceError | undefined;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(topic: TopicHandle<M, never>, name: string, options: ConsumeOptions<M>) {
    checkName("consumer", name);
    const checked = checkConsumeOptions(options, topic.backend.partitions.length);
    const status = new Subject<ConsumerStatus>();
    const errors = new Subject<unknown>();
    const lost = new Subject<LostEvents>();
    const delivered = new Subject<Delivered>();
    super((subscriber) => {
      if (this.#closing !== undefined) return subscriber.error(closedError());
      const core = new ConsumerCore<M>(topic, name, observed(checked, { status, errors, lost }), subscriber, delivered);
      this.#cores.add(core);
      core.left.subscribe({ complete: () => this.#cores.delete(core) });
      subscriber.add(() => core.stop());
      core.start();
      return undefined;
    });
    this.name = name;
    this.topic = topic.name;
    this.#status = status;
    this.#errors = errors;
    this.status = status.asObservable();
    this.errors = errors.asObservable();
    this.#topic = topic.backend;
    this.#attach = topic.attach;
    this.#delivered = delivered;
    this.#lost = lost;
    this.lost = lost.asObservable();
  }

  /**
   * Asks for the next event.
   *
   * @returns A future of it. `wait(ms)` gives undefined when the time ran out; the event then goes to a later pull. It
   * rejects with `ERR_END_OF_TOPIC` at the end of a sealed topic, `ERR_END_OF_SNAPSHOT` and `ERR_IDLE` as `until` says,
   * `ERR_CLOSED` once the consumer is closed, and with what the stream failed with.
   */
  pull(): Future<StreamEvent<M>> {
    this.#startPulling();
    return new PullFuture<StreamEvent<M>>({
      enter: (future) => this.#serve(future),
      leave: (future) => {
        this.#pulls = this.#pulls.filter((other) => other !== future);
      },
    });
  }

  /**
   * What all subscriptions of this consumer do, in numbers: events, bytes, rates, latencies, what they hold and how far the
   * name is behind. Each subscription to this counts for itself, and nothing is counted while there is none.
   *
   * @param options - How often a sample is taken.
   * @returns A sample for each period. Completes after the last one when the consumer or its driver is closed.
   * @throws TypeError or RangeError when the period is wrong.
   *
   * @example
   * ```ts
   * import { firstValueFrom } from "rxjs";
   * import { connect } from "sluice";
   *
   * const driver = await connect("memory:");
   * const topic = await driver.createTopic<{ energy: number }>("collisions");
   * await topic.producer().push({ energy: 42 });
   * const consumer = topic.consumer("app2");
   * const sample = firstValueFrom(consumer.statistics({ every: 50 }));
   * consumer.subscribe();
   * const { events, lag } = await sample;
   * console.log(events, lag); // 1 1
   * await driver.close();
   * ```
   */
  statistics(options: StatisticsOptions = {}): Observable<ConsumerStatistics> {
    const cores = this.#cores;
    const [topic, name] = [this.#topic, this.name];
    const gauge = {
      get bufferedBytes() {
        return [...cores].reduce((sum, { bytes }) => sum + bytes, 0);
      },
      get isWaiting() {
        return cores.size > 0 && [...cores].every((core) => core.isWaiting);
      },
      get partitions() {
        return [...cores].flatMap(({ partitions }) => partitions);
      },
      lag: () => lagOf(topic, name).pipe(map(({ total }) => total)),
    };
    return untilClosed(this.#attach, consumerStatistics(this.#delivered, gauge, options), this);
  }

  /**
   * Handles every event, and acknowledges each after its handler has succeeded.
   *
   * @param handler - What is done with an event; its promise or Observable says when it is done.
   * @param options - Concurrency, ordering, retries and dead letters.
   * @returns A promise that resolves when the stream completes, and rejects when it or a handler fails.
   */
  process(handler: EventHandler<M>, options: ProcessEventsOptions<M> = {}): Promise<void> {
    return lastValueFrom(this.pipe(processEvents(handler, options), ignoreElements()), { defaultValue: undefined });
  }

  /** The events one by one; the next one is not fetched further than `maxBatches` before it is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent<M>, void, undefined> {
    const sink = new AsyncSink<Pulled<M>>();
    const subscription = this.subscribe({
      next: (event) => sink.write(keep(event)),
      error: (error: unknown) => sink.error(error),
      complete: () => sink.end(),
    });
    try {
      for await (const pulled of sink) {
        if (pulled.state === "returned") continue;
        pulled.state = "begun";
        try {
          yield pulled.event;
        } finally {
          pulled.release();
        }
      }
    } finally {
      subscription.unsubscribe();
    }
  }

  /**
   * Stops fetching, lets what is being handled finish, and leaves the group. Subscriptions complete. May be called twice,
   * and from a handler.
   *
   * @returns A promise that resolves when acknowledgements that were given are stored. Events that are still being handled
   * at the deadline will be delivered again.
   */
  close({ deadline = 5000 }: CloseOptions = {}): Promise<void> {
    checkAmount("deadline", deadline);
    return (this.#closing ??= this.#close(deadline));
  }

  /** As `close()`, so that `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadline: number): Promise<void> {
    await Promise.resolve(); // So that `#closing` is set before anything is called back.
    const cores = [...this.#cores];
    await lastValueFrom(forkJoin(cores.map((core) => core.close(deadline))), { defaultValue: undefined });
    this.#endPulls(closedError());
    this.#status.complete();
    this.#errors.complete();
    this.#lost.complete();
    this.#delivered.complete();
  }

  #startPulling(): void {
    if (this.#pulling !== undefined || this.#pullEnd !== undefined) return;
    const reason = this.#status.subscribe((status) => (this.#pullReason = status.reason));
    this.#pulling = this.subscribe({
      next: (event) => this.#offer(keep(event)),
      error: (error: unknown) => this.#endPulls(error),
      complete: () => this.#endPulls(endError(this.#pullReason)),
    });
    this.#pulling.add(reason);
  }

  /** Gives an event to the pull that has waited longest, or keeps it for the next one. */
  #offer(pulled: Pulled<M>): void {
    const pull = this.#pulls.shift();
    if (pull === undefined) this.#events.push(pulled);
    else deliver(pull, pulled);
  }

  #serve(pull: PullFuture<StreamEvent<M>>): void {
    let pulled = this.#events.shift();
    while (pulled?.state === "returned") pulled = this.#events.shift();
    if (pulled !== undefined) deliver(pull, pulled);
    else if (this.#pullEnd !== undefined) pull.reject(this.#pullEnd);
    else this.#pulls.push(pull);
  }

  #endPulls(error: unknown): void {
    this.#pullEnd ??= error as SluiceError;
    for (const pull of this.#pulls.splice(0)) pull.reject(this.#pullEnd);
  }
}

/** Keeps an event for later, and lets it go again when its partition is taken away before. */
function keep<M>(event: StreamEvent<M>): Pulled<M> {
  const giveBack = () => {
    if (pulled.state === "waiting") pulled.state = "returned";
    return pulled.state === "returned";
  };
  const pulled: Pulled<M> = { event, state: "waiting", release: event.hold(giveBack) };
  return pulled;
}

function deliver<M>(pull: PullFuture<StreamEvent<M>>, pulled: Pulled<M>): void {
  pulled.state = "begun";
  pull.resolve(pulled.event);
  pulled.release();
}

/** What a consumer tells beside its events. */
interface Observers {
  readonly status: Subject<ConsumerStatus>;
  readonly errors: Subject<unknown>;
  readonly lost: Subject<LostEvents>;
}

/** The options with the consumer's own observers beside those of the caller. */
function observed<M>(options: CheckedConsumeOptions<M>, { status, errors, lost }: Observers): CheckedConsumeOptions<M> {
  return {
    ...options,
    status: { next: (value) => (options.status?.next(value), status.next(value)) },
    errors: { next: (error) => (options.errors?.next(error), errors.next(error)) },
    lost: { next: (events) => (options.lost?.next(events), lost.next(events)) },
  };
}

const endings: Record<EndReason, readonly [ErrorCode, string]> = {
  sealed: ["ERR_END_OF_TOPIC", "The topic is sealed and has no more events"],
  snapshot: ["ERR_END_OF_SNAPSHOT", "There were no more events when the consumer began"],
  idle: ["ERR_IDLE", "No event came for as long as 'until.idle' says"],
  closed: ["ERR_CLOSED", "The consumer is closed"],
};

function endError(reason: EndReason = "closed"): SluiceError {
  return new SluiceError(...endings[reason]);
}

function closedError(): SluiceError {
  return endError("closed");
}
