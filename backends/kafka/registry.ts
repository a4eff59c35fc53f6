import type { TopicConfig } from "../../src/model/backend.ts";
import type { KafkaCluster, TopicRef } from "./cluster.ts";
import { CompactedTopic } from "./compactedTopic.ts";
import type { Fetcher } from "./fetcher.ts";
import { isRecord, layoutNames, type LayoutName } from "./layouts/layout.ts";
import type { SinkOptions } from "./recordSink.ts";

/** What the cluster does not know of a topic and Sluice does. */
export interface TopicEntry {
  /** The form of the entry. */
  readonly version?: 1;
  /** The id of the topic, so that an entry does not outlive it under its name. */
  readonly topicId: string;
  readonly config: Omit<TopicConfig, "partitions">;
  readonly layout: LayoutName;
  readonly sealed: "no" | "yes";
}

/** The name of the registry, without the namespace. */
export const registryName = "__sluice_topics";

/**
 * Keeps the components of topics, their layout and whether they are sealed, in a compacted topic: the key is the name of the
 * topic, the value its entry.
 */
export class Registry {
  readonly #entries: CompactedTopic<TopicEntry>;

  constructor(cluster: KafkaCluster, fetcher: Fetcher, name: string, replicas: number, sink: SinkOptions) {
    this.#entries = new CompactedTopic(cluster, fetcher, { name, replicas, sink, parse: entryOf });
  }

  /** The entry of a topic, as far as this connection has read. */
  peek(topic: TopicRef): TopicEntry | undefined {
    const entry = this.#entries.peek(topic.name);
    return entry?.topicId === topic.id ? entry : undefined;
  }

  /** The entry of a topic as it is now. */
  async get(topic: TopicRef): Promise<TopicEntry | undefined> {
    await this.#entries.refresh();
    return this.peek(topic);
  }

  /** Stores the entry of a topic; none takes it away. */
  async put(name: string, entry: TopicEntry | undefined): Promise<void> {
    await this.#entries.put(name, entry && { version: 1, ...entry });
    await this.#entries.refresh();
  }
}

function entryOf(value: unknown): TopicEntry | undefined {
  if (!isRecord(value) || value["version"] !== 1 || typeof value["topicId"] !== "string") return undefined;
  const { topicId, config, layout, sealed } = value;
  if (!isRecord(config) || !isRecord(config["components"])) return undefined;
  return {
    topicId,
    config: config as unknown as TopicEntry["config"],
    layout: layoutNames.find((name) => name === layout) ?? "sluice",
    sealed: sealed === "yes" ? "yes" : "no",
  };
}
