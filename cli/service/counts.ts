import type { Service, ServiceStatistics } from "sluice/backends/service/server";
import { keyOf, type Census, type ConsumerCount, type ProducerCount, type TopicCount } from "./census.ts";

/** A process of a service. */
export interface ProcessUse {
  /** Its rank; 0 where there is just one. */
  readonly rank: number;
  /** Its number. */
  readonly pid: number;
  /** Seconds since it started. */
  readonly uptime: number;
  /** Bytes of memory. */
  readonly memory: number;
  /** Seconds of processor time. */
  readonly cpu: number;
}

/** What went through a service, or through one rank of it, since it started. */
export interface Counts {
  readonly statistics: ServiceStatistics;
  readonly topics: readonly TopicCount[];
  readonly producers: readonly ProducerCount[];
  readonly consumers: readonly ConsumerCount[];
}

/** What one rank of a service has counted. Its clients are those that are connected to it, so nothing is counted at two of them. */
export interface RankCounts extends Counts {
  readonly process: ProcessUse;
}

const noStatistics: ServiceStatistics = { connections: 0, batches: 0, events: 0, bytes: 0 };

/** What this process has counted. */
export function ownCounts(census: Census, service: Service | undefined, rank = 0): RankCounts {
  const { user, system } = process.cpuUsage();
  return {
    process: {
      rank,
      pid: process.pid,
      uptime: process.uptime(),
      memory: process.memoryUsage.rss(),
      cpu: (user + system) / 1e6,
    },
    statistics: service?.statistics ?? noStatistics,
    topics: census.topics,
    producers: census.producers,
    consumers: census.consumers,
  };
}

/** What all ranks of a service have counted. A producer and a consumer may be connected to several of them, one after the other or at once. */
export function sumCounts(ranks: readonly Counts[]): Counts {
  const all = <T>(each: (counts: Counts) => readonly T[]) => ranks.flatMap(each);
  const statistics = all((counts) => [counts.statistics]).reduce(sum, noStatistics);
  return {
    statistics,
    topics: sumBy(
      all((counts) => counts.topics),
      (count) => keyOf(count),
    ),
    producers: sumBy(
      all((counts) => counts.producers),
      (count) => keyOf(count, count.producer),
    ),
    consumers: sumBy(
      all((counts) => counts.consumers),
      (count) => keyOf(count, count.consumer),
    ),
  };
}

function sumBy<T extends object>(counts: readonly T[], keyOf: (count: T) => string): T[] {
  const sums = new Map<string, T>();
  for (const count of counts) {
    const key = keyOf(count);
    const known = sums.get(key);
    sums.set(key, known === undefined ? count : sum(known, count));
  }
  return [...sums.values()];
}

/** Adds up every number, but for times, of which the latest counts. */
function sum<T extends object>(one: T, other: T): T {
  const pairs = Object.entries(one).map(([name, value]: [string, unknown]) => {
    if (typeof value !== "number") return [name, value];
    const more = other[name as keyof T] as number;
    return [name, name === "last" ? Math.max(value, more) : value + more];
  });
  return Object.fromEntries(pairs) as T;
}
