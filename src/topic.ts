import { firstValueFrom, from, type Observable } from "rxjs";
import { openRobust } from "../operators/internal/robust/openRobust.ts";
import type { BackendTopic, Retention } from "./model/backend.ts";
import type { Durability } from "./model/durability.ts";
import { checkAmount, checkInteger } from "./model/check.ts";
import type { ComponentSpecs, TopicComponents } from "./model/component.ts";
import { describeValue } from "./model/describeValue.ts";
import { maxPartitions, type PartitionBounds } from "./model/partition.ts";
import type { Closable, TopicHandle } from "./model/topicHandle.ts";
import { checkName } from "./model/names.ts";
import { Consumer, type ConsumerOptions } from "./consumer.ts";
import { boundsOf, lagOf, type Lag } from "./lag.ts";
import { openJournal } from "./openJournal.ts";
import { Producer, type ProducerOptions } from "./producer.ts";
import { RobustProducer, type RobustProducerOptions } from "./robustProducer.ts";
import { topicStatistics, type TopicStatistics, type TopicStatisticsOptions } from "./statistics/topicStatistics.ts";
import { untilClosed } from "./statistics/untilClosed.ts";
import { componentsOn } from "./threads/componentsOn.ts";
import type { ThreadPool } from "./threads/threadPool.ts";

/** What a topic is, as it stands now. */
export interface TopicDescription {
  /** Its name. */
  readonly name: string;
  /** Its components as they are stored. */
  readonly components: ComponentSpecs;
  /** What it may drop. */
  readonly retention: Retention | undefined;
  /** How far each partition reaches. */
  readonly partitions: readonly (PartitionBounds & {
    /** The number of the partition. */
    readonly partition: number;
    /** The rank of the process that has it, where several processes of a service share them. */
    readonly rank?: number | undefined;
  })[];
}

/** Options for adding partitions. */
export interface AddPartitionsOptions {
  /** The rank of the process that is to hold them. @default that with the fewest, where several processes share them */
  readonly rank?: number | undefined;
}

/** What a topic needs of its driver. @internal */
export interface TopicHost {
  /** The strongest durability that the backend gives. */
  readonly durability: Durability;
  readonly defaultThreadPool: ThreadPool;
  /** Has something closed together with the driver. */
  readonly attach: (resource: Closable) => () => void;
}

/**
 * A topic: events in partitions, with a validator, a partition selector and a serializer. Made by `driver.createTopic` and
 * `driver.openTopic`.
 *
 * @typeParam M - The metadata of its events.
 * @typeParam I - The metadata that is pushed, where the schema fills something in.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions", { partitions: 3 });
 * await topic.producer().push({ energy: 42 }, undefined, { partition: 2 });
 * const { partitions } = await topic.describe();
 * console.log(partitions.map(({ end }) => end)); // [0, 0, 1]
 * console.log((await topic.lag("app2")).total); // 1
 * await driver.close();
 * ```
 */
export class Topic<M = unknown, I = M> implements TopicHandle<M, I> {
  /** Its name. */
  readonly name: string;
  /** Where it is stored. */
  readonly backend: BackendTopic;
  /** Its components, ready to run. */
  readonly components: TopicComponents<M>;
  /** The strongest durability that its backend gives. */
  readonly durability: Durability;
  /** Only for the type checker: without it, nothing would tell `produce` what may be pushed. @internal */
  declare readonly input?: I;
  /** Has something closed together with the driver. @internal */
  readonly attach: (resource: Closable) => () => void;
  /** Opens a directory to keep a journal in. @internal */
  readonly openJournal = openJournal;
  readonly #host: TopicHost;
  readonly #baseUrl: string | URL | undefined;

  /** @internal */
  constructor(backend: BackendTopic, components: TopicComponents<M>, host: TopicHost, baseUrl?: string | URL) {
    this.name = backend.name;
    this.backend = backend;
    this.components = components;
    this.durability = host.durability;
    this.attach = host.attach;
    this.#host = host;
    this.#baseUrl = baseUrl;
  }

  /** How many partitions there are. */
  get partitions(): number {
    return this.backend.partitions.length;
  }

