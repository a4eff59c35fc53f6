import { lengthOf, type BatchHeader } from "./batchFormat.ts";
import { formatVersion, decodeSegmentHeader, segmentHeaderSize, type SegmentHeader } from "./segmentHeader.ts";
import { decodeSegmentFooter, type SegmentFooter } from "./segmentFooter.ts";
import { HeadFile, type Head } from "./headFile.ts";
import { Producers } from "./producers.ts";
import { replaceFile, readAll, writeAll, ignoreMissing, type Storage } from "./storage.ts";
import { ordinalOf, Segment, segmentName } from "./segment.ts";
import { sameBytes } from "./bytes.ts";
import { scanSegment, type Scan } from "./scanSegment.ts";
import { SparseIndex } from "./sparseIndex.ts";

/**
 * What was found when a partition was opened.
 *
 * - `clean`: everything that was ever stored is there.
 * - `tornTail`: what was being written when the process or the machine stopped was set aside. Nobody had been told that it is stored.
 * - `truncated`: the log ends, in good order, before an event that was on the disk. It takes no more events.
 * - `corrupt`: something that was on the disk cannot be read. It takes no more events; what is intact can be read.
 * - `unknownVersion`: written by another version of the format. Nothing is read or written.
 */
export type RecoveryOutcome = "clean" | "tornTail" | "truncated" | "corrupt" | "unknownVersion";

/** Something that is not as it was written. */
export interface Damage {
  /** The file, within the partition's directory. */
  readonly file: string;
  /** The first byte, and the one behind the last. */
  readonly offset: number;
  readonly end: number;
  /** The ids that cannot be read: from one, to the one behind the last. Equal when no event is lost. */
  readonly fromId: number;
  readonly toId: number;
  /** What is wrong, in words. */
  readonly reason: string;
}

/** What opening one partition has found and done. */
export interface RecoveryReport {
  readonly topic: string;
  readonly partition: number;
  readonly outcome: RecoveryOutcome;
  /** Whether it had been closed in good order. */
  readonly closed: boolean;
  /** The id behind the last event that can be read. */
  readonly end: number;
  readonly damage: readonly Damage[];
}

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
 * but for their first and last bytes; the live one is checked byte for byte.
 */
export async function recover(storage: Storage, directory: string): Promise<Recovered> {
  const found = new Finding();
  const names = (await storage.list(directory).catch(ignoreMissing)) ?? [];
  for (const name of names) if (name.endsWith(".new")) await storage.unlink(`${directory}/${name}`);
  const head = await HeadFile.read(storage, `${directory}/head`);
  if (head === undefined && names.includes("head")) found.damage.push(headLost);
  const ordinals = names
    .map(ordinalOf)
    .filter((ordinal) => ordinal !== undefined)
    .sort((a, b) => a - b);
  while (head !== undefined && ordinals.length > 0 && ordinals[0]! < head.firstOrdinal) {
    await storage.unlink(`${directory}/${segmentName(ordinals.shift()!)}`); // It was dropped, and the end came before it was gone.
  }
  const segments = await openSegments(storage, directory, ordinals, head, found);
  if (found.outcome === "unknownVersion") return result(found, [], new Producers(), head);
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1];
    if (next !== undefined) await measureSealed(segment, next, found);
  }
  const producers = new Producers();
  const live = segments.at(-1);
  if (live === undefined) return result(found, segments, producers, head);
  await replaySealed(segments.slice(0, -1), producers);
  await recoverLive(storage, directory, live, head, producers, found);
  return result(found, segments, producers, head);
}

/** What has been found so far. The worst outcome stays. */
class Finding {
  outcome: RecoveryOutcome = "clean";
  closed = false;
  readonly damage: Damage[] = [];

  worsen(outcome: "truncated" | "corrupt", damage: Damage): void {
    if (this.outcome !== "corrupt") this.outcome = outcome;
    this.damage.push(damage);
  }
}

