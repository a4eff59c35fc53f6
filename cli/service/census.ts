import type { EventBatch } from "sluice";

/** What has been stored, since the service started. */
export interface Stored {
  /** Batches. */
  batches: number;
  /** Events in them. */
  events: number;
  /** Bytes of metadata and data. */
  bytes: number;
  /** Milliseconds that the backend took for them, in all. */
  storing: number;
}

/** A topic that is counted. */
export interface CountedTopic {
  /** Its name. */
  readonly topic: string;
  /** What tells it apart from others that had or will have the name, where its backend knows. */
  readonly id?: string | undefined;
}

/** One topic. */
export interface TopicCount extends CountedTopic, Stored {
  /** How many of its events were read. */
  read: number;
}

/** One producer of a topic. */
export interface ProducerCount extends CountedTopic, Stored {
  /** Its identity: its name where it has one, and what tells it apart from others. */
  readonly producer: string;
  /** When its last batch was stored, in milliseconds since 1970. */
  last: number;
}

/** One consumer of a topic. */
export interface ConsumerCount extends CountedTopic {
  /** Its name. */
  readonly consumer: string;
  /** How many share the name now. */
  members: number;
  /** When a member came or went last, in milliseconds since 1970. */
  last: number;
}

/** Producers and consumers that are remembered of those that are gone. */
const maxRemembered = 1000;
/** Topics that are remembered: one may be deleted by way of another rank, which this one does not learn. */
const maxTopics = 100_000;

/** Counts what goes through a service: for each topic, producer and consumer. */
export class Census {
  readonly #topics = new Map<string, TopicCount>();
  readonly #producers = new Map<string, ProducerCount>();
  readonly #consumers = new Map<string, ConsumerCount>();
  readonly #now: () => number;

  /** @param now - The present, in milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A batch was stored. */
  stored(topic: CountedTopic, batch: EventBatch, ms: number): void {
    add(this.#topic(topic), batch, ms);
    if (batch.producer === undefined) return;
    const key = keyOf(topic, batch.producer.id);
    const known = this.#producers.get(key);
    const producer = known ?? {
      ...topic,
      producer: batch.producer.id,
      last: 0,
      batches: 0,
      events: 0,
      bytes: 0,
      storing: 0,
    };
    add(producer, batch, ms);
    producer.last = this.#now();
    if (known === undefined) remember(this.#producers, key, producer, maxRemembered, () => true);
  }

  /** Events were read. */
  read(topic: CountedTopic, events: number): void {
    this.#topic(topic).read += events;
  }

  /**
   * A consumer has joined its group.
   *
   * @returns To be called when it has left.
   */
  joined(topic: CountedTopic, consumer: string): () => void {
    const key = keyOf(topic, consumer);
    const known = this.#consumers.get(key);
    const count = known ?? { ...topic, consumer, members: 0, last: 0 };
    count.members++;
    count.last = this.#now();
    if (known === undefined) remember(this.#consumers, key, count, maxRemembered, ({ members }) => members === 0);
    return () => {
      count.members--;
      count.last = this.#now();
    };
  }

  /** A topic was deleted. */
  forget(topic: string): void {
    for (const counts of [this.#topics, this.#producers, this.#consumers]) {
      for (const [key, each] of counts) if (each.topic === topic) counts.delete(key);
    }
  }

  /** What was stored in each topic, and how many of its events were read. */
  get topics(): readonly TopicCount[] {
    return [...this.#topics.values()];
  }

  /** The producers that have been seen. */
  get producers(): readonly ProducerCount[] {
    return [...this.#producers.values()];
  }

  /** The consumers that have been seen. */
  get consumers(): readonly ConsumerCount[] {
    return [...this.#consumers.values()];
  }

  #topic(topic: CountedTopic): TopicCount {
    const key = keyOf(topic);
    const known = this.#topics.get(key);
    const count = known ?? noneOf(topic);
    if (known === undefined) remember(this.#topics, key, count, maxTopics, () => true);
    return count;
  }
}

/** What is counted of a topic that nothing was stored in. */
export function noneOf(topic: CountedTopic): TopicCount {
  return { ...topic, batches: 0, events: 0, bytes: 0, storing: 0, read: 0 };
}

function add(stored: Stored, { count, metadata, data }: EventBatch, ms: number): void {
  stored.batches++;
  stored.events += count;
  stored.bytes += data.reduce((sum, segment) => sum + segment.length, metadata.length);
  stored.storing += ms;
}

/** The same for what is counted of a topic, or of a producer or consumer of it, by every rank. */
export function keyOf({ topic, id = "" }: CountedTopic, name = ""): string {
  return `${topic} ${id} ${name}`;
}

/** Names come from clients, so there is a bound: the oldest that may go does. */
function remember<T>(counts: Map<string, T>, key: string, count: T, most: number, mayGo: (count: T) => boolean): void {
  counts.set(key, count);
  if (counts.size <= most) return;
  for (const [other, each] of counts) {
    if (other === key || !mayGo(each)) continue;
    counts.delete(other);
    return;
  }
}
