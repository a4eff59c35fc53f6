// The layout of Octopus, the Kafka driver of the Diaspora Stream API. One record is
//
//   value    u64 metadata size | u64 data size | metadata | data        sizes are little-endian
//
// and what the default serializer of that API calls metadata is u64 length | JSON text.

import { type IncomingEvent, type Layout, type OutgoingEvent } from "./layout.ts";
import type { RecordParts, RecordView } from "../records/recordParts.ts";

const sizes = 16;

/** What the serializer of a topic puts in front of the metadata: the length of the text, or nothing. */
export type OctopusMetadata = "text" | "raw";

/** Byte for byte what the Octopus driver writes. */
export function octopusLayout(form: OctopusMetadata): Layout {
  return {
    name: "octopus",
    notes: "none",
    write: (parts, event) => write(parts, event, form === "text" ? 8 : 0),
    read: (record, event) => read(record, event, form),
  };
}

function write(parts: RecordParts, { batch, index, data }: OutgoingEvent, prefix: number): void {
  const { metadata, metadataEnds } = batch;
  const start = index === 0 ? 0 : metadataEnds[index - 1]!;
  const length = metadataEnds[index]! - start;
  const head = new Uint8Array(sizes + prefix);
  const view = new DataView(head.buffer);
  view.setBigUint64(0, BigInt(prefix + length), true);
  view.setBigUint64(8, BigInt(data.sizeAt(index)), true);
  if (prefix > 0) view.setBigUint64(sizes, BigInt(length), true);
  parts.value.add(head);
  parts.value.add(metadata, start, start + length);
  data.addTo(parts.value, index);
}

function read({ bytes, valueStart, valueEnd }: RecordView, event: IncomingEvent, form: OctopusMetadata): void {
  const [start, end] = [Math.max(0, valueStart), Math.max(0, valueEnd)];
  event.set(bytes, start, end);
  if (end - start < sizes) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const [metadataSize, dataSize] = [Number(view.getBigUint64(0, true)), Number(view.getBigUint64(8, true))];
  if (sizes + metadataSize + dataSize !== end - start) return; // Somebody else's record.
  const from = start + sizes;
  const hasLength = form === "text" && metadataSize >= 8 && Number(view.getBigUint64(sizes, true)) === metadataSize - 8;
  event.set(bytes, hasLength ? from + 8 : from, from + metadataSize);
  if (dataSize > 0) event.data = bytes.subarray(from + metadataSize, end);
}
