import { segmentName, type Segment } from "../segments/segment.ts";
import { readAll, replaceFile, writeAll, type Storage } from "../storage/storage.ts";
import type { Finding } from "./recoveryReport.ts";

/** Copies a torn tail to `quarantine/`, then cuts it off. Done again after an interruption it does the same. */
export async function setAside(
  storage: Storage,
  directory: string,
  live: Segment,
  from: number,
  to: number,
  found: Finding,
): Promise<void> {
  const file = segmentName(live.header.ordinal);
  const quarantine = `${directory}/quarantine`;
  const bytes = new Uint8Array(to - from);
  await readAll(live.file, bytes, from);
  await storage.makeDirectory(quarantine);
  await replaceFile(storage, quarantine, `${file}-${from}`, bytes);
  const writable = await storage.open(live.path, "write");
  try {
    await writable.truncate(from);
    await writable.sync();
  } finally {
    await writable.close();
  }
  const reason = "The last batches were being written when the process stopped; their bytes are in quarantine/";
  found.wasTorn({ file, offset: from, end: to, fromId: live.endId, toId: live.endId, reason });
}

/**
 * Writes the newest batches once more, as they are. They may have been read from memory of the system alone: the process
 * may have died before its sync, or after one that failed, and then the system never writes these pages by itself.
 */
export async function writeAgain(storage: Storage, live: Segment, from: number, size: number): Promise<void> {
  const chunk = new Uint8Array(Math.min(1 << 20, Math.max(0, live.length - from)));
  const file = await storage.open(live.path, "write");
  try {
    for (let at = from; at < live.length; at += chunk.length) {
      const bytes = chunk.subarray(0, live.length - at);
      await readAll(file, bytes, at);
      await writeAll(file, [bytes], at);
    }
    if (size > live.length) await file.truncate(live.length);
    await file.sync();
  } finally {
    await file.close();
  }
}
