import { isKafkaError, KafkaError, protocolError } from "./client/kafkaError.ts";
import type { TopicSettings } from "./client/client.ts";
import { asUserError, type KafkaCluster, type TopicRef } from "./cluster.ts";
import type { Fetcher } from "./fetcher.ts";
import { jsonOf, textOf, utf8 } from "./layouts/layout.ts";
import { findBatches, readRecords } from "./records/decodeBatches.ts";
import { BatchEncoder } from "./records/encodeBatch.ts";
import { RecordParts, RecordView } from "./records/recordParts.ts";
import { RecordSink, type SinkOptions } from "./recordSink.ts";

/** What a compacted topic is for, and what it is made with. */
export interface CompactedTopicOptions<T> {
  /** Its name in the cluster. */
  readonly name: string;
  /** Copies of its partition. */
  readonly replicas: number;
  readonly sink: SinkOptions;
  /** Settings beside those that have it compacted. */
  readonly settings?: TopicSettings | undefined;
  /** Reads a value; undefined when it is none of ours. */
  readonly parse: (value: unknown) => T | undefined;
}

/** Values by key, as JSON, in a compacted topic of one partition. It is made when the first value is stored. */
export class CompactedTopic<T> {
  readonly #cluster: KafkaCluster;
  readonly #fetcher: Fetcher;
  readonly #options: CompactedTopicOptions<T>;
  readonly #values = new Map<string, T>();
  #topic: TopicRef | undefined;
  #sink: RecordSink | undefined;
  #position = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(cluster: KafkaCluster, fetcher: Fetcher, options: CompactedTopicOptions<T>) {
    this.#cluster = cluster;
    this.#fetcher = fetcher;
    this.#options = options;
  }

  /** The value of a key, as far as this connection has read. */
  peek(key: string): T | undefined {
    return this.#values.get(key);
  }

  /** Stores the value of a key; undefined takes it away. */
  async put(key: string, value: T | undefined): Promise<void> {
    const topic = await this.#open("make");
    this.#sink ??= new RecordSink(this.#cluster, topic!, 0, this.#options.sink);
    const parts = new RecordParts();
    parts.key = utf8(key);
    // The value of a key that is no more is empty rather than null: it is read as nothing, and replaced by compaction.
    if (value !== undefined) parts.value.add(utf8(JSON.stringify(value)));
    const encoder = new BatchEncoder(1024);
    encoder.add(Date.now(), parts);
    await this.#sink.send(encoder);
  }

  /** Reads what has come since the last time. Calls that come while one is under way share the next one. */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      return (this.#running = this.#read().finally(() => (this.#running = undefined)));
    }
    return (this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.refresh();
      }));
  }

  async #read(): Promise<void> {
    const topic = await this.#open("find");
    if (topic === undefined) return;
    const { client, closed } = this.#cluster;
    const end = await this.#cluster.onLeader(topic, 0, (to) => client.offsetAt(to, topic.name, 0, -1));
    while (this.#position < end) {
      await this.#cluster.onLeader(topic, 0, async ({ node }) => {
        const wish = { topicId: topic.id, partition: 0, offset: this.#position, maxBytes: 4 << 20 };
        const { error, records, start } = await this.#fetcher.fetch(node, wish, closed);
        if (error === protocolError.offsetOutOfRange) this.#position = start;
        else if (error !== 0) throw new KafkaError(`The broker refused with error ${error}`, error);
        await this.#take(records);
      });
    }
  }

  async #take(records: Uint8Array): Promise<void> {
    const { client } = this.#cluster;
    for (const batch of findBatches(records, (bytes) => client.crc32c(bytes))) {
      if (batch.next <= this.#position) continue;
      const plain = batch.compression === 0 ? batch.records : await client.decompress(batch.compression, batch.records);
      if (!batch.isControl) {
        readRecords(batch, plain, new RecordView(), ({ key, value }) => {
          if (key === undefined) return;
          const read = this.#options.parse(jsonOf(value));
          if (read === undefined) this.#values.delete(textOf(key));
          else this.#values.set(textOf(key), read);
        });
      }
      this.#position = batch.next;
    }
  }

  async #open(how: "make" | "find"): Promise<TopicRef | undefined> {
    if (this.#topic !== undefined) return this.#topic;
    const { name, replicas, settings } = this.#options;
    const found = await this.#cluster.topic(name).catch((error: unknown) => {
      if (isKafkaError(error, protocolError.topicAuthorizationFailed)) return undefined; // Not ours to see: nothing is known.
      throw asUserError(`look at topic "${name}"`, error);
    });
    if (found !== undefined) return (this.#topic = { name: found.name, id: found.id, gone: new AbortController() });
    if (how === "find") return undefined;
    const all = { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", ...settings };
    await this.#cluster
      .onController(`create topic "${name}"`, (to) => this.#cluster.client.createTopic(to, name, 1, replicas, all))
      .catch((error: unknown) => {
        if (!isKafkaError(error, protocolError.topicExists)) throw asUserError(`create topic "${name}"`, error);
      });
    return this.#cluster.retrying(`find topic "${name}"`, async () => {
      const topic = await this.#open("find");
      if (topic === undefined) throw this.#cluster.notYet(`Topic "${name}" is not there yet`);
      return topic;
    });
  }
}
