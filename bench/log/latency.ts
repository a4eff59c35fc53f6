import { readings } from "../events.ts";
import { percentile, secondsOf, single, type Figure } from "../harness.ts";
import { withDirectory, withTopic } from "./directory.ts";
import { withFile, writeAhead, writeRaw } from "./rawFile.ts";

/** One event alone, from its push to its future, beside one raw write and sync. Both are taken in turns. */
export async function latency(count = 500): Promise<Figure[]> {
  const group = "One event alone, log, durability disk";
  const [event] = readings(1);
  const bytes = [new Uint8Array(256).fill(1)];
  const taken = { raw: [] as number[], disk: [] as number[], os: [] as number[] };
  const millisecondsOf = async (work: () => unknown) => 1000 * (await secondsOf(work));
  await withFile(async (file) => {
    await writeAhead(
      file,
      Array.from({ length: count }, () => bytes),
    );
    await withDirectory((directory) =>
      withTopic(directory, async (topic) => {
        const disk = topic.producer();
        const os = topic.producer({ durability: "os" });
        await disk.push(event!);
        for (let i = 0; i < count; i++) {
          taken.raw.push(await millisecondsOf(() => writeRaw(file, [bytes], i * 256)));
          taken.disk.push(await millisecondsOf(() => disk.push(event!)));
        }
        for (let i = 0; i < count; i++) taken.os.push(await millisecondsOf(() => os.push(event!)));
      }),
    );
  });
  const row = (name: string, figures: readonly number[]) =>
    [0.5, 0.99].map((share) => single(group, `${name}, p${share * 100}`, "ms", percentile(figures, share)));
  return [
    ...row("raw: write and fdatasync of 256 bytes", taken.raw),
    ...row("Sluice, push", taken.disk),
    ...row("Sluice, push, durability os", taken.os),
  ];
}
