import { connect } from "sluice";
import { readings } from "./events.ts";
import { compare, secondsOf, type Figure } from "./harness.ts";

/** The cost of one event, or of one name, as the number of partitions, names and events in a batch grows. */
export async function benchScale(count = 100_000): Promise<Figure[]> {
  const events = readings(count);
  const perEvent = async (work: () => Promise<void>) => ((await secondsOf(work)) * 1e9) / count;
  const partitions = await compare(
    "Cost against partitions: produce, consume, acknowledge",
    [1, 10, 100].map((size) => ({
      name: `${size} partitions`,
      run: () => perEvent(() => passThrough(events, size, "adaptive")),
    })),
    { unit: "ns/event", runs: 5, baseline: "1 partitions", better: "smaller" },
  );
  const batches = await compare(
    "Cost against the batch size: produce, consume, acknowledge",
    [1, 10, 100, 1000, 10_000].map((size) => ({
      name: `batches of ${size}`,
      run: () => perEvent(() => passThrough(events, 1, size)),
    })),
    { unit: "ns/event", runs: 5, baseline: "batches of 1000", better: "smaller" },
  );
  const names = await compare(
    "Cost against consumers' names: join, read one event, acknowledge, leave",
    [10, 1000, 100_000].map((size) => ({ name: `${size} names`, run: () => perName(size) })),
    { unit: "µs/name", runs: 3, baseline: "1000 names", better: "smaller" },
  );
  return [...partitions, ...batches, ...names];
}

async function passThrough(
  events: readonly object[],
  partitions: number,
  batchSize: number | "adaptive",
): Promise<void> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<object>("bench", { partitions });
  const producer = topic.producer({ batchSize });
  for (const event of events) {
    producer.push(event);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
  let seen = 0;
  await new Promise<void>((resolve, reject) => {
    topic.consumer("bench", { until: "end" }).subscribe({
      next: (event) => {
        seen += event.metadata === undefined ? 0 : 1;
        event.acknowledge();
      },
      error: reject,
      complete: resolve,
    });
  });
  if (seen !== events.length) throw new Error(`${seen} of ${events.length} events came`);
  await driver.close();
}

async function perName(count: number): Promise<number> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("bench");
  await topic.producer().push({ n: 1 });
  const seconds = await secondsOf(async () => {
    for (let i = 0; i < count; i++) {
      await new Promise<void>((resolve, reject) => {
        const consumer = topic.consumer(`name-${i}`, { until: "end" });
        consumer.subscribe({ next: (event) => void event.acknowledge(), error: reject, complete: resolve });
      });
    }
  });
  await driver.close();
  return (seconds * 1e6) / count;
}
