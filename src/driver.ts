import { firstValueFrom, from, lastValueFrom, type Observable } from "rxjs";
import type { InferInput, InferMetadata, ValidatorInput } from "./components/types.ts";
import { resolvePartitionSelector, resolveSerializer, resolveValidator } from "./components/resolve.ts";
import type { Backend, BackendTopic, Capabilities } from "./model/backend.ts";
import { checkAmount, checkInteger } from "./model/check.ts";
import type { ComponentSpecs, TopicComponents } from "./model/component.ts";
import { describeValue } from "./model/describeValue.ts";
import { isSluiceError, SluiceError } from "./model/errors.ts";
import type { Compaction } from "./model/compaction.ts";
import { parsePointer } from "./model/jsonPointer.ts";
import { byKey } from "./model/partitionSelectors/byKey.ts";
import { checkName } from "./model/names.ts";
import { maxPartitions } from "./model/partition.ts";
import type { Closable, CloseOptions } from "./model/topicHandle.ts";
import { driverStatistics, type DriverStatistics } from "./statistics/driverStatistics.ts";
import type { StatisticsOptions } from "./statistics/sampled.ts";
import { untilClosed } from "./statistics/untilClosed.ts";
import { makeThreadPool, type ThreadPool } from "./threads/threadPool.ts";
import { Topic, type TopicHost } from "./topic.ts";
import type { OpenTopicOptions, TopicComponentOptions, TopicOptions } from "./topicOptions.ts";

/**
 * A connection to a backend: it makes, opens, lists and deletes topics. Made by `connect`.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * await driver.createTopic("collisions", { partitions: 3 });
 * console.log(await driver.listTopics()); // ["collisions"]
 * await driver.close();
 * ```
 */
export class Driver {
  /** What the backend can do. */
  readonly capabilities: Capabilities;
  /** Runs components on the calling thread. */
  readonly defaultThreadPool: ThreadPool;
  readonly #backend: Backend;
  readonly #resources = new Set<Closable>();
  readonly #pools = new Set<ThreadPool>();
  /** Components that cannot be stored, of topics that this driver made or opened: it need not be handed them again. */
  readonly #functions = new Map<string, TopicComponentOptions<never>>();
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(backend: Backend) {
    this.#backend = backend;
    this.capabilities = backend.capabilities;
    this.defaultThreadPool = this.makeThreadPool(0);
  }

  /**
   * Makes a pool of threads for components that are given by module. It is closed with the driver.
   *
   * @param size - How many threads; 0 runs everything on the calling thread.
   * @throws TypeError or RangeError when the size is wrong.
   */
  makeThreadPool(size: number): ThreadPool {
    this.#assertOpen();
    const pool = makeThreadPool(size);
    this.#pools.add(pool);
    return pool;
  }

