import { dataSizeOf, type Appended, type EventBatch } from "../../../src/model/batch.ts";
import type { BatchKeys } from "../../../src/model/compaction.ts";
import { durabilities } from "../../../src/model/durability.ts";
import { BodyReader, bytesOf, checkEnds, checkTimes, malformed } from "./bodyReader.ts";
import { BodyWriter } from "./bodyWriter.ts";

/** A batch for one partition. */
export interface AppendMessage {
  readonly handle: number;
  readonly partition: number;
  readonly batch: EventBatch;
}

const headBytes = 48;
const hasDataEnds = 1;
const hasProducer = 2;
/** These three bits are the durability that was asked for: its place among the levels, from 1, or 0 for none. */
const durabilityShift = 2;
const durabilityMask = 7;
const hasKeys = 32;
const knownFlags = 63;
/** A name of 249, a slash and a UUID, with room to spare. */
const maxProducerBytes = 512;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Writes `append`. Only the head and the producer are new memory; the arrays, the metadata and the data go as they are.
 *
 * ```text
 * u32 handle, u32 partition, u32 count, u32 flags (1 data, 2 producer, 4 to 16 durability, 32 keys), f64 sequence, u32 producer bytes,
 * u32 metadata bytes, f64 data bytes, f64 key bytes, f64 timestamps[count], f64 dataEnds[count], u32 metadataEnds[count], u32 keyEnds[count],
 * producer, keys, u8 tombstones[count], metadata, data
 * ```
 */
export function encodeAppend({ handle, partition, batch }: AppendMessage): readonly Uint8Array[] {
  const { count, metadata, metadataEnds, timestamps, dataEnds, producer } = batch;
  const keys = batch.keys === undefined ? undefined : encodeKeys(batch.keys);
  const id = producer === undefined ? undefined : encoder.encode(producer.id);
  const head = new BodyWriter(headBytes).u32(handle).u32(partition).u32(count).u32(flagsOf(batch));
  head
    .f64(producer?.sequence ?? 0)
    .u32(id?.length ?? 0)
    .u32(metadata.length);
  head.f64(dataSizeOf(batch)).f64(keys?.bytes.length ?? 0);
  const segments = [head.bytes, bytesOf(timestamps.subarray(0, count))];
  if (dataEnds !== undefined) segments.push(bytesOf(dataEnds.subarray(0, count)));
  segments.push(bytesOf(metadataEnds.subarray(0, count)));
  if (keys !== undefined) segments.push(bytesOf(keys.ends));
  if (id !== undefined) segments.push(id);
  if (keys !== undefined) segments.push(keys.bytes, keys.tombstones);
  segments.push(metadata);
  for (const segment of batch.data) segments.push(segment);
  return segments;
}

/**
 * Reads `append`. The arrays are views of the body.
 *
 * @throws SluiceError `ERR_PROTOCOL` when it is not one.
 */
export function decodeAppend(body: Uint8Array): AppendMessage {
  const reader = new BodyReader(body);
  const handle = reader.u32();
  const partition = reader.u32();
  const count = reader.u32();
  const flags = reader.u32();
  const sequence = reader.count();
  const producerBytes = reader.u32();
  const metadataBytes = reader.u32();
  const dataBytes = reader.count();
  const keyBytes = reader.count();
  if (count === 0) throw malformed("a batch without events");
  const level = (flags >>> durabilityShift) & durabilityMask;
  if (flags > knownFlags || level > durabilities.length || producerBytes > maxProducerBytes)
    throw malformed("a batch of an unknown kind");
  const timestamps = reader.f64s(count);
  const dataEnds = (flags & hasDataEnds) === 0 ? undefined : reader.f64s(count);
  const metadataEnds = reader.u32s(count);
  const keyEnds = (flags & hasKeys) === 0 ? undefined : reader.u32s(count);
  const id = reader.bytes(producerBytes);
  const keys = keyEnds && decodeKeys(keyEnds, reader.bytes(keyBytes), reader.bytes(count));
  const metadata = reader.bytes(metadataBytes);
  const data = reader.bytes(dataBytes);
  reader.end();
  checkEnds(metadataEnds, metadataBytes);
  if (dataEnds === undefined ? dataBytes > 0 : !isBatchOfData(dataEnds, dataBytes))
    throw malformed("data without ends");
  checkTimes(timestamps);
  // Data is let go of once it is stored, and the rest is perhaps kept: it must not keep the data with it.
  const keep = body.buffer.byteLength > 2 * (body.length - dataBytes) ? copyOfArray : asItIs;
  const producer = (flags & hasProducer) === 0 ? undefined : { id: textOf(id, "producer"), sequence };
  const durability = durabilities[level - 1];
  const stored = dataBytes === 0 ? [] : [data];
  return {
    handle,
    partition,
    batch: {
      ...{ count, metadata: keep(metadata), metadataEnds: keep(metadataEnds), timestamps: keep(timestamps) },
      ...{ data: stored, dataEnds: dataEnds && keep(dataEnds), producer },
      ...(durability !== undefined && { durability }),
      ...(keys !== undefined && { keys }),
    },
  };
}

/** Writes `appended`: f64 firstId, and where ids have gaps f64 ids[count]. */
export function encodeAppended({ firstId, ids }: Appended): readonly Uint8Array[] {
  const head = bytesOf(Float64Array.of(firstId));
  return ids === undefined ? [head] : [head, bytesOf(ids)];
}

/** Reads `appended`. @throws SluiceError `ERR_PROTOCOL` when it is not one for a batch of that many events. */
export function decodeAppended(body: Uint8Array, count: number): Appended {
  const reader = new BodyReader(body);
  const firstId = reader.f64();
  const ids = reader.left === 0 ? undefined : reader.f64s(count);
  reader.end();
  return ids === undefined ? { firstId } : { firstId, ids };
}

function flagsOf({ dataEnds, producer, keys, durability }: EventBatch): number {
  const level = durability === undefined ? 0 : durabilities.indexOf(durability) + 1;
  let flags = level << durabilityShift;
  if (dataEnds !== undefined) flags |= hasDataEnds;
  if (producer !== undefined) flags |= hasProducer;
  return keys === undefined ? flags : flags | hasKeys;
}

function isBatchOfData(dataEnds: Float64Array, dataBytes: number): boolean {
  checkEnds(dataEnds, dataBytes);
  return true;
}

/** The keys back to back, and where each of them ends. */
function encodeKeys({ keys, tombstones }: BatchKeys) {
  const encoded = keys.map((key) => encoder.encode(key));
  const ends = new Uint32Array(keys.length);
  const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const [i, key] of encoded.entries()) {
    bytes.set(key, end);
    ends[i] = end += key.length;
  }
  return { bytes, ends, tombstones };
}

function decodeKeys(ends: Uint32Array, bytes: Uint8Array, tombstones: Uint8Array): BatchKeys {
  checkEnds(ends, bytes.length);
  const keys = Array.from(ends, (end, i) => textOf(bytes.subarray(i === 0 ? 0 : ends[i - 1], end), "key"));
  // A copy, since it is kept for longer than the message that it came in.
  return { keys, tombstones: tombstones.slice() };
}

function copyOfArray<T extends Uint8Array | Uint32Array | Float64Array>(array: T): T {
  return array.slice() as T;
}

function asItIs<T>(array: T): T {
  return array;
}

function textOf(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed(`a ${what} that is not text`);
  }
}
