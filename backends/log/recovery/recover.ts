import type { Keys } from "../encryption/keys.ts";
import { HeadFile, type Head } from "../format/headFile.ts";
import { Producers } from "../producers.ts";
import { ordinalOf, segmentName, type Segment } from "../segments/segment.ts";
import { ignoreMissing, readFile, writeAgain, type Storage } from "../storage/storage.ts";
import { recoverLive } from "./liveSegment.ts";
import { checkKeys, openSegments } from "./openSegments.ts";
import { Finding, type Damage, type RecoveryOutcome } from "./recoveryReport.ts";
import { measureSealed, replaySealed } from "./sealedSegments.ts";

/** A partition as it was found. */
export interface Recovered {
  readonly outcome: RecoveryOutcome;
  readonly closed: boolean;
  readonly damage: readonly Damage[];
  /** Oldest first. */
  readonly segments: Segment[];
  readonly producers: Producers;
  readonly head: Head | undefined;
}

/**
 * Finds out what is in a partition's directory, and brings it into order where nobody loses anything by it: a torn tail goes
 * to `quarantine/`, and half-made files go. It may be interrupted anywhere and run again. Sealed segments are not read
 * but for their first and last bytes; the live one is checked byte for byte. No key is needed for that.
 *
 * @param keys - Where the keys of encrypted segments come from. Undefined leaves them unchecked.
 */
export async function recover(storage: Storage, directory: string, keys?: Keys): Promise<Recovered> {
  const found = new Finding();
  const names = (await storage.list(directory).catch(ignoreMissing)) ?? [];
  for (const name of names) if (name.endsWith(".new")) await storage.unlink(`${directory}/${name}`);
  const witness = await HeadFile.readWitness(storage, `${directory}/head`);
  const head = await HeadFile.read(storage, `${directory}/head`);
  if (head === undefined && names.includes("head")) found.damage.push(headLost);
  const ordinals = names
    .map(ordinalOf)
    .filter((ordinal) => ordinal !== undefined)
    .sort((a, b) => a - b);
  await dropAgain(storage, directory, ordinals, head);
  const segments = await openSegments(storage, directory, ordinals, head, found, keys);
  if (found.outcome === "unknownVersion") return result(found, [], new Producers(), head);
  for (const [i, segment] of segments.entries()) await measureSealed(segment, segments[i + 1], found);
  const producers = new Producers();
  const newest = segments.at(-1);
  // What was written anew was whole before it had its name, so it is never live.
  const live = newest?.header.rewritten === undefined ? newest : undefined;
  await replaySealed(live === undefined ? segments : segments.slice(0, -1), producers);
  if (live !== undefined) await recoverLive(storage, directory, live, { head, witness }, producers, found);
  noteLostEnd(segments, [head, witness], found);
  if (keys !== undefined) await checkKeys(segments, found);
  return result(found, segments, producers, head);
}

/** Removes segments that were dropped when the end came, before they were gone. */
async function dropAgain(
  storage: Storage,
  directory: string,
  ordinals: number[],
  head: Head | undefined,
): Promise<void> {
  const left = ordinals.findIndex((ordinal) => ordinal >= (head?.firstOrdinal ?? 0));
  const dropped = ordinals.splice(0, left < 0 ? ordinals.length : left);
  if (dropped.length === 0) return;
  // A kill may have come before the sync of the head, and without its word a segment that is missing is damage.
  await writeAgain(storage, directory, "head", (await readFile(storage, `${directory}/head`))!);
  for (const ordinal of dropped) await storage.unlink(`${directory}/${segmentName(ordinal)}`);
}

/** Names the events of a newest segment of which nothing can be read, as far as the head file knows of them. */
function noteLostEnd(segments: readonly Segment[], evidence: readonly (Head | undefined)[], found: Finding): void {
  const newest = segments.at(-1);
  const ordinal = newest?.header.ordinal ?? -1;
  const known = evidence.filter((each) => each !== undefined && each.ordinal > ordinal) as readonly Head[];
  const lost = known.toSorted((a, b) => a.durableId - b.durableId).at(-1);
  const fromId = newest?.endId ?? 0;
  if (lost === undefined || lost.durableId <= fromId) return;
  const place = { file: segmentName(lost.ordinal), offset: 0, end: 0, fromId, toId: lost.durableId };
  found.worsen("corrupt", { ...place, reason: "Nothing of the segment can be read" });
}

const headLost: Damage = {
  outcome: "clean",
  file: "head",
  offset: 0,
  end: 0,
  fromId: 0,
  toId: 0,
  reason: "Neither slot can be read, so nothing proves where the log had ended",
};

function result(
  { outcome, closed, damage }: Finding,
  segments: Segment[],
  producers: Producers,
  head: Head | undefined,
): Recovered {
  return { outcome, closed, damage, segments, producers, head };
}
