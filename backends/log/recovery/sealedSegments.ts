import { sameBytes } from "../format/bytes.ts";
import { decodeSegmentFooter, type SegmentFooter } from "../format/segmentFooter.ts";
import type { Producers } from "../producers.ts";
import { scanSegment, type ScanOptions } from "../segments/scanSegment.ts";
import { segmentName, type Segment } from "../segments/segment.ts";
import { readAll } from "../storage/storage.ts";
import type { Finding } from "./recoveryReport.ts";

/**
 * Says how far a segment reaches that is written no more: as far as it says itself where it was written anew, and as far
 * as the next one says otherwise. It is read as a whole only when it is shorter.
 */
export async function measureSealed(segment: Segment, next: Segment | undefined, found: Finding): Promise<void> {
  if (segment.header.rewritten !== undefined) await measureRewritten(segment, next, found);
  else if (next !== undefined) await measureBefore(segment, next, found);
}

async function measureRewritten(segment: Segment, next: Segment | undefined, found: Finding): Promise<void> {
  const size = await segment.file.size();
  const { length } = segment;
  if (next !== undefined) checkPlace(segment, next, size, found);
  if (size < length) await findCut(segment, size, length, found);
  else segment.newest = (await footerOf(segment))?.newest ?? Infinity;
}

async function measureBefore(segment: Segment, next: Segment, found: Finding): Promise<void> {
  const { predecessor, ordinal } = next.header;
  const file = segmentName(segment.header.ordinal);
  const size = await segment.file.size();
  const isKnown = ordinal === segment.header.ordinal + 1 && predecessor.length > 0;
  if (!isKnown) {
    // The next one is missing, or cannot say. What is there counts.
    segment.endId = next.header.baseId;
    segment.length = size;
    await segment.walk("everything");
    for (const gap of segment.gaps)
      found.worsen("corrupt", { file, ...gap, reason: "The bytes are not what was written" });
    return;
  }
  segment.endId = predecessor.endId;
  segment.number = next.header.baseNumber;
  segment.chain = predecessor.chain;
  segment.length = Math.min(size, predecessor.length);
  checkPlace(segment, next, size, found);
  segment.newest = (await footerOf(segment))?.newest ?? Infinity; // Without its footer nobody knows before it is walked.
  if (size < predecessor.length) await findCut(segment, size, predecessor.length, found);
}

/** Whether a segment is the one that the next one speaks of, or stands for it. */
function checkPlace({ header, endId }: Segment, { header: next }: Segment, size: number, found: Finding): void {
  const { id, length } = next.predecessor;
  if (next.ordinal !== header.ordinal + 1 || length === 0) return;
  if (sameBytes(id, header.id) || (header.rewritten && sameBytes(id, header.rewritten.original.id))) return;
  const reason = "Another segment stood here when the next one was made";
  const file = segmentName(header.ordinal);
  found.worsen("corrupt", { file, offset: 0, end: size, fromId: header.baseId, toId: endId, reason });
}

/** Finds out what is left of a segment that is shorter than it was. */
async function findCut(segment: Segment, size: number, length: number, found: Finding): Promise<void> {
  segment.length = size;
  await segment.walk("everything");
  const file = segmentName(segment.header.ordinal);
  const reason = `The segment has ${size} bytes, where ${length} were stored`;
  for (const gap of segment.gaps) found.worsen("truncated", { file, ...gap, reason });
}

/** What stands behind the last batch of a segment; undefined when it is missing or spoiled. */
export async function footerOf(segment: Segment): Promise<SegmentFooter | undefined> {
  const size = await segment.file.size();
  if (size <= segment.length) return undefined;
  const bytes = new Uint8Array(Math.min(size - segment.length, 64 << 20));
  return decodeSegmentFooter(bytes.subarray(0, await readAll(segment.file, bytes, segment.length)), segment.tag);
}

/** What the producers had stored when the live segment began: from the newest footer, and from the segments behind it. */
export async function replaySealed(sealed: readonly Segment[], producers: Producers): Promise<void> {
  let from = sealed.length;
  while (from > 0) {
    const segment = sealed[from - 1]!;
    const footer = await footerOf(segment);
    if (footer !== undefined) {
      producers.restore(footer.producers);
      break;
    }
    from--;
  }
  for (const segment of sealed.slice(from)) {
    const start = { tag: segment.tag, id: undefined, number: undefined, chain: undefined };
    await scanSegment(segment.file, start, {
      end: segment.length,
      depth: "everything",
      found: replayInto(producers),
    });
  }
}

function replayInto(producers: Producers): NonNullable<ScanOptions["found"]> {
  return ({ sequence, count, baseId }, _offset, body) => {
    if (body?.producerId !== undefined) producers.replay(body.producerId, sequence, count, baseId);
  };
}
