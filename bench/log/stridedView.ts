import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { firstValueFrom } from "rxjs";
import type { ConsumerOptions, Topic } from "sluice";
import { readings, type Reading } from "../events.ts";
import { compare, median, secondsOf, type Figure } from "../harness.ts";
import { withDirectory, withTopic } from "./directory.ts";
import { readPieces } from "./rawFile.ts";

const mebibyte = 1 << 20;
const size = 100 * mebibyte;

/** Reads of one kind in a row. What the first one has to sweep up of another kind's hundred megabytes is not its own. */
const inARow = 5;

/** One percent of a large event: the bytes of the view are moved, and not the event. */
export async function stridedView(runs = 7): Promise<Figure[]> {
  return withDirectory(async (directory) => {
    const data = new Uint8Array(size).map((_, i) => i * 31);
    await withTopic(directory, async (topic) => void (await topic.producer().push(readings(1)[0]!, data)));
    const read = (dataSelector: ConsumerOptions<Reading>["dataSelector"], expected: number) => () =>
      rateOf(() => withTopic(directory, (topic) => secondsOf(() => readOne(topic, dataSelector, expected))));
    const whole = "the whole event";
    const strided = (blocks: number) => {
      const block = size / 100 / blocks;
      return read((_, descriptor) => descriptor.makeStridedView(0, blocks, block, block * 99), size / 100);
    };
    const raw = join(directory, "raw");
    await writeFile(raw, data);
    const pieces = (count: number) => () =>
      rateOf(() => secondsOf(() => readPieces(raw, { count, size: size / 100 / count, stride: size / count })));
    return compare(
      "Views of an event of 100 MiB, log, cold open",
      [
        { name: whole, run: read((_, descriptor) => descriptor, size) },
        { name: "1 % in 16 blocks of 64 KiB", run: strided(16), aim: "20" },
        { name: "1 % in 256 blocks of 4 KiB", run: strided(256), aim: "20" },
        { name: "raw: 256 reads of 4 KiB of a file", run: pieces(256) },
        {
          name: "1 % in one piece",
          run: read((_, descriptor) => descriptor.makeSubView(size / 2, size / 100), size / 100),
        },
      ],
      { unit: "reads/s", runs, warmUps: 2, baseline: whole },
    );
  });
}

/** Reads a second, by the median of some in a row. */
async function rateOf(seconds: () => Promise<number>): Promise<number> {
  await seconds();
  const taken: number[] = [];
  while (taken.length < inARow) taken.push(await seconds());
  return 1 / median(taken);
}

async function readOne(
  topic: Topic<Reading>,
  dataSelector: ConsumerOptions<Reading>["dataSelector"],
  expected: number,
): Promise<void> {
  const event = await firstValueFrom(topic.consumer("bench", { dataSelector, maxBytes: 4 * size, until: "end" }));
  if (event.data.size !== expected) throw new Error(`${event.data.size} bytes came`);
}
