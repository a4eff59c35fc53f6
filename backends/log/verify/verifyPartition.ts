import type { Keys } from "../encryption/keys.ts";
import { recover, type Recovered } from "../recovery/recover.ts";
import type { Damage, RecoveryOutcome } from "../recovery/recoveryReport.ts";
import { scanSegment, type Scan } from "../segments/scanSegment.ts";
import { segmentName, type Segment } from "../segments/segment.ts";
import { dryStorage } from "../storage/dryStorage.ts";
import type { Storage } from "../storage/storage.ts";
import { worstOf, type PartitionReport, type SegmentReport } from "./logReport.ts";

/** Ids from one to the one behind the last. */
interface Range {
  readonly fromId: number;
  toId: number;
}

/** What a partition turned out to hold, with what a repair needs to know. */
export interface VerifiedPartition extends PartitionReport {
  readonly recovered: Recovered;
}

/** Reads every byte of a partition, and changes nothing. The files that it has opened are for the caller to close. */
export async function verifyPartition(
  storage: Storage,
  directory: string,
  partition: number,
  keys?: Keys,
): Promise<VerifiedPartition> {
  const recovered = await recover(dryStorage(storage), directory, keys);
  const damage: Damage[] = [...recovered.damage];
  const segments: SegmentReport[] = [];
  const intact: Range[] = [];
  for (const segment of recovered.segments) segments.push(await readAll(segment, intact, damage));
  const { fromId, toId } = extentOf(recovered, damage);
  const outcome = worstOf([recovered.outcome, ...damage.map((each) => each.outcome)]);
  const lost = outcome === "unknownVersion" ? [] : between(intact, fromId, toId);
  return { partition, outcome, fromId, toId, segments, damage, lost, recovered };
}

async function readAll(segment: Segment, intact: Range[], damage: Damage[]): Promise<SegmentReport> {
  const { header, length } = segment;
  const file = segmentName(header.ordinal);
  // Where another segment stands in its place, or its header is gone, what is said of the beginning cannot be relied on.
  const isKnown = damage.every((each) => each.file !== file || each.offset > 0);
  const start = {
    tag: segment.tag,
    id: header.baseId,
    number: header.baseNumber,
    chain: isKnown ? segment.firstChain : undefined,
  };
  const counts = { batches: 0, events: 0, metadataBytes: 0, dataBytes: 0 };
  const scan = await scanSegment(segment.file, start, {
    end: length,
    depth: "everything",
    found: ({ baseId, next, count, metadataSize, dataSize }) => {
      counts.batches++;
      counts.events += count;
      counts.metadataBytes += metadataSize;
      counts.dataBytes += dataSize;
      add(intact, baseId, next);
    },
  });
  noteGaps(segment, scan, damage);
  return { file, fromId: header.baseId, toId: segment.endId, ...counts, length, keyId: header.key?.id };
}

/** Notes what recovery has not: it trusts sealed segments, and reads them when somebody asks for their events. */
function noteGaps({ header, length, endId }: Segment, scan: Scan, damage: Damage[]): void {
  const file = segmentName(header.ordinal);
  const rest = scan.id < endId ? [{ offset: scan.offset, end: length, fromId: scan.id, toId: endId }] : [];
  const outcome: RecoveryOutcome = "corrupt";
  for (const gap of [...scan.gaps, ...rest]) {
    const isKnown = damage.some((each) => each.file === file && each.toId > gap.fromId && each.fromId < gap.toId);
    if (!isKnown) damage.push({ file, ...gap, outcome, reason: "The bytes are not what was written" });
  }
}

/** Which ids there must have been, by everything that is known. */
function extentOf({ segments, head }: Recovered, damage: readonly Damage[]): Range {
  const [first, last] = [segments[0]?.header, segments.at(-1)];
  const firstOrdinal = head?.firstOrdinal ?? first?.ordinal ?? 0;
  // Where the oldest segment is missing nobody knows where it began.
  const fromId = first !== undefined && first.ordinal === firstOrdinal ? first.baseId : 0;
  const toId = Math.max(last?.endId ?? 0, head?.endId ?? 0, ...damage.map((each) => each.toId));
  return { fromId, toId };
}

function add(ranges: Range[], fromId: number, toId: number): void {
  const last = ranges.at(-1);
  if (last?.toId === fromId) last.toId = toId;
  else ranges.push({ fromId, toId });
}

/** What is missing of an extent. */
function between(ranges: readonly Range[], fromId: number, toId: number): Range[] {
  const missing: Range[] = [];
  let at = fromId;
  for (const range of ranges) {
    if (range.fromId > at) missing.push({ fromId: at, toId: range.fromId });
    at = Math.max(at, range.toId);
  }
  if (toId > at) missing.push({ fromId: at, toId });
  return missing;
}
