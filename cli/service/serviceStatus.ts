import { firstValueFrom, forkJoin, from, timeout, type ObservableInput } from "rxjs";
import { isSluiceError, type Backend, type BackendTopic, type Capabilities, type PartitionBounds } from "sluice";
import type { Service, ServiceStatistics } from "sluice/backends/service/server";
import { version } from "../version.ts";
import { keyOf, noneOf, type ConsumerCount, type CountedTopic, type ProducerCount, type TopicCount } from "./census.ts";
import type { TopicRule } from "./composeBackends.ts";
import { sumCounts, type ProcessUse, type RankCounts } from "./counts.ts";
import type { BackendConfig } from "./serviceConfig.ts";

/** One topic of a service. */
export interface ServiceTopic extends TopicCount {
  /** The backend that it is in. */
  readonly backend: string | undefined;
  /** How far its partitions reach. */
  readonly partitions: readonly PartitionBounds[];
}

/** One consumer of a service, with how far it is behind. */
export interface ServiceConsumer extends ConsumerCount {
  /** Events that it has not acknowledged. */
  readonly lag: number;
  /** What it has acknowledged in each partition: the id of the next event, or null. */
  readonly positions: readonly (number | null)[];
}

/** One process of a service. */
export interface RankStatus extends ProcessUse {
  /** What it has counted itself; not told to users who do not see all topics. */
  readonly statistics?: ServiceStatistics;
}

/** What a service says of itself. */
export interface ServiceStatus {
  /** The version of the package. */
  readonly version: string;
  /** The process that says so. */
  readonly process: ProcessUse;
  /** All processes that have told what they counted, in the order of their ranks. One that is down just now is not among them. */
  readonly ranks: readonly RankStatus[];
  /** Where clients reach the process that says so. */
  readonly addresses: readonly string[];
  /** What its backend can do. */
  readonly capabilities: Capabilities;
  /** What all of them have counted. */
  readonly statistics: ServiceStatistics;
  /** The kinds of its backends, by their names. */
  readonly backends: Readonly<Record<string, string>>;
  /** Which of them new topics go to; the first one where no rule says otherwise. */
  readonly rules: readonly TopicRule[];
  /** Its topics. */
  readonly topics: readonly ServiceTopic[];
  /** Producers that it has seen. */
  readonly producers: readonly ProducerCount[];
  /** Consumers that it has seen. */
  readonly consumers: readonly ServiceConsumer[];
}

/** What a status is made of. */
export interface ServiceStatusOptions {
  readonly backend: Backend;
  /** What each rank of the service has counted, this one first. */
  readonly counts: () => Promise<readonly [RankCounts, ...RankCounts[]]>;
  /** The backend that a topic is in. */
  readonly placeOf: (topic: string) => string | undefined;
  readonly parts: Readonly<Record<string, BackendConfig>>;
  readonly rules?: readonly TopicRule[] | undefined;
  /** The service, once it runs. */
  readonly service: () => Service | undefined;
}

/** Makes the function that takes stock of a service. */
export function serviceStatus(options: ServiceStatusOptions): () => Promise<ServiceStatus> {
  const { backend, counts, placeOf, parts, rules = [], service } = options;
  return async () => {
    const ranks = await counts();
    const counted = sumCounts(ranks);
    const countOf = new Map(counted.topics.map((count) => [keyOf(count), count]));
    const names = await answerOf(backend.listTopics());
    const opened = new Map<string, BackendTopic>();
    const topics: ServiceTopic[] = [];
    for (const name of [...names].sort()) {
      const topic = await openIfThere(backend, name);
      if (topic === undefined) continue;
      opened.set(name, topic);
      const counting = { topic: name, id: topic.config.id };
      const count = countOf.get(keyOf(counting)) ?? noneOf(counting);
      topics.push({ ...count, backend: placeOf(name), partitions: await boundsOf(topic) });
    }
    /** A topic that is counted, when it is still the one of its name. */
    const topicOf = (count: CountedTopic) => {
      const topic = opened.get(count.topic);
      return topic?.config.id === count.id ? topic : undefined;
    };
    const consumers: ServiceConsumer[] = [];
    for (const count of counted.consumers) {
      const topic = topicOf(count);
      const bounds = topics.find(({ topic: name }) => name === count.topic)?.partitions;
      if (topic === undefined || bounds === undefined) continue;
      const consumer = await withLag(count, topic, bounds);
      // One that only looked, and has gone, is nobody's concern any more.
      if (consumer.members > 0 || consumer.positions.some((position) => position !== null)) consumers.push(consumer);
    }
    return {
      version,
      process: ranks[0].process,
      ranks: ranks
        .map(({ process: its, statistics }) => ({ ...its, statistics }))
        .sort((one, other) => one.rank - other.rank),
      addresses: service()?.addresses ?? [],
      capabilities: backend.capabilities,
      statistics: counted.statistics,
      backends: Object.fromEntries(Object.entries(parts).map(([name, { type }]) => [name, type])),
      rules,
      topics,
      producers: counted.producers.filter((count) => topicOf(count) !== undefined),
      consumers,
    };
  };
}

/** Milliseconds that a backend has for an answer, so that nobody who looks waits for ever. */
const patience = 5000;

function answerOf<T>(answer: ObservableInput<T>): Promise<T> {
  return firstValueFrom(from(answer).pipe(timeout(patience)));
}

/** A topic may be deleted between its name and its opening. */
async function openIfThere(backend: Backend, name: string): Promise<BackendTopic | undefined> {
  try {
    return await answerOf(backend.openTopic(name));
  } catch (error) {
    if (isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) return undefined;
    throw error;
  }
}

function boundsOf({ partitions }: BackendTopic): Promise<PartitionBounds[]> {
  return answerOf(forkJoin(partitions.map((partition) => from(partition.bounds()))));
}

async function withLag(
  count: ConsumerCount,
  topic: BackendTopic,
  bounds: readonly PartitionBounds[],
): Promise<ServiceConsumer> {
  const cursors = await answerOf(topic.cursors(count.consumer));
  const lags = bounds.map(({ start, end }, i) => Math.max(0, end - Math.max(start, cursors[i] ?? start)));
  return {
    ...count,
    lag: lags.reduce((sum, lag) => sum + lag, 0),
    positions: bounds.map((_, i) => cursors[i] ?? null),
  };
}