  /**
   * Makes a producer.
   *
   * @param options - Name, batches, order, bounds, threads.
   * @throws TypeError or RangeError when an option is wrong, `ERR_UNSUPPORTED` when it asks for a stronger durability than
   * the backend gives.
   */
  producer(options: ProducerOptions = {}): Producer<I> {
    const { threadPool, priority, ...rest } = options;
    const components = this.#componentsOn(threadPool, priority);
    // The validator turns what is pushed into what is stored, so the producer sees the topic from the other side.
    const handle = { ...this.#handle, components } as unknown as TopicHandle<I, never>;
    return new Producer<I>(handle, rest);
  }

  /**
   * Makes a producer that keeps events in a journal on the local disk until they are stored, across outages and restarts.
   * It begins with what an earlier process has left in the journal.
   *
   * @param options - The journal, and how it is filled and emptied.
   * @returns The producer. Rejects with `ERR_LOCKED` when the journal is in use, with `ERR_STORAGE` or `ERR_UNDECODABLE` when
   * it is damaged, with `ERR_STALE_JOURNAL` when it was restored from a backup, with `ERR_COMPONENT` when its events were
   * written by another serializer, with `ERR_UNSUPPORTED` in a browser, and with a TypeError or RangeError when an option is
   * wrong or the journal is one for another topic.
   */
  async robustProducer(options: RobustProducerOptions<M>): Promise<RobustProducer<I, M>> {
    const { threadPool, priority, ...rest } = options;
    const components = this.#componentsOn(threadPool, priority);
    const handle = { ...this.#handle, components, openJournal } as unknown as TopicHandle<I, never>;
    return new RobustProducer<I, M>(this, await openRobust<I>(handle, rest));
  }

  /**
   * Makes a consumer. Nothing is fetched before it is subscribed to, pulled or iterated.
   *
   * @param name - Its name, under which acknowledgements are kept. Consumers of one name share the partitions.
   * @param options - Bounds, data selection, where to start and when to end.
   * @throws TypeError, RangeError or `ERR_INVALID_PARTITION` when the name or an option is wrong.
   */
  consumer(name: string, options: ConsumerOptions<M> = {}): Consumer<M> {
    const { threadPool, priority, ...rest } = options;
    const components = this.#componentsOn(threadPool, priority);
    return new Consumer<M>({ ...this.#handle, components }, name, rest);
  }

  /** Says what the topic is, and how far each partition reaches. */
  async describe(): Promise<TopicDescription> {
    const { components, retention } = this.backend.config;
    const bounds = await firstValueFrom(boundsOf(this.backend));
    return {
      name: this.name,
      components,
      retention,
      partitions: bounds.map((each, partition) => {
        const rank = this.backend.ranks?.places[partition]?.rank;
        return { partition, ...(rank !== undefined && { rank }), ...each };
      }),
    };
  }

  /**
   * Adds partitions behind those that there are. Producers and consumers take them up at once.
   *
   * @param count - How many.
   * @param options - Which process of a service is to hold them.
   * @throws TypeError or RangeError when the count is wrong, or there is no such rank.
   */
  async addPartitions(count = 1, { rank }: AddPartitionsOptions = {}): Promise<void> {
    checkInteger("count", count, 1, maxPartitions - this.partitions);
    if (rank !== undefined) checkInteger("rank", rank, 0, (this.backend.ranks?.count ?? 1) - 1);
    await firstValueFrom(from(this.backend.addPartitions(count, rank)), { defaultValue: undefined });
  }

  /** Adds one partition. See {@link Topic.addPartitions}. */
  addPartition(options: AddPartitionsOptions = {}): Promise<void> {
    return this.addPartitions(1, options);
  }

  /** Refuses further events with `ERR_TOPIC_SEALED`. Consumers complete after the last one. */
  async seal(): Promise<void> {
    await firstValueFrom(from(this.backend.seal()), { defaultValue: undefined });
  }

  /**
   * How far a consumer is behind, in events that it has not acknowledged.
   *
   * @param consumer - Its name.
   */
  async lag(consumer: string): Promise<Lag> {
    checkName("consumer", consumer);
    return firstValueFrom(lagOf(this.backend, consumer));
  }

  /**
   * How many events the topic holds, how fast it grows, and how far consumers are behind. Nothing is asked of the backend
   * while nobody subscribes.
   *
   * @param options - How often a sample is taken, and the names of the consumers whose lag is wanted.
   * @returns A sample for each period. Completes when the driver is closed, and fails with the error of the backend.
   * @throws TypeError or RangeError when the period or a name is wrong.
   *
   * @example
   * ```ts
   * import { firstValueFrom } from "rxjs";
   * import { connect } from "sluice";
   *
   * const driver = await connect("memory:");
   * const topic = await driver.createTopic<{ energy: number }>("collisions");
   * const sample = firstValueFrom(topic.statistics({ every: 50, consumers: ["app2"] }));
   * await topic.producer().push({ energy: 42 });
   * const { events, lag } = await sample;
   * console.log(events, lag); // 1 { app2: 1 }
   * await driver.close();
   * ```
   */
  statistics(options: TopicStatisticsOptions = {}): Observable<TopicStatistics> {
    for (const consumer of options.consumers ?? []) checkName("consumer", consumer);
    return untilClosed(this.attach, topicStatistics(this, options));
  }

  #componentsOn(threadPool: ThreadPool = this.#host.defaultThreadPool, priority = 0): TopicComponents<M> {
    if (typeof (threadPool as Partial<ThreadPool> | null)?.run !== "function") {
      throw new TypeError(`'threadPool' must be a thread pool: current value is ${describeValue(threadPool)}`);
    }
    checkAmount("priority", priority, -Infinity);
    return componentsOn(threadPool, this.components, { priority, baseUrl: this.#baseUrl });
  }

  get #handle(): Pick<TopicHandle, "name" | "backend" | "durability" | "attach"> {
    const { name, backend, durability, attach } = this;
    return { name, backend, durability, attach };
  }
}
