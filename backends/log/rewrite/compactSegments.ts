import type { Compaction } from "../../../src/model/compaction.ts";
import { Compactor } from "../../../src/model/compactor.ts";
import { keepEvents } from "../../../src/model/keepEvents.ts";
import type { Keys } from "../encryption/keys.ts";
import type { BatchHeader } from "../format/batchHeader.ts";
import type { StorableBatch } from "../format/storableBatch.ts";
import { noPredecessor, type SegmentHeader } from "../format/segmentHeader.ts";
import { footerOf } from "../recovery/sealedSegments.ts";
import { scanSegment } from "../segments/scanSegment.ts";
import { Segment } from "../segments/segment.ts";
import { ignoreMissing, type Storage } from "../storage/storage.ts";
import { readWholeBatch, readWithoutData } from "./readWholeBatch.ts";
import { emptyBatch, rewriteSegment } from "./rewriteSegment.ts";

/** What a compaction needs of its partition. */
export interface CompactionWork {
  readonly storage: Storage;
  readonly directory: string;
  readonly keys: Keys;
  readonly compaction: Compaction;
  readonly now: () => number;
  /** All segments, oldest first. The newest one is left alone. */
  readonly segments: readonly Segment[];
  /** Segments that have been looked at. What is added to them needs no other look by itself. */
  readonly seen: WeakSet<Segment>;
  /** Puts a segment that was written anew in the place of another one. */
  readonly replaced: (before: Segment, after: Segment) => void;
  /** Called when there is something to be done. */
  readonly begun: () => Promise<void>;
  readonly isStopped: () => boolean;
}

/** A batch of a segment, and the indexes of its events that stay. */
interface Planned {
  readonly header: BatchHeader;
  readonly offset: number;
  readonly kept: readonly number[];
}

/**
 * Removes from sealed segments the events of which there is a newer one of the same key, once half of their bytes have not
 * been looked at before. Each segment is written anew as a whole, the oldest first: so when a tombstone goes, what it has removed is
 * gone already. Damaged segments are left alone. It may be interrupted anywhere.
 */
export async function compactSegments(work: CompactionWork): Promise<void> {
  const sealed = work.segments.slice(0, -1);
  const bytes = (segments: readonly Segment[]) => segments.reduce((sum, { length }) => sum + length, 0);
  const unseen = sealed.filter((segment) => segment.header.rewritten === undefined && !work.seen.has(segment));
  if (unseen.length === 0 || 2 * bytes(unseen) < bytes(sealed)) return;
  await work.begun();
  const compactor = new Compactor(work.compaction, work.now());
  const batches = new Map<Segment, { header: BatchHeader; offset: number }[]>();
  for (const segment of sealed) {
    const found = await batchesOf(segment);
    if (found === undefined || work.isStopped()) return;
    batches.set(segment, found);
    for (const { header, offset } of found)
      compactor.show({ firstId: header.baseId, ...(await readWithoutData(segment, header, offset)) });
  }
  for (const segment of sealed) {
    if (work.isStopped()) return;
    const planned: Planned[] = [];
    for (const { header, offset } of batches.get(segment)!) {
      const batch = await readWithoutData(segment, header, offset);
      planned.push({ header, offset, kept: compactor.kept({ firstId: header.baseId, ...batch }) });
    }
    await compactSegment(work, segment, planned);
  }
}

/** The batches of a segment; undefined when something of it is damaged. */
async function batchesOf(segment: Segment): Promise<{ header: BatchHeader; offset: number }[] | undefined> {
  const found: { header: BatchHeader; offset: number }[] = [];
  const { tag, header, firstChain: chain, length, endId } = segment;
  const start = { tag, id: header.baseId, number: header.baseNumber, chain };
  const scan = await scanSegment(segment.file, start, {
    end: length,
    depth: "headers",
    found: (each, offset) => found.push({ header: each, offset }),
  });
  return scan.gaps.length === 0 && scan.id === endId ? found : undefined;
}

async function compactSegment(work: CompactionWork, segment: Segment, planned: readonly Planned[]): Promise<void> {
  const { storage, directory, keys, now, segments, seen } = work;
  const footer = await footerOf(segment);
  const { ordinal, baseId, baseNumber, epoch, predecessor } = segment.header;
  seen.add(segment);
  // Without its footer nobody would know any more what the producers had stored.
  if (footer === undefined || planned.every(({ header, kept }) => kept.length === header.count)) return;
  const next = segments[segments.indexOf(segment) + 1]?.header;
  const options = {
    storage,
    directory,
    keys,
    ordinal,
    baseId,
    endId: segment.endId,
    baseNumber,
    epoch,
    created: now(),
    predecessor: predecessor.length === 0 ? noPredecessor : predecessor,
    original: next?.predecessor,
    producers: footer.producers,
  };
  const renamed = (header: SegmentHeader) => {
    const after = new Segment(storage, directory, header, keys);
    after.newest = footer.newest;
    work.replaced(segment, after);
  };
  try {
    await rewriteSegment(options, compacted(work, segment, planned), renamed);
  } catch (error) {
    await storage.unlink(`${segment.path}.new`).catch(ignoreMissing);
    throw error;
  }
}

async function* compacted(
  { isStopped }: CompactionWork,
  segment: Segment,
  planned: readonly Planned[],
): AsyncGenerator<StorableBatch> {
  let emptyTo: number | undefined; // Batches of which nothing is left become one.
  for (const { header, offset, kept } of planned) {
    if (isStopped()) throw new Error("The log is being closed");
    if (kept.length === 0 && header.count > 0) {
      emptyTo = header.next;
      continue;
    }
    if (emptyTo !== undefined) yield emptyBatch(emptyTo);
    emptyTo = undefined;
    const whole = await readWholeBatch(segment, header, offset);
    const isWhole = kept.length === header.count;
    yield isWhole ? whole : keepEvents({ ...whole, firstId: header.baseId, next: header.next }, kept);
  }
  if (emptyTo !== undefined) yield emptyBatch(emptyTo);
}
