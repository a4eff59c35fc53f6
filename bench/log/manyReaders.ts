import type { Topic } from "sluice";
import { readings, type Reading } from "../events.ts";
import { compare, secondsOf, type Figure } from "../harness.ts";
import { pushAll, withDirectory, withTopic } from "./directory.ts";

/** Ten consumers that read from different places while events are written, beside writing alone. */
export async function manyReaders(count = 200_000, readers = 10, runs = 3): Promise<Figure[]> {
  const events = readings(count);
  const run = (consumers: number, figure: (seconds: { write: number; all: number }) => number) => () =>
    withDirectory((directory) =>
      withTopic(directory, async (topic) => {
        await pushAll(topic, events);
        return figure(await readWhileWriting(topic, events, consumers));
      }),
    );
  const alone = "events written, nobody reads";
  return compare(
    `${readers} consumers from different places while writing, log, durability disk`,
    [
      { name: alone, run: run(0, ({ write }) => count / write) },
      { name: `events written, ${readers} read`, run: run(readers, ({ write }) => count / write) },
      { name: `events read by ${readers}, together`, run: run(readers, ({ all }) => (readers * count) / all) },
    ],
    { unit: "events/s", runs, baseline: alone },
  );
}

/** Each consumer begins a bit further on in the log, and reads as many events as are written meanwhile. */
async function readWhileWriting(
  topic: Topic<Reading>,
  events: readonly Reading[],
  consumers: number,
): Promise<{ write: number; all: number }> {
  let write = 0;
  const all = await secondsOf(() =>
    Promise.all([
      secondsOf(() => pushAll(topic, events)).then((seconds) => (write = seconds)),
      ...Array.from({ length: consumers }, (_, i) => {
        const start = Math.floor((i * events.length) / consumers);
        return read(topic, `reader${i}`, start, events.length);
      }),
    ]),
  );
  return { write, all };
}

function read(topic: Topic<Reading>, name: string, startFrom: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let [seen, sum] = [0, 0];
    const reading = topic.consumer(name, { startFrom }).subscribe({
      next: (event) => {
        sum += event.metadata.energy;
        if (++seen < count) return;
        reading.unsubscribe();
        if (sum > 0) resolve();
      },
      error: reject,
    });
  });
}
