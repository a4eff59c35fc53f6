import { fork } from "node:child_process";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { collectGarbage, secondsOf, single, type Figure } from "../harness.ts";
import { withDirectory, withTopic } from "./directory.ts";

/** Opening a log whose writer was killed, with more and more events, and what that takes of memory. */
export async function recovery(counts: readonly number[] = [10_000, 100_000, 1_000_000]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const count of counts) figures.push(...(await openKilled({ count, data: 0, name: `${count} events` })));
  const large = await openKilled({ count: 1024, data: 1 << 20, name: "1 GiB of data" });
  return [...figures, ...large.map((figure) => (figure.unit === "s" ? { ...figure, aim: "2 s" } : figure))];
}

function openKilled(log: { readonly count: number; readonly data: number; readonly name: string }): Promise<Figure[]> {
  const group = "Open after a kill, log";
  return withDirectory(async (directory) => {
    await writeAndDie(directory, log.count, log.data);
    collectGarbage();
    const before = process.memoryUsage().rss;
    let end = 0;
    const seconds = await secondsOf(() =>
      withTopic(directory, async (topic) => {
        end = (await topic.describe()).partitions[0]!.end;
      }),
    );
    if (end !== log.count) throw new Error(`${end} of ${log.count} events are there`);
    const grown = Math.max(0, process.memoryUsage().rss - before) / 1e6;
    return [single(group, log.name, "s", seconds), single(group, `${log.name}, memory`, "MB", grown)];
  });
}

/** A process that stores events and then is killed, with its topic open. */
async function writeAndDie(directory: string, count: number, data: number): Promise<void> {
  const child = fork(fileURLToPath(new URL("./recoveryWriter.ts", import.meta.url)), [
    directory,
    String(count),
    String(data),
  ]);
  const stored = await new Promise<boolean>((resolve) => {
    child.once("message", () => resolve(true));
    child.once("exit", () => resolve(false));
  });
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
  if (!stored) throw new Error("The writer has ended before all was stored");
  await rm(`${directory}/LOCK`, { force: true }); // Where nothing but this file tells that it is gone.
}
