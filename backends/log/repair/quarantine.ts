import type { Damage } from "../recovery/recoveryReport.ts";
import { ignoreMissing, readAll, replaceFile, type Storage } from "../storage/storage.ts";

/** Bytes that are copied at the most of one damaged place, since all of them are held in memory once. */
const maxBytes = 1 << 30;

/** Copies damaged bytes of a file into `quarantine/`, each under the file's name and where they stood. */
export async function quarantine(
  storage: Storage,
  directory: string,
  name: string,
  damage: readonly Pick<Damage, "offset" | "end">[],
): Promise<void> {
  const file = await storage.open(`${directory}/${name}`, "read").catch(ignoreMissing);
  if (file === undefined) return;
  try {
    const size = await file.size();
    for (const { offset, end } of damage) {
      const bytes = new Uint8Array(Math.min(maxBytes, Math.max(0, Math.min(end, size) - offset)));
      if (bytes.length === 0) continue;
      await readAll(file, bytes, offset);
      await storage.makeDirectory(`${directory}/quarantine`);
      await replaceFile(storage, `${directory}/quarantine`, `${name}-${offset}`, bytes);
    }
  } finally {
    await file.close();
  }
}