const headLost: Damage = {
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

async function openSegments(
  storage: Storage,
  directory: string,
  ordinals: readonly number[],
  head: Head | undefined,
  found: Finding,
): Promise<Segment[]> {
  const first = Math.min(ordinals[0] ?? Infinity, head?.firstOrdinal ?? Infinity);
  const last = Math.max(ordinals.at(-1) ?? -1, head?.ordinal ?? -1);
  const present = new Set(ordinals);
  const headers: (SegmentHeader | undefined)[] = [];
  const segments: Segment[] = [];
  for (let ordinal = first; ordinal <= last; ordinal++) {
    const file = segmentName(ordinal);
    if (!present.has(ordinal)) {
      found.worsen("corrupt", { file, offset: 0, end: 0, fromId: 0, toId: 0, reason: "The segment is missing" });
      continue;
    }
    const header = await readHeader(storage, `${directory}/${file}`);
    if (typeof header === "object" && "version" in header) {
      found.outcome = "unknownVersion";
      found.damage.push({
        file,
        offset: 0,
        end: 0,
        fromId: 0,
        toId: 0,
        reason: `Version ${header.version} of the format, where ${formatVersion} is known`,
      });
      return [];
    }
    headers.push(header === "invalid" || header.ordinal !== ordinal ? undefined : header);
    if (headers.at(-1) === undefined) {
      found.worsen("corrupt", {
        file,
        offset: 0,
        end: segmentHeaderSize,
        fromId: 0,
        toId: 0,
        reason: "The header of the segment cannot be read",
      });
      headers[headers.length - 1] = await standIn(storage, directory, ordinal, head);
    }
    if (headers.at(-1) !== undefined) segments.push(new Segment(storage, directory, headers.at(-1)!));
  }
  return segments;
}

async function readHeader(storage: Storage, path: string): Promise<ReturnType<typeof decodeSegmentHeader>> {
  const file = await storage.open(path, "read");
  try {
    const sector = new Uint8Array(segmentHeaderSize);
    return decodeSegmentHeader(sector.subarray(0, await readAll(file, sector, 0)));
  } finally {
    await file.close();
  }
}

/** A header for a segment that has lost its own, made of what others say of it, so that what is intact can be read. */
async function standIn(
  storage: Storage,
  directory: string,
  ordinal: number,
  head: Head | undefined,
): Promise<SegmentHeader | undefined> {
  const next = await readHeader(storage, `${directory}/${segmentName(ordinal + 1)}`).catch(ignoreMissing);
  const isKnown = typeof next === "object" && "predecessor" in next;
  const id = isKnown ? next.predecessor.id : head?.ordinal === ordinal ? head.segmentId : undefined;
  if (id === undefined) return undefined;
  const file = await storage.open(`${directory}/${segmentName(ordinal)}`, "read");
  try {
    let baseId: number | undefined;
    let baseNumber = 0;
    const start = { tag: id.subarray(0, 8), id: undefined, number: undefined, chain: undefined };
    const found = (batch: { readonly baseId: number; readonly number: number }) => {
      if (baseId === undefined) ({ baseId, number: baseNumber } = batch);
    };
    await scanSegment(file, start, { end: await file.size(), depth: "headers", found });
    const predecessor = { id: new Uint8Array(16), endId: 0, length: 0, chain: 0 };
    return baseId === undefined ? undefined : { id, ordinal, baseId, baseNumber, epoch: 0, created: 0, predecessor };
  } finally {
    await file.close();
  }
}

/** A sealed segment is as long as the next one says. It is read as a whole only when it is not. */
async function measureSealed(segment: Segment, next: Segment, found: Finding): Promise<void> {
  const { predecessor, ordinal } = next.header;
  const file = segmentName(segment.header.ordinal);
  const size = await (await segment.file).size();
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
  if (!sameBytes(predecessor.id, segment.header.id)) {
    const reason = "Another segment stood here when the next one was made";
    found.worsen("corrupt", { file, offset: 0, end: size, fromId: segment.header.baseId, toId: segment.endId, reason });
  }
  segment.newest = (await footerOf(segment, size))?.newest ?? Infinity; // Without its footer nobody knows before it is walked.
  if (size >= predecessor.length) return;
  await segment.walk("everything");
  const reason = `The segment has ${size} bytes, where ${predecessor.length} were stored`;
  for (const gap of segment.gaps) found.worsen("truncated", { file, ...gap, reason });
}

async function footerOf(segment: Segment, size: number): Promise<SegmentFooter | undefined> {
  if (size <= segment.length) return undefined;
  const bytes = new Uint8Array(Math.min(size - segment.length, 64 << 20));
  return decodeSegmentFooter(bytes.subarray(0, await readAll(await segment.file, bytes, segment.length)), segment.tag);
}

/** What the producers had stored when the live segment began: from the newest footer, and from the segments behind it. */
async function replaySealed(sealed: readonly Segment[], producers: Producers): Promise<void> {
  let from = sealed.length;
  while (from > 0) {
    const segment = sealed[from - 1]!;
    const footer = await footerOf(segment, await (await segment.file).size());
    if (footer !== undefined) {
      producers.restore(footer.producers);
      break;
    }
    from--;
  }
  for (const segment of sealed.slice(from)) {
    const start = { tag: segment.tag, id: undefined, number: undefined, chain: undefined };
    await scanSegment(await segment.file, start, {
      end: segment.length,
      depth: "everything",
      found: replayInto(producers),
    });
  }
}

function replayInto(producers: Producers): NonNullable<Parameters<typeof scanSegment>[2]["found"]> {
  return ({ sequence, count, baseId }, _offset, body) => {
    if (body?.producerId !== undefined) producers.replay(body.producerId, sequence, count, baseId);
  };
}

/** A batch of the live segment, before it is known which of them count. */
interface Seen {
  readonly header: BatchHeader;
  readonly offset: number;
  readonly producerId: string | undefined;
}

async function recoverLive(
  storage: Storage,
  directory: string,
  live: Segment,
  head: Head | undefined,
  producers: Producers,
  found: Finding,
): Promise<void> {
  const size = await (await live.file).size();
  const seen: Seen[] = [];
  const isWhole = found.outcome === "clean";
  const start = {
    tag: live.tag,
    id: live.header.baseId,
    number: live.header.baseNumber,
    chain: isWhole ? live.chain : undefined,
  };
  const scan = await scanSegment(await live.file, start, {
    end: size,
    depth: "everything",
    found: (header, offset, body) => seen.push({ header, offset, producerId: body?.producerId }),
  });
  const isOfHead = head !== undefined && sameBytes(head.segmentId, live.header.id);
  const provenId = Math.max(scan.provenId, isOfHead ? head.endId : 0);
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
  if (provenId <= first.fromId) return first.offset;
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
    live.endId = header.baseId + header.count;
    live.length = offset + lengthOf(header);
    live.number = header.number + 1;
    live.chain = header.checksum;
    if (producerId !== undefined) producers.replay(producerId, header.sequence, header.count, header.baseId);
  }
  if (torn !== undefined) return;
  const rest = provenId > scan.id ? [{ offset: scan.offset, end: scan.used, fromId: scan.id, toId: provenId }] : [];
  live.gaps = [...scan.gaps, ...rest];
}

/** Copies a torn tail to `quarantine/`, then cuts it off. Done again after an interruption it does the same. */
async function setAside(
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
  await readAll(await live.file, bytes, from);
  await storage.makeDirectory(quarantine);
  await replaceFile(storage, quarantine, `${file}-${from}`, bytes);
  const writable = await storage.open(live.path, "write");
  try {
    await writable.truncate(from);
    await writable.sync();
  } finally {
    await writable.close();
  }
  found.outcome = "tornTail";
  const reason = "The last batches were being written when the process stopped; their bytes are in quarantine/";
  found.damage.push({ file, offset: from, end: to, fromId: live.endId, toId: live.endId, reason });
}

/**
 * Writes the newest batches once more, as they are. They may have been read from memory of the system alone: the process
 * may have died before its sync, or after one that failed, and then the system never writes these pages by itself.
 */
async function writeAgain(storage: Storage, live: Segment, from: number, size: number): Promise<void> {
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
