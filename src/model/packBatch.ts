import type { Durability } from "./durability.ts";
import type { BatchKeys } from "./compaction.ts";
import type { EventBatch, ProducerSequence } from "./batch.ts";
import type { EventDraft } from "./draft.ts";

const encoder = new TextEncoder();

/** How many events are encoded in one call, and about how many characters at the most. */
const joinedEvents = 128;
const joinedLength = 1 << 15;

/**
 * Packs serialized drafts of one partition into a batch. Text is joined first and encoded once, since one native call
 * a batch is several times as fast as one an event.
 *
 * @param drafts - At least one draft, each with its payload.
 * @param producer - Who sends them.
 * @param durability - How safe they have to be when they are stored; as safe as the backend declares when left out.
 *
 * @example
 * ```ts
 * import { EventDraft, packBatch } from "sluice";
 *
 * const draft = new EventDraft({ n: 1 });
 * draft.payload = '{"n":1}';
 * console.log(packBatch([draft]).metadata.length); // 7
 * ```
 */
export function packBatch(
  drafts: readonly EventDraft[],
  producer?: ProducerSequence,
  durability?: Durability,
): EventBatch {
  const count = drafts.length;
  const timestamps = new Float64Array(count);
  const metadataEnds = new Uint32Array(count);
  let isText = true;
  let end = 0;
  let dataSize = 0;
  for (let i = 0; i < count; i++) {
    const { timestamp, data, payload } = drafts[i]!;
    timestamps[i] = timestamp;
    dataSize += data.size;
    if (typeof payload !== "string") isText = false;
    metadataEnds[i] = end += payload!.length;
  }
  const metadata = isText
    ? (packAscii(drafts, end) ?? packText(drafts, metadataEnds))
    : packBytes(drafts, metadataEnds);
  const packed = { count, metadata, metadataEnds, timestamps, ...packData(drafts, dataSize), producer, durability };
  return drafts[0]!.key === undefined ? packed : { ...packed, keys: packKeys(drafts) };
}

function packKeys(drafts: readonly EventDraft[]): BatchKeys {
  return {
    keys: drafts.map(({ key }) => key!.key),
    tombstones: Uint8Array.from(drafts, ({ key }) => (key!.isTombstone ? 1 : 0)),
  };
}

/**
 * Encodes text of which every character takes one byte, so that its ends are right already; undefined for any other. It is
 * joined a few events at a time, since a native call an event costs too much and a long text leaves the processor's cache.
 */
function packAscii(drafts: readonly EventDraft[], size: number): Uint8Array | undefined {
  const metadata = new Uint8Array(size);
  let end = 0;
  for (let i = 0; i < drafts.length;) {
    let text = "";
    const last = Math.min(drafts.length, i + joinedEvents);
    while (i < last && text.length < joinedLength) text += drafts[i++]!.payload as string;
    const { read, written } = encoder.encodeInto(text, metadata.subarray(end));
    if (read !== text.length || written !== text.length) return undefined;
    end += written;
  }
  return metadata;
}

function packText(drafts: readonly EventDraft[], metadataEnds: Uint32Array): Uint8Array {
  let joined = "";
  let end = 0;
  for (let i = 0; i < drafts.length; i++) {
    const text = drafts[i]!.payload as string;
    joined += text;
    metadataEnds[i] = end += utf8Length(text);
  }
  const metadata = new Uint8Array(end);
  // Halves of a surrogate pair that two events end and begin with would become one character of neither.
  if (encoder.encodeInto(joined, metadata).written !== end) return packBytes(drafts, metadataEnds);
  return metadata;
}

function packBytes(drafts: readonly EventDraft[], metadataEnds: Uint32Array): Uint8Array {
  const payloads = drafts.map(({ payload }) => (typeof payload === "string" ? encoder.encode(payload) : payload!));
  let end = 0;
  for (let i = 0; i < payloads.length; i++) metadataEnds[i] = end += payloads[i]!.length;
  const metadata = new Uint8Array(end);
  for (let i = 0; i < payloads.length; i++) metadata.set(payloads[i]!, i === 0 ? 0 : metadataEnds[i - 1]);
  return metadata;
}

function packData(drafts: readonly EventDraft[], size: number): Pick<EventBatch, "data" | "dataEnds"> {
  if (size === 0) return { data: [], dataEnds: undefined };
  const data: Uint8Array[] = [];
  const dataEnds = new Float64Array(drafts.length);
  let end = 0;
  for (let i = 0; i < drafts.length; i++) {
    const draft = drafts[i]!;
    for (const segment of draft.data.segments) data.push(segment);
    dataEnds[i] = end += draft.data.size;
  }
  return { data, dataEnds };
}

/** The length of a string in UTF-8, where a lone surrogate counts as the three bytes of the replacement character. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) length += 1;
    else if (code >= 0xd800 && code < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) {
      length += 2;
      i++;
    } else length += 2;
  }
  return length;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
