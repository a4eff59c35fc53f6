import { batchHeaderSize, decodeBatchHeader, lengthOf } from "../../../backends/log/format/batchHeader.ts";
import { decodeSegmentHeader, segmentHeaderSize } from "../../../backends/log/format/segmentHeader.ts";
import { repairLog } from "../../../backends/log/repair/repairLog.ts";
import { verifyLog } from "../../../backends/log/verify/verifyLog.ts";
import { SimulatedStorage } from "../simulatedStorage.ts";
import { answerOf, append, openLog, readBetween, someBytes, type ReadEvent, type TestEvent } from "../support.ts";

/**
 * How a log was left: closed in good order; by a process that was killed; or by a machine that lost its power, and with it
 * the part of the head file that is not synced, which would tell how far the log had come.
 */
export type LogEnd = "closed" | "killed" | "without power";

/** A batch, where it is. */
export interface Extent {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly firstId: number;
  readonly nextId: number;
}

/** A log in which nothing is damaged yet, and all that is in it. */
export interface SoundLog {
  readonly storage: SimulatedStorage;
  readonly events: readonly ReadEvent[];
  readonly extents: readonly Extent[];
  readonly segments: readonly string[];
}

/** Writes batches into a log of its own. */
export async function soundLog(
  end: LogEnd,
  batches: readonly (readonly TestEvent[])[],
  segmentBytes = 1 << 20,
): Promise<SoundLog> {
  const written = new SimulatedStorage();
  const log = await openLog(written, { segmentBytes });
  let sequence = 0;
  for (const [i, events] of batches.entries()) {
    await append(log.partition, events, i % 2 === 0 ? { id: "producer", sequence } : undefined);
    if (i % 2 === 0) sequence += events.length;
  }
  const killed = end === "killed" ? written.copy() : written.copy().forgetAnswers();
  await log.close();
  const storage = end === "closed" ? written.copy() : killed;
  const segments = storage.paths().filter((path) => path.endsWith(".seg"));
  for (const path of segments) storage.replace(path, withoutSpareZeros(storage.bytesOf(path)));
  const events = batches.flat().map(({ text, data = new Uint8Array(0) }, id) => ({ id, text, data }));
  return { storage, events, segments, extents: segments.flatMap((path) => extentsOf(path, storage.bytesOf(path))) };
}

/** Batches whose shapes the dice choose: few or many events, long or short metadata, data of less and more than a block. */
export function batchesFrom(random: () => number, most: number): TestEvent[][] {
  const below = (limit: number) => Math.floor(random() * limit);
  return Array.from({ length: 1 + below(most) }, (_, i) => {
    const [texts, datas] = [[1, 8, 60, 300][below(4)]!, [0, 1, 40, 700][below(4)]!];
    return Array.from({ length: 1 + below(below(3) === 0 ? 20 : 3) }, (__, k) => {
      const size = below(48) === 0 ? 4090 + below(12) : below(datas + 1);
      const text = `${i}.${k} ${"x".repeat(below(texts))}`;
      return size === 0 ? { text } : { text, data: someBytes(size, i + k) };
    });
  });
}

/** Puts other bytes into a segment, and says what is wrong with what is read then: of everything, or of some ids. */
export async function afterChange(
  sound: SoundLog,
  path: string,
  bytes: Uint8Array,
  spared: readonly Extent[],
  part?: { readonly from: number; readonly to: number },
): Promise<Judgement> {
  const storage = sound.storage.afterKill(); // It shares all bytes with the sound one, so it costs nothing.
  storage.replace(path, bytes);
  return judge(sound, storage, spared, part);
}

/**
 * Opens a log that may be damaged, reads what can be read, and says what is wrong with that.
 *
 * @param spared - What must be among it.
 * @param part - Which ids are read.
 */
export async function judge(
  sound: SoundLog,
  storage: SimulatedStorage,
  spared: readonly Extent[],
  part = { from: 0, to: Infinity },
): Promise<Judgement> {
  const log = await openLog(storage);
  const { end } = await answerOf(log.partition.bounds());
  const { events, errors } = await readBetween(log.partition, part.from, Math.min(part.to, end), 100);
  const { outcome, damage } = log.report;
  await log.close();
  const problems: string[] = [];
  for (const { id, text, data } of events) {
    const written = sound.events[id];
    if (written?.text !== text || Buffer.compare(written.data, data) !== 0) problems.push(`event ${id} was altered`);
  }
  if (events.some(({ id }, i) => i > 0 && id <= events[i - 1]!.id)) problems.push("events are out of order");
  const read = new Set(events.map(({ id }) => id));
  for (const { firstId, nextId } of spared) {
    for (let id = firstId; id < nextId; id++)
      if (!read.has(id)) problems.push(`event ${id} is not damaged and cannot be read`);
  }
  return { problems, outcome, isNamed: damage.length > 0 || errors.length > 0, count: events.length };
}

/**
 * Verifies a log that may be damaged, and repairs it with the losses that were found. Every event must then be there or
 * among the losses, and none of those that are not damaged may be lost.
 *
 * @param end - Without the power, what was stored last may be missed by nobody.
 */
export async function repairAndJudge(
  sound: SoundLog,
  storage: SimulatedStorage,
  spared: readonly Extent[],
  end: LogEnd,
): Promise<Judgement> {
  const { losses } = await verifyLog("/log", { storage });
  await repairLog("/log", { accept: losses, storage });
  const judgement = await judge(sound, storage, spared);
  const { problems, outcome } = judgement;
  if (outcome !== "clean") problems.push(`after the repair it is ${outcome}`);
  const lost = losses.reduce((sum, loss) => sum + (loss.kind === "events" ? loss.toId - loss.fromId : 0), 0);
  if (end !== "without power" && judgement.count + lost !== sound.events.length)
    problems.push(
      `after the repair ${judgement.count} events are there, where ${lost} of ${sound.events.length} were lost`,
    );
  const again = await openLog(storage);
  await append(again.partition, [{ text: "after the repair" }]).catch((error: unknown) => problems.push(String(error)));
  await again.close();
  return judgement;
}

/** What was found. */
export interface Judgement {
  readonly problems: string[];
  readonly outcome: string;
  /** Whether something was said of damage, as the log was opened or by a read. */
  readonly isNamed: boolean;
  readonly count: number;
}

function extentsOf(path: string, bytes: Uint8Array): Extent[] {
  const header = decodeSegmentHeader(bytes.subarray(0, segmentHeaderSize));
  if (typeof header !== "object" || !("id" in header)) throw new Error(`${path} has no header`);
  const extents: Extent[] = [];
  for (let from = segmentHeaderSize; ;) {
    const batch = decodeBatchHeader(
      bytes.subarray(from, from + batchHeaderSize),
      header.id.subarray(0, 8),
      from,
      Infinity,
    );
    if (batch === undefined) return extents;
    const to = from + lengthOf(batch);
    extents.push({ path, from, to, firstId: batch.baseId, nextId: batch.baseId + batch.count });
    from = to;
  }
}

/** A file is filled with zeros ahead of the events. A few of them do for a test, and make it fast. */
function withoutSpareZeros(bytes: Uint8Array): Uint8Array {
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  return bytes.slice(0, Math.min(bytes.length, Math.ceil(used / 8) * 8 + 64));
}
