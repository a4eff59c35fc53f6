import type { Topic } from "sluice";
import { readings, type Reading } from "../events.ts";
import { compare, secondsOf, single, type Figure } from "../harness.ts";
import { pushAll, withDirectory, withTopic } from "./directory.ts";

/** Reading everything back from a cold open: events a second with metadata decoded, beside decoding the same JSON alone. */
export async function readBack(count = 300_000, runs = 5): Promise<Figure[]> {
  const events = readings(count);
  const texts = events.map((event) => JSON.stringify(event));
  const bytes = texts.reduce((sum, { length }) => sum + length, 0);
  const figures = await withDirectory(async (directory) => {
    await withTopic(directory, (topic) => pushAll(topic, events));
    return compare(
      "Read back from a cold open, metadata decoded",
      [
        { name: "JSON decoding alone", run: async () => count / (await secondsOf(() => decodeAll(texts))) },
        {
          name: "Sluice, consumer",
          run: async () => count / (await secondsOf(() => withTopic(directory, (topic) => readAll(topic, count)))),
          aim: "1 M",
        },
      ],
      { unit: "events/s", runs, baseline: "JSON decoding alone" },
    );
  });
  const rate = figures[1]!.median;
  return [...figures, single(figures[0]!.group, "Sluice, consumer, bytes", "MB/s", (rate * bytes) / count / 1e6)];
}

/** Reads events, and looks into each. */
export function readAll(topic: Topic<Reading>, count: number, name = "bench"): Promise<void> {
  return new Promise((resolve, reject) => {
    let [seen, sum] = [0, 0];
    topic.consumer(name, { until: "end" }).subscribe({
      next: (event) => {
        sum += event.metadata.energy;
        seen++;
      },
      error: reject,
      complete: () => (seen === count && sum > 0 ? resolve() : reject(new Error(`${seen} of ${count} events came`))),
    });
  });
}

function decodeAll(texts: readonly string[]): number {
  let sum = 0;
  for (const text of texts) sum += (JSON.parse(text) as Reading).energy;
  return sum;
}
