import { randomUUID } from "node:crypto";
import type { Driver, Topic } from "sluice";
import type { Invocation } from "../invocation.ts";
import { formatCount } from "../units.ts";

/** The flags of `sluice bench`. */
export interface BenchFlags {
  /** Events to produce and consume. */
  readonly events: number;
  /** Bytes of metadata of each event. */
  readonly metadataSize: number;
  /** Bytes of data of each event. */
  readonly dataSize: number;
  /** Partitions of the topic. */
  readonly partitions: number;
  /** Events of a batch. */
  readonly batchSize: number | "adaptive";
  /** Events that are sent one by one. */
  readonly latencyEvents: number;
  /** How often everything is measured. */
  readonly runs: number;
}

/** What was measured in one run. */
interface Run {
  /** Events a second, from the first push until all are stored. */
  readonly produce: number;
  /** Events a second, with their data, until all are acknowledged. */
  readonly consume: number;
  /** Milliseconds from a push until a consumer has the event, of half of them and of all but a hundredth. */
  readonly p50: number;
  readonly p99: number;
}

/** Measures a backend, and says what it found. */
export async function bench(invocation: Invocation, flags: BenchFlags): Promise<void> {
  const { output, stopping } = invocation;
  const driver = await invocation.connect();
  invocation.stopOnSignal();
  const runs: Run[] = [];
  for (let i = 0; i < flags.runs && !stopping.aborted; i++) runs.push(await runOnce(driver, flags));
  const measured = {
    durability: driver.capabilities.durability,
    ...flags,
    produce: spread(runs.map(({ produce }) => produce)),
    consume: spread(runs.map(({ consume }) => consume)),
    p50: spread(runs.map(({ p50 }) => p50)),
    p99: spread(runs.map(({ p99 }) => p99)),
  };
  output.result(measured, () =>
    [
      `${formatCount(flags.events)} events, ${flags.metadataSize} bytes of metadata and ${flags.dataSize} of data, stored at "${measured.durability}"`,
      output.table(
        [
          { what: "produce", ...measured.produce, unit: "events/s" },
          { what: "consume", ...measured.consume, unit: "events/s" },
          { what: "latency p50", ...measured.p50, unit: "ms" },
          { what: "latency p99", ...measured.p99, unit: "ms" },
        ],
        [
          { title: "", value: ({ what }) => what },
          { title: "median", value: ({ median }) => format(median) },
          { title: "min", value: ({ min }) => format(min) },
          { title: "max", value: ({ max }) => format(max) },
          { title: "", value: ({ unit }) => unit },
        ],
      ),
    ].join("\n"),
  );
}

async function runOnce(driver: Driver, flags: BenchFlags): Promise<Run> {
  const name = `bench-${randomUUID()}`;
  const topic = await driver.createTopic(name, { partitions: flags.partitions });
  try {
    const produce = await produceAll(topic, flags);
    const consume = await consumeAll(topic, flags);
    const latencies = (await latenciesOf(topic, flags)).toSorted((a, b) => a - b);
    return { produce, consume, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
  } finally {
    await driver.deleteTopic(name);
  }
}

async function produceAll(topic: Topic, flags: BenchFlags): Promise<number> {
  const producer = topic.producer({ batchSize: flags.batchSize });
  // What is around it in JSON counts as well: {"n":123456,"text":"…"}
  const text = "x".repeat(Math.max(0, flags.metadataSize - `{"n":100000,"text":""}`.length));
  const data = flags.dataSize === 0 ? undefined : new Uint8Array(flags.dataSize).fill(7);
  const began = performance.now();
  for (let n = 0; n < flags.events; n++) {
    producer.push({ n, text }, data);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
  return (flags.events * 1000) / (performance.now() - began);
}

async function consumeAll(topic: Topic, { events }: BenchFlags): Promise<number> {
  const began = performance.now();
  let sum = 0;
  await new Promise<void>((resolve, reject) => {
    const consumer = topic.consumer("bench", { until: "end", dataSelector: (_metadata, descriptor) => descriptor });
    consumer.subscribe({
      next: (event) => {
        sum += (event.metadata as { n: number }).n;
        event.acknowledge();
      },
      error: reject,
      complete: resolve,
    });
  });
  const seconds = (performance.now() - began) / 1000;
  if (sum !== (events * (events - 1)) / 2)
    throw new Error(`The events that came are not those that were produced: ${sum}`);
  return events / seconds;
}

async function latenciesOf(topic: Topic, { latencyEvents }: BenchFlags): Promise<number[]> {
  const consumer = topic.consumer("latency", { startFrom: "latest" });
  const producer = topic.producer();
  const pulling = consumer.pull();
  // One that is not counted, so that both sides are there.
  await producer.push({ n: -1 });
  await pulling;
  const latencies: number[] = [];
  for (let n = 0; n < latencyEvents; n++) {
    const began = performance.now();
    const pulled = consumer.pull();
    producer.push({ n });
    await pulled;
    latencies.push(performance.now() - began);
  }
  await consumer.close({ deadline: 0 });
  return latencies;
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function spread(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

function format(value: number): string {
  return value >= 100 ? formatCount(value) : value.toPrecision(3);
}
