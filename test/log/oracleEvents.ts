import type { TopicConfig } from "../../src/model/backend.ts";
import type { EventBatch, ProducerSequence } from "../../src/model/batch.ts";
import { batchOf, someBytes, type TestEvent } from "./support.ts";

/** How many keys the events of a compacted topic have, in turns. */
export const keyCount = 7;

/** How the topics store what they are given. */
export const components = {
  validator: { type: "accept-all" },
  partitionSelector: { type: "round-robin" },
  serializer: { type: "json" },
};

/** Topics to write: one with two partitions, and one that drops what was acknowledged. */
export const shapes: Readonly<Record<string, TopicConfig>> = {
  a: { partitions: 2, components },
  b: { partitions: 1, components, retention: { acknowledgedBy: ["app"] } },
};

/** The same, and one that is compacted. */
export const allShapes: typeof shapes = { ...shapes, c: { partitions: 1, components, compaction: { key: "key" } } };

/** The text of an event: where it is, and which process wrote it. */
export function textOf(topic: string, partition: number, id: number, cycle: number): string {
  return `${topic}/${partition}/${id}/${cycle}`;
}

const large = someBytes(40_000);

/** The data of an event, which follows from its id. */
export function dataOf(id: number): Uint8Array | undefined {
  if (id % 11 !== 0) return undefined;
  return large.subarray(id % 256, (id % 256) + (id % 77 === 0 ? 30_000 : id % 500));
}

/** An event, with data or without. */
export function eventOf(topic: string, partition: number, id: number, cycle: number): TestEvent {
  const data = dataOf(id);
  return { text: textOf(topic, partition, id, cycle), ...(data && { data }) };
}

/** A batch of so many events from an id on, with their keys where the topic is compacted. */
export function eventsOf(
  { topic, partition, first, count, cycle }: Run,
  config: TopicConfig,
  producer?: ProducerSequence,
): EventBatch {
  const ids = Array.from({ length: count }, (_, i) => first + i);
  const batch = batchOf(
    ids.map((id) => eventOf(topic, partition, id, cycle)),
    producer,
  );
  if (config.compaction === undefined) return batch;
  return { ...batch, keys: { keys: ids.map((id) => `key ${id % keyCount}`), tombstones: new Uint8Array(count) } };
}

/** Some events that one process writes, one after the other. */
interface Run {
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly count: number;
  readonly cycle: number;
}
