import { asyncScheduler, defer, EMPTY, of, type Observable } from "rxjs";
import type { Backend, BackendTopic, Capabilities, TopicConfig } from "../../src/model/backend.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { MemoryTopic } from "./topic.ts";

/** What the memory backend can do: everything but outlive its process. */
export const memoryCapabilities: Capabilities = {
  durability: "memory",
  persistent: false,
  contiguousIds: true,
  idempotent: true,
  groups: true,
  seal: true,
  addPartitions: true,
  findByTime: true,
  partialData: true,
  compaction: true,
  nextSequence: true,
  exactlyOnce: true,
};

/** The stores of this process that have a name, as in `memory:name`. */
const stores = new Map<string, Map<string, MemoryTopic>>();

/**
 * The memory backend: topics held by this process. It is the shortest code that keeps every promise of Sluice, and runs
 * in a browser too. Everything is gone when the process ends.
 *
 * @param name - A store that all drivers of this process with this name share; a store of its own when it is empty.
 * @returns The backend. Its calls fail with `ERR_TOPIC_EXISTS` and `ERR_TOPIC_NOT_FOUND`.
 *
 * @example
 * ```ts
 * import { memoryBackend } from "sluice/backends/memory";
 *
 * const backend = memoryBackend();
 * console.log(backend.capabilities.durability); // memory
 * ```
 */
export function memoryBackend(name = ""): Backend {
  const topics = name === "" ? new Map<string, MemoryTopic>() : storeOf(name);
  return {
    capabilities: memoryCapabilities,
    createTopic: (topic, config) => defer(() => of(create(topics, topic, config))),
    openTopic: (topic) => defer((): Observable<BackendTopic> => of(find(topics, topic))),
    listTopics: () => defer(() => of([...topics.keys()])),
    deleteTopic: (topic) =>
      defer(() => {
        find(topics, topic).remove(notFound(topic));
        topics.delete(topic);
        return of(undefined);
      }),
    close: () => EMPTY,
  };
}

function storeOf(name: string): Map<string, MemoryTopic> {
  const store = stores.get(name) ?? new Map<string, MemoryTopic>();
  stores.set(name, store);
  return store;
}

function create(topics: Map<string, MemoryTopic>, name: string, config: TopicConfig): MemoryTopic {
  if (topics.has(name))
    throw new SluiceError("ERR_TOPIC_EXISTS", `Topic "${name}" exists already`, { details: { topic: name } });
  const topic = new MemoryTopic(name, config, topics, () => asyncScheduler.now());
  topics.set(name, topic);
  return topic;
}

function find(topics: Map<string, MemoryTopic>, name: string): MemoryTopic {
  const topic = topics.get(name);
  if (topic === undefined) throw notFound(name);
  return topic;
}

function notFound(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}"`, { details: { topic: name } });
}
