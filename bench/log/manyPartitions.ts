import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import type { Topic } from "sluice";
import { readings, type Reading } from "../events.ts";
import { percentile, secondsOf, single, compare, type Figure } from "../harness.ts";
import { withDirectory, withTopic } from "./directory.ts";
import { writeAhead, writeRaw, type RawBatch } from "./rawFile.ts";

/** Events of 128 bytes to 1, 10 and 100 partitions at once, whose files are there, and one event to each of them, beside raw files. */
export async function manyPartitions(count = 200_000, runs = 3): Promise<Figure[]> {
  const events = readings(count);
  const one = "1 partition";
  const figures = await compare(
    "Produce to many partitions at once, log, durability disk",
    [1, 10, 100].map((partitions) => ({
      name: partitions === 1 ? one : `${partitions} partitions`,
      run: () =>
        withDirectory((directory) =>
          withTopic(
            directory,
            async (topic) => {
              await rounds(topic, partitions, 0); // It makes the files.
              return count / (await secondsOf(() => pushTo(topic, events)));
            },
            { topic: { partitions } },
          ),
        ),
    })),
    { unit: "events/s", runs, baseline: one },
  );
  const group = "One event to each partition at once, until all are stored";
  for (const partitions of [1, 10, 100]) {
    const raw = await withDirectory((directory) => rawRounds(directory, partitions, 30));
    figures.push(single(group, `${partitions}, raw files, p50`, "ms", percentile(raw, 0.5)));
    const taken = await withDirectory((directory) =>
      withTopic(directory, (topic) => rounds(topic, partitions, 30), { topic: { partitions } }),
    );
    figures.push(single(group, `${partitions}, p50`, "ms", percentile(taken, 0.5)));
    figures.push(single(group, `${partitions}, p99`, "ms", percentile(taken, 0.99)));
  }
  return figures;
}

async function pushTo(topic: Topic<Reading>, events: readonly Reading[]): Promise<void> {
  const producer = topic.producer();
  for (const event of events) {
    producer.push(event);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
}

async function rounds(topic: Topic<Reading>, partitions: number, count: number): Promise<number[]> {
  const producer = topic.producer();
  const [event] = readings(1);
  const taken: number[] = [];
  for (let round = -1; round < count; round++) {
    const seconds = await secondsOf(() =>
      Promise.all(Array.from({ length: partitions }, (_, partition) => producer.push(event!, null, { partition }))),
    );
    if (round >= 0) taken.push(1000 * seconds); // The first round makes the files.
  }
  return taken;
}

/** The same bytes to as many files, which were written ahead, each with a sync of its own. */
async function rawRounds(directory: string, files: number, count: number): Promise<number[]> {
  const batch = [new Uint8Array(320)];
  const open = await Promise.all(Array.from({ length: files }, (_, i) => openFile(join(directory, `${i}`), "w")));
  await Promise.all(open.map((file) => writeAhead(file, Array<RawBatch>(count).fill(batch))));
  const taken: number[] = [];
  for (let round = 0; round < count; round++)
    taken.push(1000 * (await secondsOf(() => Promise.all(open.map((file) => writeRaw(file, [batch], round * 320))))));
  await Promise.all(open.map((file) => file.close()));
  return taken;
}
