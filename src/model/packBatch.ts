import type { EventBatch, ProducerSequence } from "./batch.ts";
import type { EventDraft } from "./draft.ts";

const encoder = new TextEncoder();

/**
 * Packs serialized drafts of one partition into a batch. Text is joined first and encoded once, since one native call
 * a batch is several times as fast as one an event.
 *
 * @param drafts - At least one draft, each with its payload.
 * @param producer - Who sends them.
 * @internal
 */
export function packBatch(drafts: readonly EventDraft[], producer?: ProducerSequence): EventBatch {
  const count = drafts.length;
  const timestamps = new Float64Array(count);
  let text = true;
  let dataSize = 0;
  for (let i = 0; i < count; i++) {
    const draft = drafts[i]!;
    timestamps[i] = draft.timestamp;
    dataSize += draft.data.size;
    if (typeof draft.payload !== "string") text = false;
  }
  const packed = text ? packText(drafts) : packBytes(drafts);
  return { count, ...packed, timestamps, ...packData(drafts, dataSize), producer };
}

function packText(drafts: readonly EventDraft[]): Pick<EventBatch, "metadata" | "metadataEnds"> {
  const metadataEnds = new Uint32Array(drafts.length);
  let joined = "";
  for (let i = 0; i < drafts.length; i++) {
    joined += drafts[i]!.payload as string;
    metadataEnds[i] = joined.length;
  }
  const metadata = encoder.encode(joined);
  if (metadata.length === joined.length) return { metadata, metadataEnds };
  let end = 0;
  for (let i = 0; i < drafts.length; i++) metadataEnds[i] = end += utf8Length(drafts[i]!.payload as string);
  return { metadata, metadataEnds };
}

function packBytes(drafts: readonly EventDraft[]): Pick<EventBatch, "metadata" | "metadataEnds"> {
  const payloads = drafts.map(({ payload }) => (typeof payload === "string" ? encoder.encode(payload) : payload!));
  const metadataEnds = new Uint32Array(payloads.length);
  let end = 0;
  for (let i = 0; i < payloads.length; i++) metadataEnds[i] = end += payloads[i]!.length;
  const metadata = new Uint8Array(end);
  for (let i = 0; i < payloads.length; i++) metadata.set(payloads[i]!, i === 0 ? 0 : metadataEnds[i - 1]);
  return { metadata, metadataEnds };
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
