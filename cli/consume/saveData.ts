import { mkdir, open, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { StreamEvent } from "sluice";

/** Writes the data of an event, and answers with the path; undefined when the event has none. */
export type SaveData = (event: StreamEvent) => Promise<string | undefined>;

/**
 * Makes what writes the selected data of each event into a file of its own, `<topic>-<partition>-<id>.bin`. A file appears under
 * its name only when all of it is there.
 *
 * @param dir - The directory; it is made when it is missing.
 * @param cwd - What it is relative to.
 */
export async function saveData(dir: string, cwd: string): Promise<SaveData> {
  const root = resolve(cwd, dir);
  await mkdir(root, { recursive: true });
  return async ({ topic, partition, id, data }) => {
    if (data.size === 0) return undefined;
    // A topic's name has no slash in it, and nothing else of the name comes from others.
    const name = `${topic}-${partition}-${id}.bin`;
    const path = join(root, name);
    const file = await open(`${path}.part`, "w");
    try {
      for (const segment of data.segments) await file.writeFile(segment);
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
    return join(dir, name);
  };
}
