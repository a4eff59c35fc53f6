import { firstValueFrom, forkJoin, from } from "rxjs";
import type { BackendTopic, Retention } from "./model/backend.ts";
import { checkAmount, checkInteger } from "./model/check.ts";
import type { ComponentSpecs, TopicComponents } from "./model/component.ts";
import { describeValue } from "./model/describeValue.ts";
import { maxPartitions, type PartitionBounds } from "./model/partition.ts";
import type { Closable, TopicHandle } from "./model/topicHandle.ts";
import { checkName } from "./model/names.ts";
import { Consumer, type ConsumerOptions } from "./consumer.ts";
import { Producer, type ProducerOptions } from "./producer.ts";
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
  })[];
}

/** How far a consumer is behind. */
export interface Lag {
  /** Events in all partitions that have not been acknowledged. */
  readonly total: number;
  /** The same for each partition. */
  readonly partitions: readonly {
    /** The number of the partition. */
    readonly partition: number;
    /** The acknowledged position: the id of the next event; undefined when nothing has been acknowledged. */
    readonly position: number | undefined;
    /** The position behind the last event. */
    readonly end: number;
    /** The distance between the two. */
    readonly lag: number;
  }[];
}

/** What a topic needs of its driver. @internal */
export interface TopicHost {
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
  /** Only for the type checker: without it, nothing would tell `produce` what may be pushed. @internal */
  declare readonly input?: I;
  /** Has something closed together with the driver. @internal */
  readonly attach: (resource: Closable) => () => void;
  readonly #host: TopicHost;
  readonly #baseUrl: string | URL | undefined;

  /** @internal */
  constructor(backend: BackendTopic, components: TopicComponents<M>, host: TopicHost, baseUrl?: string | URL) {
    this.name = backend.name;
    this.backend = backend;
    this.components = components;
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
   * @throws TypeError or RangeError when an option is wrong.
   */
  producer(options: ProducerOptions = {}): Producer<I> {
    const { threadPool, priority, ...rest } = options;
    const components = this.#componentsOn(threadPool, priority);
    // The validator turns what is pushed into what is stored, so the producer sees the topic from the other side.
    const handle = { ...this.#handle, components } as unknown as TopicHandle<I, never>;
    return new Producer<I>(handle, rest);
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
    const bounds = await this.#bounds();
    return {
      name: this.name,
      components,
      retention,
      partitions: bounds.map((each, partition) => ({ partition, ...each })),
    };
  }

  /**
   * Adds partitions behind those that there are. Producers and consumers take them up at once.
   *
   * @param count - How many.
   * @throws TypeError or RangeError when the count is wrong.
   */
  async addPartitions(count = 1): Promise<void> {
    checkInteger("count", count, 1, maxPartitions - this.partitions);
    await firstValueFrom(from(this.backend.addPartitions(count)), { defaultValue: undefined });
  }

  /** Adds one partition. See {@link Topic.addPartitions}. */
  addPartition(): Promise<void> {
    return this.addPartitions(1);
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
    const [positions, bounds] = await Promise.all([
      firstValueFrom(from(this.backend.cursors(consumer))),
      this.#bounds(),
    ]);
    const partitions = bounds.map(({ start, end }, partition) => {
      const position = positions[partition];
      return { partition, position, end, lag: Math.max(0, end - Math.max(start, position ?? start)) };
    });
    return { total: partitions.reduce((total, { lag }) => total + lag, 0), partitions };
  }

  #componentsOn(threadPool: ThreadPool = this.#host.defaultThreadPool, priority = 0): TopicComponents<M> {
    if (typeof (threadPool as Partial<ThreadPool> | null)?.run !== "function") {
      throw new TypeError(`'threadPool' must be a thread pool: current value is ${describeValue(threadPool)}`);
    }
    checkAmount("priority", priority, -Infinity);
    return componentsOn(threadPool, this.components, { priority, baseUrl: this.#baseUrl });
  }

  get #handle(): Pick<TopicHandle, "name" | "backend" | "attach"> {
    const { name, backend, attach } = this;
    return { name, backend, attach };
  }

  #bounds(): Promise<PartitionBounds[]> {
    return firstValueFrom(forkJoin(this.backend.partitions.map((partition) => from(partition.bounds()))));
  }
}
