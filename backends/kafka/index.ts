import { isIP } from "node:net";
import { Observable } from "rxjs";
import type { Backend, BackendTopic, Capabilities, TopicConfig } from "../../src/model/backend.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { KafkaClient, TopicState } from "./client/client.ts";
import type { platformaticClient as PlatformaticClient } from "./client/platformaticClient.ts";
import { isKafkaError, protocolError } from "./client/kafkaError.ts";
import { asUserError, KafkaCluster, topicNotFound, type TopicRef } from "./cluster.ts";
import { compressorOf } from "./compression.ts";
import { Fetcher } from "./fetcher.ts";
import { layoutOf } from "./layouts/layoutOf.ts";
import type { LayoutName } from "./layouts/layout.ts";
import { readOptions, type KafkaConnectOptions, type KafkaOptions } from "./options.ts";
import { infoTopicOf, isInfoTopic, OctopusInfo } from "./octopusInfo.ts";
import { marksName, ProducerMarks } from "./producerMarks.ts";
import { Registry, registryName } from "./registry.ts";
import { securityOf } from "./security/sasl.ts";
import { KafkaTopic } from "./topic.ts";
import type { TopicHost } from "./topicHost.ts";
import { Claims } from "./store/claims.ts";
import type { DataStore } from "./store/dataStore.ts";
import { openStore } from "./store/openStore.ts";
import { companionOf, isCompanion, newTopicBatchBytes, settingsOf } from "./topicSettings.ts";

export type { KafkaConnectOptions } from "./options.ts";
export type { SaslMechanism, SaslOptions } from "./security/saslOptions.ts";
export type { GroupProtocol } from "./client/client.ts";
export type { DataStore } from "./store/dataStore.ts";
export { directoryStore } from "./store/directoryStore.ts";
export { s3Store, type S3Credentials, type S3StoreOptions } from "./store/s3Store.ts";
export type { Compression } from "./compression.ts";
export type { LayoutName } from "./layouts/layout.ts";
export { formatAvro, parseAvro, type AvroContent } from "./hop/avro.ts";
export { formatGcnNotice, parseGcnNotice, type GcnNotice } from "./hop/gcnNotice.ts";
export {
  readHopMessage,
  writeHopMessage,
  type GcnCircular,
  type HopContent,
  type HopDraft,
  type HopHead,
  type HopMessage,
  type HopWritable,
} from "./hop/hopMessage.ts";
export { formatVoEvent, parseVoEvent, type VoEvent, type XmlNode } from "./hop/voEvent.ts";
export type { HopFormat, HopMetadata } from "./layouts/hop.ts";

/** What the Kafka backend can do. Offsets have gaps where transactions ended, and a view moves the chunks that it touches. */
export const kafkaCapabilities: Capabilities = {
  durability: "replicated",
  persistent: true,
  contiguousIds: false,
  idempotent: true,
  groups: true,
  seal: true,
  addPartitions: true,
  findByTime: true,
  partialData: false,
  exactlyOnce: true,
  nextSequence: true,
};

/** Milliseconds to wait at the end for members that are leaving their groups. */
const farewell = 3000;
/** What a batch may have where the topic does not say: a little less than the default of brokers. */
const usualBatchBytes = 1_000_000;

/**
 * Topics of a cluster of Apache Kafka. `connect("kafka://host:9092,host2:9092/")` makes one.
 *
 * @param url - The brokers to begin with, and options as parameters: `kafka://host:9092,host2:9092/?compression=zstd`.
 * @param given - Options; they count more than those of the URL.
 * @returns The backend. It has not spoken to a broker yet. Rejects with `ERR_MISSING_DEPENDENCY` when `@platformatic/kafka`
 * is not installed, and with `ERR_UNAUTHORIZED` when the credentials cannot be had.
 * @throws TypeError or RangeError when the URL or an option is wrong (as a rejection).
 *
 * @example
 * ```ts no-run
 * import { kafkaBackend } from "sluice/backends/kafka";
 *
 * const backend = await kafkaBackend("kafka://localhost:9092/?namespace=lab");
 * console.log(backend.capabilities.durability); // replicated
 * ```
 */
export async function kafkaBackend(url: string, given: KafkaConnectOptions = {}): Promise<Backend> {
  const options = readOptions(url, given);
  const hosts = options.brokers.map(({ host }) => host);
  const security = await securityOf({ ...options, hosts }, process.env);
  const { platformaticClient } = await loadClient();
  const store = options.store === undefined ? undefined : await openStore(options.store);
  const { tls, sasl } = security;
  const client = platformaticClient({
    clientId: options.clientId,
    bootstrap: options.brokers,
    rebalanceTimeout: options.rebalanceTimeout,
    connection: {
      requestTimeout: options.requestTimeout,
      maxInflights: 64,
      // An address is no name that TLS could ask for.
      ...(tls !== undefined && { tls, tlsServerName: !hosts.some((host) => isIP(host) !== 0) }),
      ...(sasl !== undefined && {
        sasl: sasl as NonNullable<Parameters<typeof platformaticClient>[0]["connection"]["sasl"]>,
      }),
    },
  });
  return new KafkaBackend(client, { ...options, sender: options.sender ?? sasl?.username }, store);
}

