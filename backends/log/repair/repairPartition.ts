import { asyncScheduler } from "rxjs";
import type { Keys } from "../encryption/keys.ts";
import type { BatchHeader } from "../format/batchHeader.ts";
import type { StorableBatch } from "../format/storableBatch.ts";
import { HeadFile } from "../format/headFile.ts";
import { noPredecessor } from "../format/segmentHeader.ts";
import { footerOf } from "../recovery/sealedSegments.ts";
import { readWholeBatch } from "../rewrite/readWholeBatch.ts";
import { lostBatch, rewriteSegment } from "../rewrite/rewriteSegment.ts";
import { scanSegment } from "../segments/scanSegment.ts";
import { Segment, segmentName } from "../segments/segment.ts";
import type { Storage } from "../storage/storage.ts";
import type { VerifiedPartition } from "../verify/verifyPartition.ts";
import { quarantine } from "./quarantine.ts";

/** An intact batch, and where it is. */
interface Intact {
  readonly header: BatchHeader;
  readonly offset: number;
}

/**
 * Writes every segment anew that is damaged or missing: what is intact stays, and what is not becomes a gap that readers
 * are told of. Each segment is the old one or the new one, so this may be interrupted, and what is left is repaired after
 * another look.
 */
export async function repairPartition(
  storage: Storage,
  directory: string,
  found: VerifiedPartition,
  keys: Keys,
): Promise<void> {
  const { recovered, damage, toId } = found;
  const { segments, head } = recovered;
  const first = Math.min(head?.firstOrdinal ?? Infinity, segments[0]?.header.ordinal ?? Infinity);
  const last = Math.max(head?.ordinal ?? -1, segments.at(-1)?.header.ordinal ?? -1);
  let before: Segment | undefined;
  for (let ordinal = first; ordinal <= last; ordinal++) {
    const segment = segments.find(({ header }) => header.ordinal === ordinal);
    const baseId = before?.endId ?? found.fromId;
    const endId = segments.find(({ header }) => header.ordinal > ordinal)?.header.baseId ?? toId;
    const isWhole =
      damage.every(({ file }) => file !== segmentName(ordinal)) &&
      segment?.header.baseId === baseId &&
      segment.endId === endId;
    before = isWhole ? segment : await replace({ storage, directory, keys, found, before, ordinal, baseId, endId });
  }
  if (before !== undefined) await writeHead(storage, directory, found, before, first);
}

/** A segment that is to be written anew. */
interface Replacement {
  readonly storage: Storage;
  readonly directory: string;
  readonly keys: Keys;
  readonly found: VerifiedPartition;
  readonly before: Segment | undefined;
  readonly ordinal: number;
  readonly baseId: number;
  readonly endId: number;
}

async function replace({ found, before, ...place }: Replacement): Promise<Segment> {
  const { storage, directory, keys, ordinal, baseId, endId } = place;
  const { head, segments } = found.recovered;
  const segment = segments.find(({ header }) => header.ordinal === ordinal);
  const next = segments.find(({ header }) => header.ordinal === ordinal + 1)?.header.predecessor;
  const file = segmentName(ordinal);
  const ofFile = found.damage.filter((each) => each.file === file);
  await quarantine(storage, directory, file, ofFile);
  const options = {
    ...place,
    baseNumber: segment?.header.baseNumber ?? before?.number ?? 0,
    epoch: head?.epoch ?? segment?.header.epoch ?? 0,
    created: asyncScheduler.now(),
    predecessor: before?.ending ?? noPredecessor,
    original: next?.length === 0 ? undefined : next,
    producers: await producersOf(found, segment, ordinal),
  };
  return new Segment(storage, directory, await rewriteSegment(options, withGaps(segment, baseId, endId)), keys);
}

/** At the end of the log it is known from everything; in front of it from the footer, which may be spoiled. */
async function producersOf({ recovered }: VerifiedPartition, segment: Segment | undefined, ordinal: number) {
  const { segments, producers } = recovered;
  if (segments.every(({ header }) => header.ordinal <= ordinal)) return producers.snapshot();
  return segment && (await footerOf(segment))?.producers;
}

/** The batches that are intact, with what tells of the others. */
async function* withGaps(segment: Segment | undefined, baseId: number, endId: number): AsyncGenerator<StorableBatch> {
  let at = baseId;
  for (const { header, offset } of segment === undefined ? [] : await intactOf(segment)) {
    if (header.baseId < at || header.next > endId) continue; // Left over from another segment.
    if (header.baseId > at) yield lostBatch(header.baseId);
    yield await readWholeBatch(segment!, header, offset);
    at = header.next;
  }
  if (at < endId) yield lostBatch(endId);
}

async function intactOf(segment: Segment): Promise<Intact[]> {
  const batches: Intact[] = [];
  const start = { tag: segment.tag, id: undefined, number: undefined, chain: undefined };
  await scanSegment(segment.file, start, {
    end: segment.length,
    depth: "everything",
    found: (header, offset) => batches.push({ header, offset }),
  });
  return batches;
}

async function writeHead(
  storage: Storage,
  directory: string,
  { recovered: { head } }: VerifiedPartition,
  { header, end }: Segment,
  firstOrdinal: number,
): Promise<void> {
  const file = await HeadFile.open(storage, `${directory}/head`, head?.generation ?? 0);
  try {
    const { id, ordinal } = header;
    const epoch = head?.epoch ?? header.epoch;
    await file.write({ clean: false, epoch, segmentId: id, ordinal, firstOrdinal, durableId: end.endId, ...end });
  } finally {
    await file.close();
  }
  await storage.syncDirectory(directory);
}
