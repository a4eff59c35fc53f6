import { defer, finalize, from, map, tap, type Observable } from "rxjs";
import type {
  Appended,
  Backend,
  BackendPartition,
  BackendTopic,
  EventBatch,
  JoinOptions,
  Lease,
  ReadLimits,
  StoredBatch,
  TopicConfig,
  TransactionAppend,
} from "sluice";
import type { Census, CountedTopic } from "./census.ts";

/**
 * A backend that works as another one does, and counts what goes through it: for each topic, producer and consumer.
 *
 * @param backend - The backend.
 * @param census - Where it is counted.
 */
export function monitorBackend(backend: Backend, census: Census): Backend {
  /** A topic is told apart from a later one of its name by its object, so each has one wrapper. */
  const known = new WeakMap<BackendTopic, MonitoredTopic>();
  const monitored = (topic: BackendTopic): BackendTopic => {
    const wrapper = known.get(topic) ?? new MonitoredTopic(topic, census);
    known.set(topic, wrapper);
    return wrapper;
  };
  return {
    capabilities: backend.capabilities,
    createTopic: (name, config) => from(backend.createTopic(name, config)).pipe(map(monitored)),
    openTopic: (name) => from(backend.openTopic(name)).pipe(map(monitored)),
    listTopics: () => backend.listTopics(),
    deleteTopic: (name) => from(backend.deleteTopic(name)).pipe(tap({ complete: () => census.forget(name) })),
    close: () => backend.close(),
  };
}

class MonitoredTopic implements BackendTopic {
  readonly name: string;
  /** How it is counted. */
  readonly counted: CountedTopic;
  readonly #topic: BackendTopic;
  readonly #census: Census;
  readonly #partitions: BackendPartition[] = [];

  constructor(topic: BackendTopic, census: Census) {
    this.name = topic.name;
    this.counted = { topic: topic.name, id: topic.config.id };
    this.#topic = topic;
    this.#census = census;
  }

  get config(): TopicConfig {
    return this.#topic.config;
  }

  get partitions(): readonly BackendPartition[] {
    const { partitions } = this.#topic;
    for (let i = this.#partitions.length; i < partitions.length; i++) {
      this.#partitions.push(monitorPartition(this.counted, partitions[i]!, this.#census));
    }
    return this.#partitions;
  }

  get ranks() {
    return this.#topic.ranks;
  }

  get grown() {
    return this.#topic.grown;
  }

  addPartitions(count: number, rank?: number) {
    return this.#topic.addPartitions(count, rank);
  }

  seal() {
    return this.#topic.seal();
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return defer(() => {
      const left = this.#census.joined(this.counted, consumer);
      return from(this.#topic.join(consumer, options)).pipe(
        map((leases) => leases.map((lease) => monitorLease(lease, this.#census))),
        finalize(left),
      );
    });
  }

  /** The topic itself, as its backend knows it. */
  get original(): BackendTopic {
    return this.#topic;
  }

  cursors(consumer: string) {
    return this.#topic.cursors(consumer);
  }
}

/** What a transaction stores is counted as any other batch, and goes to the topics that the backend knows. */
function monitorLease(lease: Lease, census: Census): Lease {
  const { transact } = lease;
  if (transact === undefined) return lease;
  const monitored = (position: number, appends: readonly TransactionAppend[]) =>
    defer(() => {
      const began = performance.now();
      const originals = appends.map((append) => ({ ...append, topic: originalOf(append.topic) }));
      const count = () => {
        for (const { topic, batch } of appends) census.stored(countedOf(topic), batch, performance.now() - began);
      };
      return from(transact.call(lease, position, originals)).pipe(tap(count));
    });
  return {
    partition: lease.partition,
    epoch: lease.epoch,
    position: lease.position,
    revoked: lease.revoked,
    acknowledge: (position) => lease.acknowledge(position),
    ...(lease.confirm !== undefined && { confirm: () => lease.confirm!() }),
    transact: monitored,
    release: () => lease.release(),
  };
}

function originalOf(topic: BackendTopic): BackendTopic {
  return topic instanceof MonitoredTopic ? topic.original : topic;
}

function countedOf(topic: BackendTopic): CountedTopic {
  return topic instanceof MonitoredTopic ? topic.counted : { topic: topic.name, id: topic.config.id };
}

function monitorPartition(topic: CountedTopic, partition: BackendPartition, census: Census): BackendPartition {
  const { nextSequence } = partition;
  return {
    index: partition.index,
    append: (batch: EventBatch): Observable<Appended> =>
      defer(() => {
        const began = performance.now();
        return from(partition.append(batch)).pipe(tap(() => census.stored(topic, batch, performance.now() - began)));
      }),
    read: (position: number, limits: ReadLimits): Observable<StoredBatch> =>
      from(partition.read(position, limits)).pipe(tap(({ count }) => census.read(topic, count))),
    fetch: (reads) => partition.fetch(reads),
    bounds: () => partition.bounds(),
    find: (time) => partition.find(time),
    ...(nextSequence !== undefined && { nextSequence: (producer: string) => nextSequence.call(partition, producer) }),
  };
}
