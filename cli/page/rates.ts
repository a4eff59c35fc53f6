import type { ServiceStatus } from "../service/serviceStatus.ts";

/** How fast something goes, between two looks at a service. */
export interface Flow {
  /** Events stored a second. */
  readonly stored: number;
  /** Events read a second. */
  readonly read: number;
  /** Bytes stored a second. */
  readonly bytes: number;
  /** Events of a batch, on average; 0 when there was none. */
  readonly batchSize: number;
}

/** A look at a service, at a time. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** What it said. */
  readonly status: ServiceStatus;
}

interface Counts {
  readonly batches: number;
  readonly events: number;
  readonly bytes: number;
  readonly read?: number;
}

const nothing: Counts = { batches: 0, events: 0, bytes: 0, read: 0 };

/**
 * How fast events went through a topic, or through all of them, between two looks.
 *
 * @param before - The earlier look.
 * @param now - The later one.
 * @param topic - The topic; all of them when it is left out.
 */
export function flowOf(before: Look, now: Look, topic?: string): Flow {
  return flowBetween(countsOf(before.status, topic), countsOf(now.status, topic), seconds(before, now));
}

/** All producers of one name in one topic. */
export interface NamedProducers extends Counts {
  /** The topic. */
  readonly topic: string;
  /** The name; empty for those that have none. */
  readonly name: string;
  /** When the last batch of one of them was stored, in milliseconds since 1970. */
  readonly last: number;
}

/** Producers by their names: the service knows them by identities, of which a producer has one for each partition. */
export function producersByName({ producers }: ServiceStatus): readonly NamedProducers[] {
  const named = new Map<string, NamedProducers>();
  for (const { topic, producer, ...counts } of producers) {
    const name = /^([\w.-]+)\//.exec(producer)?.[1] ?? "";
    const known = named.get(`${topic} ${name}`) ?? { topic, name, last: 0, ...nothing };
    named.set(`${topic} ${name}`, {
      topic,
      name,
      batches: known.batches + counts.batches,
      events: known.events + counts.events,
      bytes: known.bytes + counts.bytes,
      last: Math.max(known.last, counts.last),
    });
  }
  return [...named.values()];
}

/** How fast the producers of each name go, by topic and name. */
export function producerFlows(before: Look, now: Look): Map<string, Flow> {
  const earlier = new Map(producersByName(before.status).map((each) => [keyOf(each), each]));
  const elapsed = seconds(before, now);
  return new Map(
    producersByName(now.status).map((each) => [
      keyOf(each),
      flowBetween(earlier.get(keyOf(each)) ?? nothing, each, elapsed),
    ]),
  );
}

/** How many events a second the consumers of each name acknowledge, by topic and name. */
export function consumerRates(before: Look, now: Look): Map<string, number> {
  const key = ({ topic, consumer }: { readonly topic: string; readonly consumer: string }) => `${topic} ${consumer}`;
  const earlier = new Map(before.status.consumers.map((each) => [key(each), each.positions]));
  const elapsed = seconds(before, now);
  return new Map(
    now.status.consumers.map((each) => {
      // Where nothing had been acknowledged it is not known how far the first acknowledgement has jumped.
      const steps = each.positions.map((position, i) => {
        const from = earlier.get(key(each))?.[i];
        return typeof position === "number" && typeof from === "number" ? Math.max(0, position - from) : 0;
      });
      return [key(each), steps.reduce((sum, step) => sum + step, 0) / elapsed];
    }),
  );
}

/** What tells the producers of one name apart from others. */
export function keyOf({ topic, name }: { readonly topic: string; readonly name: string }): string {
  return `${topic} ${name}`;
}

/** Whether a consumer is a page such as this one, which only looks. */
export function isPage(consumer: string): boolean {
  return consumer.startsWith("page-");
}

/** How far all consumers of a topic, or of all topics, are behind. */
export function lagOf({ consumers }: ServiceStatus, topic?: string): number {
  const counted = consumers.filter((each) => !isPage(each.consumer) && (topic === undefined || each.topic === topic));
  return counted.reduce((sum, { lag }) => sum + lag, 0);
}

function countsOf({ topics }: ServiceStatus, topic: string | undefined): Counts {
  const counted = topic === undefined ? topics : topics.filter((each) => each.topic === topic);
  return counted.reduce(
    (sum, { batches, events, bytes, read }) => ({
      batches: sum.batches + batches,
      events: sum.events + events,
      bytes: sum.bytes + bytes,
      read: (sum.read ?? 0) + read,
    }),
    nothing,
  );
}

/** A service that was started anew begins at nothing: that is no negative rate. */
function flowBetween(before: Counts, now: Counts, elapsed: number): Flow {
  const [from, to] = now.events < before.events ? [nothing, now] : [before, now];
  const batches = to.batches - from.batches;
  const events = to.events - from.events;
  return {
    stored: events / elapsed,
    read: Math.max(0, ((to.read ?? 0) - (from.read ?? 0)) / elapsed),
    bytes: (to.bytes - from.bytes) / elapsed,
    batchSize: batches === 0 ? 0 : events / batches,
  };
}

function seconds(before: Look, now: Look): number {
  return Math.max(0.001, (now.time - before.time) / 1000);
}
