import { open, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isSluiceError } from "../../src/index.ts";
import { append, openLog, readAll, someBytes } from "../log/support.ts";
import { LoopDisk, type FileSystem } from "./loopDisk.ts";

/** Fills a disk, writes until it is full, makes room, and goes on. Returns what was seen, or throws. */
export async function fullDisk(kind: FileSystem): Promise<string> {
  const disk = await LoopDisk.make(kind);
  try {
    const ballast = join(disk.path, "ballast");
    const directory = join(disk.path, "log");
    await (await openLog(undefined, { directory })).close(); // The topic is there before there is no room.
    await fill(ballast);
    await writeFile(ballast, someBytes(0)); // A little room again, for the first events.
    const stored: string[] = [];
    const log = await openLog(undefined, { directory, segmentBytes: 1 << 20 });
    const error = await writeUntilFull(log, ballast, stored);
    if (!isSluiceError(error, "ERR_DURABILITY")) throw new Error(`A full disk gave ${String(error)}`);
    const full = await readAll(log.partition);
    if (full.errors.length > 0 || !startsWith(full.events, stored)) throw new Error("Reading did not go on");
    await log.close();
    await unlink(ballast);
    const again = await openLog(undefined, { directory });
    const { events, errors } = await readAll(again.partition);
    if (errors.length > 0 || !startsWith(events, stored))
      throw new Error(`Of ${stored.length} events ${events.length} are left`);
    const id = await append(again.partition, [{ text: "after" }]);
    await again.close();
    if (id !== events.length) throw new Error(`The next event got the id ${id}, where ${events.length} were stored`);
    return `${stored.length} events stored before it was full, all there, and one more after it`;
  } finally {
    await disk.remove();
  }
}

function startsWith(events: readonly { readonly text: string }[], texts: readonly string[]): boolean {
  return texts.every((text, i) => events[i]?.text === text);
}

/** Writes zeros until there is no room. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    for (;;) await file.write(new Uint8Array(1 << 20));
  } catch {
    // There is no room left.
  } finally {
    await file.close();
  }
}

async function writeUntilFull(
  { partition }: Awaited<ReturnType<typeof openLog>>,
  ballast: string,
  stored: string[],
): Promise<unknown> {
  for (let i = 0; ; i++) {
    const text = `event ${i}`;
    if (i === 20) await fill(ballast);
    try {
      await append(partition, [{ text, data: someBytes(100_000, i) }]);
    } catch (error) {
      return error;
    }
    stored.push(text);
  }
}
