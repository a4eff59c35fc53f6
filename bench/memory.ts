import { filter, firstValueFrom } from "rxjs";
import { connect } from "sluice";
import { reading, type Reading } from "./events.ts";
import { collectGarbage, single, type Figure } from "./harness.ts";

/** What producers and consumers hold at the most, and what a million events leave behind. */
export async function benchMemory(count = 1_000_000): Promise<Figure[]> {
  return [...(await holdBounds()), ...(await flatHeap(count))];
}

/** A subscriber that never acknowledges, and a producer that never stops. */
async function holdBounds(): Promise<Figure[]> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<Reading>("bench");
  const maxBufferedBytes = 8 << 20;
  const producer = topic.producer({ maxBufferedBytes, overflow: "drop" });
  let peak = 0;
  for (let i = 0; i < 300_000; i++) {
    producer.push(reading(i));
    if (producer.bufferedBytes > peak) peak = producer.bufferedBytes;
  }
  await producer.flush().catch(() => undefined); // It tells of the events that were dropped, which is what was asked for.
  const maxBytes = 4 << 20;
  let held = 0;
  let delivered = 0;
  const consumer = topic.consumer("hoarder", {
    demand: "acknowledged",
    maxBytes,
    maxBatches: 1000,
    warnAfter: Infinity,
  });
  const status = consumer.status.subscribe(({ bytes }) => (held = Math.max(held, bytes)));
  const full = firstValueFrom(consumer.status.pipe(filter(({ state }) => state === "waiting")));
  const subscription = consumer.subscribe(() => delivered++);
  await full;
  subscription.unsubscribe();
  status.unsubscribe();
  await driver.close().catch(() => undefined);
  const group = "Bounds in bytes";
  return [
    single(group, "producer that never stops, peak", "bytes", peak, `at most ${maxBufferedBytes}`),
    single(group, "subscriber that never acknowledges, held", "bytes", held, `at most ${maxBytes}`),
    single(group, "events it was given meanwhile", "events", delivered),
  ];
}

/** Many events pass through a topic that keeps what is not yet acknowledged. */
async function flatHeap(count: number): Promise<Figure[]> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<Reading>("bench", { retention: { acknowledgedBy: ["reader"] } });
  const subscription = topic.consumer("reader").subscribe((event) => void event.acknowledge());
  const producer = topic.producer();
  const heaps: number[] = [];
  for (let i = 0; i < count; i++) {
    producer.push(reading(i));
    if (!producer.isReady) await producer.ready;
    if (i % (count / 10) === count / 20) {
      collectGarbage();
      heaps.push(heapUsed());
    }
  }
  await producer.flush();
  subscription.unsubscribe();
  await driver.close();
  const group = `Heap while ${count} events pass`;
  return [
    single(group, "after the first tenth", "MB", heaps[0]!),
    single(group, "largest", "MB", Math.max(...heaps)),
    single(group, "in the last tenth", "MB", heaps.at(-1)!, "no more than after the first"),
  ];
}

function heapUsed(): number {
  const { heapUsed: heap, arrayBuffers } = process.memoryUsage();
  return (heap + arrayBuffers) / 1e6;
}
