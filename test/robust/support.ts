import { filter, firstValueFrom, from, lastValueFrom, toArray } from "rxjs";
import type { RobustStatus } from "../../operators/index.ts";
import {
  connect,
  registerBackend,
  type Backend,
  type Driver,
  type RobustProducer,
  type RobustProducerOptions,
  type Topic,
  type TopicOptions,
} from "../../src/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";

/** The metadata of most events here. */
export interface Numbered {
  readonly n: number;
}

/** A topic behind a link that can be made faulty, and a journal. */
export interface World {
  readonly faults: FaultPlan;
  readonly driver: Driver;
  readonly topic: Topic<Numbered>;
  readonly journal: Backend;
  /** Makes a producer that sends at once when something is to be sent again. */
  open(options?: Partial<RobustProducerOptions<Numbered>>): Promise<RobustProducer<Numbered>>;
  /** What is stored: the numbers, by partition. */
  stored(): Promise<number[][]>;
}

/** Waits that cost no test any time. */
export const atOnce = { initialDelay: 1, maxDelay: 1, jitter: 0 };

/** Makes a world. The backend may be one of the test's own. */
export async function worldOf(
  options: TopicOptions<Numbered> = {},
  { backend = memoryBackend(), journal = memoryBackend() }: { backend?: Backend; journal?: Backend } = {},
): Promise<World> {
  const faults = new FaultPlan();
  const driver = await driverOf(withFaults(backend, faults));
  const topic = (await driver.topicExists("t"))
    ? await driver.openTopic<Numbered>("t", options)
    : await driver.createTopic<Numbered>("t", options);
  return {
    faults,
    driver,
    topic,
    journal,
    open: (given = {}) => topic.robustProducer({ journal, retry: atOnce, compactAfter: Infinity, ...given }),
    stored: () => storedIn(topic),
  };
}

registerBackend("given", (_url, { backend }) => backend as Backend);

/** A driver of a backend. */
export function driverOf(backend: Backend): Promise<Driver> {
  return connect("given:", { backend });
}

/** The numbers that a topic has, by partition. */
export async function storedIn(topic: Topic<Numbered>): Promise<number[][]> {
  const numbers: number[][] = Array.from({ length: topic.partitions }, () => []);
  const { partitions } = await topic.describe();
  if (partitions.every(({ end }) => end === 0)) return numbers;
  const events = await lastValueFrom(
    from(
      topic.consumer(`reader-${Math.random()}`, { until: "end" }) as AsyncIterable<{
        partition: number;
        metadata: Numbered;
      }>,
    ).pipe(toArray()),
  );
  for (const { partition, metadata } of events) numbers[partition]!.push(metadata.n);
  return numbers;
}

/** Waits until something is true of a producer's status. */
export function statusWhere(
  producer: RobustProducer<Numbered>,
  isWanted: (status: RobustStatus) => boolean,
): Promise<RobustStatus> {
  return firstValueFrom(producer.status.pipe(filter(isWanted)));
}

/** The numbers from one to the one before another. */
export function upTo(count: number, start = 0): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}
