import { cursorRecords } from "../cursorLog.ts";
import type { Damage } from "../recovery/recoveryReport.ts";
import { readFile, type Storage } from "../storage/storage.ts";
import { worstOf, type CursorsReport } from "./logReport.ts";

/**
 * Reads what the consumers of a topic have acknowledged. A record that cannot be read and has none behind it was being
 * written when the process stopped: nobody had been told that it is stored.
 */
export async function verifyCursors(storage: Storage, directory: string): Promise<CursorsReport> {
  const bytes = await readFile(storage, `${directory}/cursors`);
  const positions: Record<string, (number | undefined)[]> = {};
  const damage: Damage[] = [];
  for (const { offset, end, entries } of bytes === undefined ? [] : cursorRecords(bytes)) {
    if (entries === undefined) damage.push(unreadable(offset, end));
    else
      for (const [consumer, partition, position] of entries) raise((positions[consumer] ??= []), partition, position);
  }
  const last = damage.at(-1);
  const isTorn = last !== undefined && last.end === bytes?.length;
  if (isTorn) damage[damage.length - 1] = { ...last, outcome: "tornTail" };
  return { outcome: worstOf(damage.map(({ outcome }) => outcome)), positions, damage };
}

function unreadable(offset: number, end: number): Damage {
  const reason = "No record can be read here: events may be delivered again that were acknowledged";
  return { file: "cursors", outcome: "corrupt", offset, end, fromId: 0, toId: 0, reason };
}

function raise(positions: (number | undefined)[], partition: number, position: number): void {
  positions[partition] = Math.max(position, positions[partition] ?? 0);
}
