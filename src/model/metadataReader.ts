import { metadataAt, type StoredBatch } from "./batch.ts";
import type { Serializer } from "./component.ts";

/** Bytes of metadata of an event, on the average, from which on each is decoded by itself. */
const large = 8192;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the metadata of one event of a batch. Throws when it cannot be decoded. @internal */
export type ReadMetadata<M> = (index: number) => M | PromiseLike<M>;

/**
 * Prepares to read the metadata of a batch's events, each when it is asked for. Text that is short is decoded once
 * for the whole batch, at the first event that is read.
 *
 * @internal
 */
export function metadataReader<M>(batch: StoredBatch, serializer: Serializer<M>): ReadMetadata<M> {
  if (serializer.form === "bytes") return (index) => serializer.deserialize(metadataAt(batch, index));
  let texts: ((index: number) => string) | undefined;
  return (index) => serializer.deserialize((texts ??= textsOf(batch))(index));
}

function textsOf(batch: StoredBatch): (index: number) => string {
  const { metadata, metadataEnds, count } = batch;
  const bytes = metadata.subarray(0, count === 0 ? 0 : metadataEnds[count - 1]);
  const one = (index: number) => strict.decode(metadataAt(batch, index));
  // A call an event is nothing beside them, and a text of all of them is memory that is fresh and stays for as long as one of them.
  if (bytes.length > large * count) return one;
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    return one; // One event is not UTF-8. It must not take the others of its batch with it.
  }
  const ends = text.length === bytes.length ? metadataEnds : characterEnds(bytes, metadataEnds, count);
  return (index) => text.slice(index === 0 ? 0 : ends[index - 1], ends[index]);
}

/** Where each event ends, counted in UTF-16 units instead of bytes. */
function characterEnds(bytes: Uint8Array, byteEnds: Uint32Array, count: number): Uint32Array {
  const ends = new Uint32Array(count);
  let characters = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    for (const end = byteEnds[i]!; at < end; at++) {
      const byte = bytes[at]!;
      if ((byte & 0xc0) !== 0x80) characters += byte >= 0xf0 ? 2 : 1;
    }
    ends[i] = characters;
  }
  return ends;
}
