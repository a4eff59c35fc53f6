import type { Topic } from "sluice";
import { readings, type Reading } from "../events.ts";
import { compare, secondsOf, type Figure } from "../harness.ts";
import { withDirectory, withTopic } from "./directory.ts";
import { withFile, writeRaw, type RawBatch } from "./rawFile.ts";

const mebibyte = 1 << 20;

/** Events of 1 MiB of data, beside raw writes of the same bytes with as many syncs. */
export async function largeData(count = 200, runs = 5): Promise<Figure[]> {
  const data = new Uint8Array(mebibyte).fill(7);
  const rate = async (work: () => unknown) => (count * mebibyte) / 1e6 / (await secondsOf(work));
  const figures: Figure[] = [];
  for (const each of [1, 8]) {
    const batches: RawBatch[] = Array.from({ length: count / each }, () => Array.from({ length: each }, () => data));
    const raw = `raw: write at the end, fdatasync each ${each} MiB`;
    const options = { batchSize: each, maxBatchBytes: 64 * mebibyte, maxBufferedBytes: 256 * mebibyte };
    figures.push(
      ...(await compare(
        `Events with 1 MiB of data, ${each} a batch, log, durability disk`,
        [
          { name: raw, run: () => withFile((file) => rate(() => writeRaw(file, batches))) },
          ...[1, 2].map((maxBatches) => ({
            name: `Sluice, push, maxBatches ${maxBatches}${maxBatches === 2 ? ", the default" : ""}`,
            run: () =>
              withDirectory((directory) =>
                withTopic(directory, (topic) => rate(() => pushData(topic, data, count, { ...options, maxBatches }))),
              ),
            ...(maxBatches === 2 && { aim: "0.85" }),
          })),
        ],
        { unit: "MB/s", runs, baseline: raw },
      )),
    );
  }
  return figures;
}

async function pushData(
  topic: Topic<Reading>,
  data: Uint8Array,
  count: number,
  options: Parameters<Topic<Reading>["producer"]>[0],
): Promise<void> {
  const producer = topic.producer(options);
  const [event] = readings(1);
  for (let i = 0; i < count; i++) {
    producer.push(event!, data);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
}
