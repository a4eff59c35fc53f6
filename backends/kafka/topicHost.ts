import type { TopicConfig } from "../../src/model/backend.ts";
import type { KafkaCluster, TopicRef } from "./cluster.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Layout } from "./layouts/layout.ts";
import type { KafkaOptions } from "./options.ts";
import type { ProducerMarks } from "./producerMarks.ts";
import type { SinkOptions } from "./recordSink.ts";
import type { Registry } from "./registry.ts";
import type { DataStore } from "./store/dataStore.ts";

/** What a topic needs of its connection. */
export interface TopicHost {
  readonly cluster: KafkaCluster;
  readonly fetcher: Fetcher;
  readonly registry: Registry;
  readonly marks: ProducerMarks;
  /** Where large data goes; undefined where all of it stays in Kafka. */
  readonly store: DataStore | undefined;
  readonly options: KafkaOptions;
  readonly sink: SinkOptions;
  /** The group of a consumer. */
  readonly groupOf: (consumer: string) => string;
  /** A name that no other connection of this process has. */
  readonly newLane: () => string;
  /** Keeps the connection open until something is done. */
  readonly hold: (work: Promise<unknown>) => void;
}

/** What is known of a topic when it is opened. */
export interface OpenedTopic {
  /** Its name, without the namespace. */
  readonly name: string;
  readonly ref: TopicRef;
  readonly config: TopicConfig;
  readonly layout: Layout;
  /** Bytes of a batch that it takes. */
  readonly maxBatchBytes: number;
}
