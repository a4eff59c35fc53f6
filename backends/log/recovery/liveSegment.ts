import { lengthOf, type BatchHeader } from "../format/batchHeader.ts";
import { sameBytes } from "../format/bytes.ts";
import type { Head } from "../format/headFile.ts";
import { segmentHeaderSize } from "../format/segmentHeader.ts";
import type { Producers } from "../producers.ts";
import { scanSegment, type Scan, type ScanDepth } from "../segments/scanSegment.ts";
import { segmentName, type Segment } from "../segments/segment.ts";
import { SparseIndex } from "../segments/sparseIndex.ts";
import type { Storage } from "../storage/storage.ts";
import type { Finding } from "./recoveryReport.ts";
import { setAside, writeAgain } from "./repairTail.ts";

/** A batch of the live segment, before it is known which of them count. */
interface Seen {
  readonly header: BatchHeader;
  readonly offset: number;
  readonly producerId: string | undefined;
}

/** What the head file says of how far the live segment reaches. */
export interface HeadEvidence {
  /** The newest state that was synced. */
  readonly head: Head | undefined;
  /** The newest that was not; what it says to be on the disk is. */
  readonly witness: Head | undefined;
}

/**
 * Checks the live segment, and brings its end into order where nobody loses anything by it. Where it was closed in good order
 * its data is checked when it is read, as that of sealed ones; otherwise every byte is checked.
 */
export async function recoverLive(
  storage: Storage,
  directory: string,
  live: Segment,
  { head, witness }: HeadEvidence,
  producers: Producers,
  found: Finding,
): Promise<void> {
  const size = await live.file.size();
  const seen: Seen[] = [];
  const isWhole = found.outcome === "clean";
  const start = {
    tag: live.tag,
    id: live.header.baseId,
    number: live.header.baseNumber,
    chain: isWhole ? live.chain : undefined,
  };
  const look = (depth: ScanDepth) => {
    seen.length = 0;
    return scanSegment(live.file, start, {
      end: size,
      depth,
      found: (header, offset, body) => seen.push({ header, offset, producerId: body?.producerId }),
    });
  };
  const isOfHead = head !== undefined && sameBytes(head.segmentId, live.header.id);
  const isClosed = isWhole && isOfHead && head.clean && head.length === size;
  let scan = await look(isClosed ? "metadata" : "everything");
  if (isClosed && (scan.gaps.length > 0 || scan.offset !== size || scan.id !== head.endId))
    scan = await look("everything");
  const isOfWitness = witness !== undefined && sameBytes(witness.segmentId, live.header.id);
  const provenId = Math.max(scan.provenId, isOfHead ? head.endId : 0, isOfWitness ? witness.durableId : 0);
  const torn = judgeLive(live, scan, provenId, found);
  accept(live, seen, scan, provenId, torn, producers);
  if (found.outcome === "truncated" || found.outcome === "corrupt") return;
  if (torn !== undefined) await setAside(storage, directory, live, torn, scan.used, found);
  found.closed =
    torn === undefined && isOfHead && head.clean && head.endId === live.endId && head.length === live.length;
  if (!found.closed)
    await writeAgain(storage, live, isOfHead ? Math.min(head.length, live.length) : segmentHeaderSize, size);
}

/** Says what is wrong with the live segment, and returns the first byte of its torn tail, where it has one. */
function judgeLive(live: Segment, scan: Scan, provenId: number, found: Finding): number | undefined {
  const file = segmentName(live.header.ordinal);
  const trailing = { offset: scan.offset, end: scan.used, fromId: scan.id, toId: Math.max(scan.id, provenId) };
  const first = scan.gaps[0] ?? (scan.used > scan.offset ? trailing : undefined);
  if (first === undefined) {
    if (provenId > scan.id)
      found.worsen("truncated", {
        file,
        ...trailing,
        reason: `The log ends at ${scan.id}, where events up to ${provenId} were stored`,
      });
    return undefined;
  }
  // Where something else is damaged nothing is cut off: what is intact behind the gap may have been stored.
  if (provenId <= first.fromId && found.outcome === "clean") return first.offset;
  for (const gap of scan.gaps) found.worsen("corrupt", { file, ...gap, reason: "The bytes are not what was written" });
  if (provenId > scan.id) found.worsen("corrupt", { file, ...trailing, reason: "The bytes are not what was written" });
  return undefined;
}

/** Takes the batches that count into the index and the history of their producers. */
function accept(
  live: Segment,
  seen: readonly Seen[],
  scan: Scan,
  provenId: number,
  torn: number | undefined,
  producers: Producers,
): void {
  live.index = new SparseIndex();
  for (const { header, offset, producerId } of seen) {
    if (torn !== undefined && offset >= torn) break;
    live.index.note(header.baseId, offset, header.newest);
    live.newest = Math.max(live.newest, header.newest);
    live.endId = header.next;
    live.length = offset + lengthOf(header);
    live.number = header.number + 1;
    live.chain = header.checksum;
    if (producerId !== undefined) producers.replay(producerId, header.sequence, header.count, header.baseId);
  }
  if (torn !== undefined) return;
  const rest = provenId > scan.id ? [{ offset: scan.offset, end: scan.used, fromId: scan.id, toId: provenId }] : [];
  live.gaps = [...scan.gaps, ...rest];
}
