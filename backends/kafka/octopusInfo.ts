// Topics of Octopus have a second topic beside them, __info_<name>, with three records: validator, partition selector and
// serializer, each as JSON. {"type": "default"} is what Octopus does when it is told nothing.

import type { ComponentSpec, ComponentSpecs } from "../../src/model/component.ts";
import { isKafkaError, KafkaError, protocolError } from "./client/kafkaError.ts";
import type { KafkaCluster, TopicRef } from "./cluster.ts";
import type { Fetcher } from "./fetcher.ts";
import { isRecord, jsonOf, utf8 } from "./layouts/layout.ts";
import { findBatches, readRecords } from "./records/decodeBatches.ts";
import { BatchEncoder } from "./records/encodeBatch.ts";
import { RecordParts, RecordView } from "./records/recordParts.ts";
import { RecordSink, type SinkOptions } from "./recordSink.ts";

const infoPrefix = "__info_";

/** The name of the topic that says what the components of a topic are. The namespace stays in front. */
export function infoTopicOf(prefix: string, topic: string): string {
  return `${prefix}${infoPrefix}${topic}`;
}

/** Whether a topic, named without its namespace, says what the components of another one are. */
export function isInfoTopic(name: string): boolean {
  return name.startsWith(infoPrefix);
}

const roles = ["validator", "partitionSelector", "serializer"] as const;
const defaults: ComponentSpecs = {
  validator: { type: "accept-all" },
  partitionSelector: { type: "round-robin" },
  serializer: { type: "json" },
};

/** A component as Octopus names it. */
export function toOctopus(role: (typeof roles)[number], spec: ComponentSpec): ComponentSpec {
  if (spec.type === defaults[role].type || spec.type === "function") return { type: "default" };
  return spec.type === "json-schema" ? { ...spec, type: "schema" } : spec;
}

/** A component of Octopus as this library names it. */
export function fromOctopus(role: (typeof roles)[number], said: unknown): ComponentSpec {
  if (!isRecord(said) || typeof said["type"] !== "string" || said["type"] === "default") return defaults[role];
  return said["type"] === "schema" ? { ...said, type: "json-schema" } : ({ ...said } as ComponentSpec);
}

/** Writes and reads the components of topics in the layout of Octopus. */
export class OctopusInfo {
  readonly #cluster: KafkaCluster;
  readonly #fetcher: Fetcher;
  readonly #replicas: number;
  readonly #sinkOptions: SinkOptions;

  constructor(cluster: KafkaCluster, fetcher: Fetcher, replicas: number, sinkOptions: SinkOptions) {
    this.#cluster = cluster;
    this.#fetcher = fetcher;
    this.#replicas = replicas;
    this.#sinkOptions = sinkOptions;
  }

  async write(infoTopic: string, components: ComponentSpecs): Promise<void> {
    const { client } = this.#cluster;
    const settings = { "retention.ms": "-1", "retention.bytes": "-1" };
    await this.#cluster
      .onController("write the components", (to) => client.createTopic(to, infoTopic, 1, this.#replicas, settings))
      .catch((error: unknown) => {
        if (!isKafkaError(error, protocolError.topicExists)) throw error;
      });
    const topic = await this.#cluster.retrying("find the topic of the components", async () => {
      const found = await this.#find(infoTopic);
      if (found === undefined) throw this.#cluster.notYet(`Topic "${infoTopic}" is not there yet`);
      return found;
    });
    const encoder = new BatchEncoder(1024);
    for (const role of roles) {
      const parts = new RecordParts();
      parts.value.add(utf8(JSON.stringify(toOctopus(role, components[role]))));
      encoder.add(Date.now(), parts);
    }
    await new RecordSink(this.#cluster, topic, 0, this.#sinkOptions).send(encoder);
  }

  /** The components of a topic; the defaults where it says nothing of them. */
  async read(infoTopic: string): Promise<{ readonly components: ComponentSpecs }> {
    const topic = await this.#find(infoTopic);
    if (topic === undefined) return { components: defaults };
    const { client, closed } = this.#cluster;
    const said: unknown[] = [];
    const [start, end] = await Promise.all(
      [-2, -1].map((time) => this.#cluster.onLeader(topic, 0, (to) => client.offsetAt(to, infoTopic, 0, time))),
    );
    for (let offset = start!; offset < end! && said.length < roles.length;) {
      const wish = { topicId: topic.id, partition: 0, offset, maxBytes: 1 << 20 };
      const { records } = await this.#cluster.onLeader(topic, 0, async ({ node }) => {
        const fetched = await this.#fetcher.fetch(node, wish, closed);
        if (fetched.error !== 0) throw new KafkaError("The broker refused to fetch the components", fetched.error);
        return fetched;
      });
      for (const batch of findBatches(records, (bytes) => client.crc32c(bytes))) {
        const plain =
          batch.compression === 0 ? batch.records : await client.decompress(batch.compression, batch.records);
        if (!batch.isControl) readRecords(batch, plain, new RecordView(), ({ value }) => void said.push(jsonOf(value)));
        offset = batch.next;
      }
    }
    const [validator, partitionSelector, serializer] = roles.map((role, i) => fromOctopus(role, said[i]));
    return { components: { validator: validator!, partitionSelector: partitionSelector!, serializer: serializer! } };
  }

  async #find(name: string): Promise<TopicRef | undefined> {
    const found = await this.#cluster.topic(name);
    return found === undefined ? undefined : { name, id: found.id, gone: new AbortController() };
  }
}