async function loadClient(): Promise<{ readonly platformaticClient: typeof PlatformaticClient }> {
  try {
    return await import("./client/platformaticClient.ts");
  } catch (cause) {
    const problem = 'The backend "kafka:" needs the package "@platformatic/kafka": npm install @platformatic/kafka';
    throw new SluiceError("ERR_MISSING_DEPENDENCY", problem, { cause, details: { package: "@platformatic/kafka" } });
  }
}

class KafkaBackend implements Backend {
  readonly capabilities = kafkaCapabilities;
  readonly #options: KafkaOptions;
  readonly #cluster: KafkaCluster;
  readonly #registry: Registry;
  readonly #info: OctopusInfo;
  readonly #host: TopicHost;
  /** The topics that are open, by their ids: however often one is opened, there is one of it. */
  readonly #topics = new Map<string, KafkaTopic>();
  readonly #held = new Set<Promise<unknown>>();
  #lanes = 0;

  constructor(client: KafkaClient, options: KafkaOptions, store: DataStore | undefined) {
    this.#options = options;
    const cluster = (this.#cluster = new KafkaCluster(client, options.retryTimeout));
    const fetcher = new Fetcher(cluster, { maxWait: options.fetchWait, lanes: options.fetchConnections });
    const { deliveryTimeout, requestTimeout, prefix, groupPrefix, replicas } = options;
    const sink = { compressor: compressorOf(options.compression), deliveryTimeout, requestTimeout };
    this.#registry = new Registry(cluster, fetcher, prefix + registryName, replicas, sink);
    this.#info = new OctopusInfo(cluster, fetcher, replicas, sink);
    this.#host = {
      cluster,
      fetcher,
      registry: this.#registry,
      marks: new ProducerMarks(cluster, fetcher, prefix + marksName, replicas, sink),
      options,
      sink,
      store,
      groupOf: (consumer) => groupPrefix + consumer,
      newLane: () => String(this.#lanes++),
      hold: (work) => {
        const held = work.catch(() => undefined).finally(() => this.#held.delete(held));
        this.#held.add(held);
      },
    };
  }

  createTopic(name: string, config: TopicConfig): Observable<BackendTopic> {
    return this.#call(`create topic "${name}"`, async () => {
      const kafkaName = this.#options.prefix + name;
      const layout = this.#options.layouts?.[name] ?? this.#options.layout ?? "sluice";
      const { client } = this.#cluster;
      const create = (to: { node: number }) =>
        client.createTopic(
          to,
          kafkaName,
          config.partitions,
          this.#options.replicas,
          settingsOf(config, "events", this.#options),
        );
      await this.#cluster.onController(`create topic "${name}"`, create).catch((error: unknown) => {
        if (!isKafkaError(error, protocolError.topicExists)) throw error;
        throw new SluiceError("ERR_TOPIC_EXISTS", `Topic "${name}" exists already`, {
          cause: error,
          details: { topic: name },
        });
      });
      const state = await this.#cluster.retrying(`see topic "${name}"`, async () => {
        const found = await this.#cluster.topic(kafkaName);
        const isReady =
          found?.partitions.length === config.partitions && found.partitions.every(({ leader }) => leader >= 0);
        if (!isReady) throw this.#cluster.notYet(`Topic "${name}" is not ready`);
        return found;
      });
      const { components, retention } = config;
      const entry = {
        topicId: state.id,
        config: { components, ...(retention && { retention }) },
        layout,
        sealed: "no",
      } as const;
      if (layout === "octopus") await this.#info.write(infoTopicOf(this.#options.prefix, name), components);
      await this.#registry.put(kafkaName, entry);
      return this.#open(name, refOf(state), config, layout, newTopicBatchBytes);
    });
  }

  openTopic(name: string): Observable<BackendTopic> {
    return this.#call(`open topic "${name}"`, async () => {
      const state = await this.#cluster.topic(this.#options.prefix + name);
      if (state === undefined) throw topicNotFound(name);
      const ref = refOf(state);
      const [entry, maxBatchBytes] = await Promise.all([this.#registry.get(ref), this.#maxBatchBytes(ref)]);
      const layout = this.#options.layouts?.[name] ?? entry?.layout ?? this.#options.layout ?? "sluice";
      const stored =
        entry?.config ??
        (layout === "octopus" ? await this.#info.read(infoTopicOf(this.#options.prefix, name)) : foreignConfig);
      return this.#open(name, ref, { ...stored, partitions: state.partitions.length }, layout, maxBatchBytes);
    });
  }

  listTopics(): Observable<readonly string[]> {
    return this.#call("list the topics", async () => {
      const { prefix } = this.#options;
      const topics = (await this.#cluster.topics()).filter(
        ({ name, isInternal }) => name.startsWith(prefix) && !isInternal,
      );
      return topics
        .map(({ name }) => name)
        .map((name) => name.slice(prefix.length))
        .filter((name) => name !== registryName && name !== marksName && !isCompanion(name) && !isInfoTopic(name));
    });
  }

  deleteTopic(name: string): Observable<void> {
    return this.#call(`delete topic "${name}"`, async () => {
      const kafkaName = this.#options.prefix + name;
      const state = await this.#cluster.topic(kafkaName);
      if (state === undefined) throw topicNotFound(name);
      const entry = await this.#registry.get(refOf(state));
      await this.#delete(kafkaName);
      for (const companion of [companionOf(kafkaName), infoTopicOf(this.#options.prefix, name)]) {
        if ((await this.#cluster.topic(companion)) !== undefined) await this.#delete(companion);
      }
      for (const topic of this.#topics.values()) if (topic.name === name) this.#remove(topic, topicNotFound(name));
      if (entry !== undefined) await this.#registry.put(kafkaName, undefined);
      await new Claims(kafkaName, this.#host.store, this.#options.deliveryTimeout).removeAll();
    });
  }

  close(): Observable<void> {
    return this.#call("close", async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, farewell)));
      const settled = [...this.#topics.values()].map((topic) => topic.settle());
      await Promise.race([Promise.allSettled([...this.#held, ...settled]), late]);
      clearTimeout(timer);
      for (const topic of this.#topics.values())
        this.#remove(topic, new SluiceError("ERR_CLOSED", "The connection to Kafka is closed"));
      await this.#cluster.close();
      await this.#host.store?.close?.();
    });
  }

  #open(name: string, ref: TopicRef, config: TopicConfig, layout: LayoutName, maxBatchBytes: number): KafkaTopic {
    const options = {
      name: ref.name,
      serializer: config.components.serializer,
      sender: this.#options.sender,
      tests: this.#options.tests,
    };
    const existing = this.#topics.get(ref.id);
    if (existing !== undefined && !existing.ref.gone.signal.aborted) {
      existing.grow(config.partitions);
      return existing;
    }
    for (const topic of this.#topics.values()) if (topic.name === name) this.#remove(topic, topicNotFound(name));
    const topic = new KafkaTopic({ name, ref, config, layout: layoutOf(layout, options), maxBatchBytes }, this.#host);
    this.#topics.set(ref.id, topic);
    return topic;
  }

  #remove(topic: KafkaTopic, error: SluiceError): void {
    this.#topics.delete(topic.ref.id);
    topic.remove(error);
  }

  /** Deletes a topic of the cluster and waits until it is no longer to be seen. */
  async #delete(name: string): Promise<void> {
    const { client } = this.#cluster;
    await this.#cluster.onController(`delete topic "${name}"`, (to) => client.deleteTopic(to, name));
    await this.#cluster.retrying(`see that topic "${name}" is gone`, async () => {
      if ((await this.#cluster.topic(name)) !== undefined) throw this.#cluster.notYet(`Topic "${name}" is still there`);
    });
  }

  /** Bytes of a batch that a topic takes. Whoever may not look at its settings gets what is usual. */
  async #maxBatchBytes({ name }: TopicRef): Promise<number> {
    const setting = "max.message.bytes";
    const look = this.#cluster.onAny(`look at topic "${name}"`, (to) =>
      this.#cluster.client.topicSettings(to, name, [setting]),
    );
    const bytes = Number((await look.catch((): Record<string, string> => ({})))[setting]);
    return bytes > 0 ? bytes : usualBatchBytes;
  }

  #call<T>(what: string, work: () => Promise<T>): Observable<T> {
    return new Observable((subscriber) => {
      work().then(
        (answer) => {
          subscriber.next(answer);
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(asUserError(what, error)),
      );
    });
  }
}

/** A topic that somebody else made has no components of Sluice: its metadata is JSON. */
const foreignConfig: Pick<TopicConfig, "components"> = {
  components: {
    validator: { type: "accept-all" },
    partitionSelector: { type: "round-robin" },
    serializer: { type: "json" },
  },
};

function refOf({ name, id }: TopicState): TopicRef {
  return { name, id, gone: new AbortController() };
}