  /**
   * Creates a topic. Its metadata type is that of its validator, or the type parameter.
   *
   * @param name - 1 to 249 of `A-Z a-z 0-9 . _ -`.
   * @param options - Partitions, validator, partition selector, serializer, retention.
   * @returns The topic. Rejects with `ERR_TOPIC_EXISTS`, `ERR_COMPONENT`, `ERR_MISSING_DEPENDENCY`, `ERR_CLOSED`, or a
   * TypeError or RangeError when an argument is wrong.
   */
  createTopic<const V extends ValidatorInput>(
    name: string,
    options: TopicOptions<InferMetadata<V>> & { readonly validator: V },
  ): Promise<Topic<InferMetadata<V>, InferInput<V>>>;
  createTopic<M = unknown>(name: string, options?: TopicOptions<M>): Promise<Topic<M>>;
  async createTopic(name: string, given: object = {}): Promise<never> {
    const options = given as TopicOptions<never>;
    this.#assertOpen();
    checkName("topic", name);
    const { partitions = 1, retention, compaction } = options;
    checkInteger("partitions", partitions, 1, maxPartitions);
    checkRetention(options);
    if (compaction !== undefined) checkCompaction(compaction, this.capabilities);
    const byItsKey = compaction && { partitionSelector: byKey(compaction.key).spec };
    const components = await resolveComponents(options, { ...byItsKey });
    const specs = specsOf(components);
    const config = {
      partitions,
      components: specs,
      ...(retention && { retention }),
      ...(compaction && { compaction }),
    };
    const stored = await firstValueFrom(from(this.#backend.createTopic(name, config)));
    this.#functions.set(name, options);
    return this.#topic(stored, components, options) as never;
  }

  /**
   * Opens a topic, with the components that it was created with.
   *
   * @param name - Its name.
   * @param options - Components that were plain functions, handed in again, or waived by name.
   * @returns The topic. Rejects with `ERR_TOPIC_NOT_FOUND`, `ERR_COMPONENT_MISSING` when a component was a plain function
   * and is neither handed in nor waived, `ERR_COMPONENT`, `ERR_MISSING_DEPENDENCY`, `ERR_CLOSED`.
   */
  openTopic<const V extends ValidatorInput>(
    name: string,
    options: OpenTopicOptions<InferMetadata<V>> & { readonly validator: V },
  ): Promise<Topic<InferMetadata<V>, InferInput<V>>>;
  openTopic<M = unknown>(name: string, options?: OpenTopicOptions<M>): Promise<Topic<M>>;
  async openTopic(name: string, given: object = {}): Promise<never> {
    const options = given as OpenTopicOptions<never>;
    this.#assertOpen();
    checkName("topic", name);
    const stored = await firstValueFrom(from(this.#backend.openTopic(name)));
    const known = this.#functions.get(name);
    const specs = stored.config.components;
    const handedIn: OpenTopicOptions<never> = { ...functionsAmong(specs, known), ...withoutUndefined(options) };
    const components = await resolveComponents(handedIn, specs);
    return this.#topic(stored, components, handedIn) as never;
  }

  /**
   * Whether there is a topic of this name.
   *
   * @param name - The name.
   */
  async topicExists(name: string): Promise<boolean> {
    this.#assertOpen();
    checkName("topic", name);
    try {
      await firstValueFrom(from(this.#backend.openTopic(name)));
      return true;
    } catch (error) {
      if (isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) return false;
      throw error;
    }
  }

  /** The names of all topics, in alphabetical order. */
  async listTopics(): Promise<string[]> {
    this.#assertOpen();
    return [...(await firstValueFrom(from(this.#backend.listTopics())))].sort();
  }

  /**
   * Deletes a topic with everything in it. Its producers and consumers fail with `ERR_TOPIC_NOT_FOUND`.
   *
   * @param name - Its name. Rejects with `ERR_TOPIC_NOT_FOUND` when there is none.
   */
  async deleteTopic(name: string): Promise<void> {
    this.#assertOpen();
    checkName("topic", name);
    await firstValueFrom(from(this.#backend.deleteTopic(name)), { defaultValue: undefined });
    this.#functions.delete(name);
  }

  /**
   * What the backend holds and how fast that grows, topic by topic, by whomever it is stored. Nothing is asked of the backend
   * while nobody subscribes.
   *
   * @param options - How often a sample is taken.
   * @returns A sample for each period. Completes when the driver is closed, and fails with the error of the backend.
   * @throws TypeError or RangeError when the period is wrong.
   *
   * @example
   * ```ts
   * import { firstValueFrom } from "rxjs";
   * import { connect } from "sluice";
   *
   * const driver = await connect("memory:");
   * const topic = await driver.createTopic<{ energy: number }>("collisions");
   * const sample = firstValueFrom(driver.statistics({ every: 50 }));
   * await topic.producer().push({ energy: 42 });
   * const { events, topics } = await sample;
   * console.log(events, topics[0]?.topic); // 1 collisions
   * await driver.close();
   * ```
   */
  statistics(options: StatisticsOptions = {}): Observable<DriverStatistics> {
    return untilClosed((resource) => this.#attach(resource), driverStatistics(this.#backend, options));
  }

  /**
   * Closes every producer, consumer and thread pool that was made of it, then the backend. May be called twice, and from a
   * handler.
   *
   * @returns A promise that resolves when everything is closed. It rejects with the first error that a producer has for
   * somebody, such as `ERR_TIMEOUT` when it could not store everything before the deadline; everything is closed all the same.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { deadline = 5000 } = options;
    checkAmount("deadline", deadline);
    return (this.#closing ??= this.#close({ deadline }));
  }

  /** As `close()`, so that `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    await Promise.resolve(); // So that a call from within a callback sees that it is closing.
    const closed = await Promise.allSettled([...this.#resources].map((each) => each.close(options)));
    await Promise.allSettled([...this.#pools].map((each) => each.close(options)));
    await lastValueFrom(from(this.#backend.close()), { defaultValue: undefined });
    const failed = closed.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason as Error;
  }

  #topic(
    stored: BackendTopic,
    components: TopicComponents<never>,
    { baseUrl }: TopicComponentOptions<never>,
  ): Topic<never> {
    const host: TopicHost = {
      defaultThreadPool: this.defaultThreadPool,
      durability: this.capabilities.durability,
      attach: (resource) => this.#attach(resource),
    };
    return new Topic<never>(stored, components, host, baseUrl);
  }

  #attach(resource: Closable): () => void {
    this.#assertOpen();
    this.#resources.add(resource);
    return () => this.#resources.delete(resource);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new SluiceError("ERR_CLOSED", "The driver is closed");
  }
}

/** Makes the components of a topic, of what is handed in and what is stored. @internal */
export async function resolveComponents(
  options: OpenTopicOptions<never>,
  stored: Partial<ComponentSpecs>,
): Promise<TopicComponents<never>> {
  const { baseUrl, waive } = options;
  const how = { ...(baseUrl !== undefined && { baseUrl }), ...(waive !== undefined && { waive }) };
  const [validator, partitionSelector, serializer] = await Promise.all([
    resolveValidator<never>(options.validator ?? stored.validator, how),
    resolvePartitionSelector<never>(options.partitionSelector ?? stored.partitionSelector, how),
    resolveSerializer<never>(options.serializer ?? stored.serializer, how),
  ]);
  return { validator, partitionSelector, serializer };
}

function specsOf({ validator, partitionSelector, serializer }: TopicComponents<never>): ComponentSpecs {
  return { validator: validator.spec, partitionSelector: partitionSelector.spec, serializer: serializer.spec };
}

/** What this driver was handed for components that are stored as plain functions. */
function functionsAmong(specs: ComponentSpecs, known: TopicComponentOptions<never> = {}): TopicComponentOptions<never> {
  const { validator, partitionSelector, serializer, baseUrl } = known;
  return withoutUndefined({
    validator: specs.validator.type === "function" ? validator : undefined,
    partitionSelector: specs.partitionSelector.type === "function" ? partitionSelector : undefined,
    serializer: specs.serializer.type === "function" ? serializer : undefined,
    baseUrl,
  });
}

function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function checkCompaction(compaction: Compaction, { compaction: isAble = false }: Capabilities): void {
  if (typeof compaction !== "object" || compaction === null) {
    throw new TypeError(`'compaction' must be an object: current value is ${describeValue(compaction)}`);
  }
  const { key, tombstone = "", tombstoneAge = 0 } = compaction;
  for (const [name, value] of Object.entries({ key, tombstone })) {
    if (typeof value !== "string")
      throw new TypeError(`'compaction.${name}' must be a string: current value is ${describeValue(value)}`);
    parsePointer(value); // Throws for a pointer that is none.
  }
  checkAmount("compaction.tombstoneAge", tombstoneAge);
  if (!isAble) throw new SluiceError("ERR_UNSUPPORTED", "The backend does not compact topics");
}

function checkRetention({ retention }: TopicOptions<never>): void {
  if (retention === undefined) return;
  if (typeof retention !== "object" || retention === null) {
    throw new TypeError(`'retention' must be an object: current value is ${describeValue(retention)}`);
  }
  const { maxBytes = 0, maxAge = 0, acknowledgedBy = [] } = retention;
  if (!Array.isArray(acknowledgedBy)) {
    throw new TypeError(
      `'retention.acknowledgedBy' must be a list of names: current value is ${describeValue(acknowledgedBy)}`,
    );
  }
  if (retention.acknowledgedBy !== undefined && acknowledgedBy.length === 0) {
    throw new RangeError("'retention.acknowledgedBy' must name at least one consumer: current value is []");
  }
  checkAmount("retention.maxBytes", maxBytes);
  checkAmount("retention.maxAge", maxAge);
  for (const consumer of acknowledgedBy) checkName("consumer", consumer);
}
