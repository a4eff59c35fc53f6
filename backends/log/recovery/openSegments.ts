import type { Keys } from "../encryption/keys.ts";
import type { Head } from "../format/headFile.ts";
import { decodeSegmentHeader, formatVersion, segmentHeaderSize, type SegmentHeader } from "../format/segmentHeader.ts";
import { scanSegment } from "../segments/scanSegment.ts";
import { Segment, segmentName } from "../segments/segment.ts";
import { ignoreMissing, readAll, type Storage } from "../storage/storage.ts";
import type { Finding } from "./recoveryReport.ts";

/**
 * Reads the header of every segment that there should be, oldest first, and notes which are missing or unreadable.
 *
 * @param ordinals - The segments that there are, in order.
 */
export async function openSegments(
  storage: Storage,
  directory: string,
  ordinals: readonly number[],
  head: Head | undefined,
  found: Finding,
  keys: Keys | undefined,
): Promise<Segment[]> {
  const first = Math.min(ordinals[0] ?? Infinity, head?.firstOrdinal ?? Infinity);
  const last = Math.max(ordinals.at(-1) ?? -1, head?.ordinal ?? -1);
  const present = new Set(ordinals);
  const segments: Segment[] = [];
  for (let ordinal = first; ordinal <= last; ordinal++) {
    if (!present.has(ordinal)) {
      found.worsen("corrupt", { ...nothingOf(ordinal), reason: "The segment is missing" });
      continue;
    }
    const header = await headerOf(storage, directory, ordinal, head, found);
    if (found.outcome === "unknownVersion") return [];
    if (header !== undefined) segments.push(new Segment(storage, directory, header, keys));
  }
  return segments;
}

/** Whether the keys of all segments are the right ones. It is known before anything is read with them, or written. */
export async function checkKeys(segments: readonly Segment[], found: Finding): Promise<void> {
  for (const { cipher, header } of segments) {
    await cipher.catch((error: unknown) => {
      found.hasWrongKey({ ...nothingOf(header.ordinal), reason: (error as Error).message });
    });
  }
}

/** The header of a segment, or what stands in for one that cannot be read; undefined when nothing does. */
async function headerOf(
  storage: Storage,
  directory: string,
  ordinal: number,
  head: Head | undefined,
  found: Finding,
): Promise<SegmentHeader | undefined> {
  const header = await readHeader(storage, `${directory}/${segmentName(ordinal)}`);
  if (typeof header === "object" && "version" in header) {
    const reason = `Version ${header.version} of the format, where ${formatVersion} is known`;
    found.isUnknownVersion({ ...nothingOf(ordinal), reason });
    return undefined;
  }
  if (header !== "invalid" && header.ordinal === ordinal) return header;
  const reason = "The header of the segment cannot be read";
  found.worsen("corrupt", { ...nothingOf(ordinal), end: segmentHeaderSize, reason });
  return standIn(storage, directory, ordinal, head);
}

function nothingOf(ordinal: number) {
  return { file: segmentName(ordinal), offset: 0, end: 0, fromId: 0, toId: 0 };
}

/** Reads the header of a segment. */
export async function readHeader(storage: Storage, path: string): Promise<ReturnType<typeof decodeSegmentHeader>> {
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
    // The very first segment begins with the first event. Of any other, what it begins with is not known any more.
    let baseId = ordinal === 0 ? 0 : undefined;
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
