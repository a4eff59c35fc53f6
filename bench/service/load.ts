import type { Driver, EventBatch, Topic } from "sluice";
import { firstValueFrom, from } from "rxjs";
import { readings, type Reading } from "../events.ts";
import { secondsOf } from "../harness.ts";

/** The kinds of listeners of a service, in the order of its addresses. */
export const transports = ["TCP", "Unix socket", "WebSocket"] as const;

export const mebibyte = 1 << 20;

let topics = 0;

/** How many a second. */
export async function rate(count: number, work: () => unknown): Promise<number> {
  return count / (await secondsOf(work));
}

/** Does something with a topic of its own. */
export async function withTopic<T>(
  driver: Driver,
  work: (topic: Topic<Reading>) => Promise<T>,
  partitions = 1,
): Promise<T> {
  const name = `bench-${topics++}`;
  const topic = await driver.createTopic<Reading>(name, { partitions });
  try {
    return await work(topic);
  } finally {
    await driver.deleteTopic(name);
  }
}

/** Stores events. */
export async function pushAll(topic: Topic<Reading>, events: readonly Reading[], data?: Uint8Array): Promise<void> {
  const producer = topic.producer();
  for (const event of events) {
    producer.push(event, data);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
  await producer.close();
}

/** Reads and acknowledges so many events. */
export function readAll(topic: Topic<Reading>, count: number, select: "none" | "some" | "all" = "none"): Promise<void> {
  const [step, block] = [16_384, 1024];
  return new Promise((resolve, reject) => {
    let seen = 0;
    const subscription = topic
      .consumer("app", {
        ...(select === "all" && { dataSelector: (_, descriptor) => descriptor }),
        ...(select === "some" && {
          dataSelector: (_, descriptor) => descriptor.makeStridedView(0, descriptor.size / step, block, step - block),
        }),
      })
      .subscribe({
        next: (event) => {
          if (event.metadata.energy < 0) reject(new Error("wrong metadata"));
          if (++seen % 1024 !== 0 && seen !== count) return;
          const stored = event.acknowledge();
          if (seen === count) void stored.then(() => (subscription.unsubscribe(), resolve()));
        },
        error: reject,
      });
  });
}

/** Stores a batch so many times in one partition, four at once. */
export async function appendAll(topic: Topic<Reading>, batch: EventBatch, times: number, number = 0): Promise<void> {
  const partition = topic.backend.partitions[number]!;
  let left = times;
  const lane = async () => {
    while (left-- > 0) await firstValueFrom(from(partition.append(batch)));
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

/** A batch that is ready. */
export function packed(count: number): EventBatch {
  const texts = readings(count).map((event) => JSON.stringify(event));
  let end = 0;
  return {
    count,
    metadata: new TextEncoder().encode(texts.join("")),
    metadataEnds: Uint32Array.from(texts, (text) => (end += text.length)),
    timestamps: new Float64Array(count).fill(1e12),
    data: [],
    dataEnds: undefined,
  };
}
