import type { ReadLimits } from "../../../src/model/backend.ts";
import type { ProducerRun, StoredBatch } from "../../../src/model/batch.ts";
import { BodyReader, bytesOf, checkEnds, malformed } from "./bodyReader.ts";
import { BodyWriter } from "./bodyWriter.ts";

/** A request for the next batch from a position. */
export interface ReadMessage {
  readonly handle: number;
  readonly partition: number;
  readonly position: number;
  readonly limits: ReadLimits;
}

const headBytes = 32;
const hasIds = 1;
const hasDataEnds = 2;
const hasLocations = 4;
const isLost = 8;
const hasProducers = 16;
const known = 31;
/** Stands for an event whose backend said nothing about where its data is. */
const nowhere = 0xffff_ffff;
const largest = 0xffff_ffff;

/** Writes `read`: u32 handle, u32 partition, f64 position, u32 maxEvents, u32 maxBytes. */
export function encodeRead({ handle, partition, position, limits }: ReadMessage): readonly Uint8Array[] {
  const { maxEvents, maxBytes } = limits;
  const body = new BodyWriter(24).u32(handle).u32(partition).f64(position);
  return [body.u32(Math.min(maxEvents, largest)).u32(Math.min(maxBytes, largest)).bytes];
}

/** Reads `read`. @throws SluiceError `ERR_PROTOCOL` when it is not one. */
export function decodeRead(body: Uint8Array): ReadMessage {
  const reader = new BodyReader(body);
  const [handle, partition, position] = [reader.u32(), reader.u32(), reader.count()];
  const limits = { maxEvents: Math.max(1, reader.u32()), maxBytes: Math.max(1, reader.u32()) };
  reader.end();
  return { handle, partition, position, limits };
}

/**
 * Writes `batch`.
 *
 * ```text
 * u32 count, u32 flags (1 ids, 2 data, 4 locations, 8 lost, 16 producers), f64 firstId, f64 next, u32 metadata bytes, u32 location bytes,
 * f64 timestamps[count], f64 ids[count], f64 dataEnds[count], u32 metadataEnds[count], u32 location sizes[count], locations,
 * u32 runs, then for each run: u32 index, u32 producer bytes, f64 sequence, producer; metadata
 * ```
 */
export function encodeBatch(batch: StoredBatch): readonly Uint8Array[] {
  const { count, firstId, ids, next, metadata, metadataEnds, timestamps, dataEnds, locations } = batch;
  const sizes = locations && Uint32Array.from({ length: count }, (_, i) => locations[i]?.length ?? nowhere);
  const places = (locations ?? []).filter((location) => location !== undefined);
  const placeBytes = places.reduce((sum, { length }) => sum + length, 0);
  const head = new BodyWriter(headBytes).u32(count).u32(flagsOf(batch)).f64(firstId).f64(next);
  head.u32(metadata.length).u32(placeBytes);
  const segments = [head.bytes, bytesOf(timestamps.subarray(0, count))];
  if (ids !== undefined) segments.push(bytesOf(ids.subarray(0, count)));
  if (dataEnds !== undefined) segments.push(bytesOf(dataEnds.subarray(0, count)));
  segments.push(bytesOf(metadataEnds.subarray(0, count)));
  if (sizes !== undefined) segments.push(bytesOf(sizes), ...places);
  if (batch.producers !== undefined) segments.push(...encodeRuns(batch.producers));
  segments.push(metadata);
  return segments;
}

/** Reads `batch`. The arrays are views of the body. @throws SluiceError `ERR_PROTOCOL` when it is not one. */
export function decodeBatch(body: Uint8Array): StoredBatch {
  const reader = new BodyReader(body);
  const [count, flags, firstId, next] = [reader.u32(), reader.u32(), reader.count(), reader.count()];
  const [metadataBytes, locationBytes] = [reader.u32(), reader.u32()];
  if (flags > known) throw malformed("a batch of an unknown kind");
  const timestamps = reader.f64s(count);
  const ids = (flags & hasIds) === 0 ? undefined : reader.f64s(count);
  const dataEnds = (flags & hasDataEnds) === 0 ? undefined : reader.f64s(count);
  const metadataEnds = reader.u32s(count);
  const sizes = (flags & hasLocations) === 0 ? undefined : reader.u32s(count);
  const places = new BodyReader(reader.bytes(locationBytes));
  const producers = (flags & hasProducers) === 0 ? undefined : decodeRuns(reader, count);
  const metadata = reader.bytes(metadataBytes);
  reader.end();
  checkEnds(metadataEnds, metadataBytes);
  if (dataEnds !== undefined) checkEnds(dataEnds, dataEnds[count - 1] ?? 0);
  const locations = sizes && Array.from(sizes, (size) => (size === nowhere ? undefined : places.bytes(size)));
  places.end();
  const lost = (flags & isLost) === 0 ? undefined : true;
  return { count, firstId, ids, next, metadata, metadataEnds, timestamps, dataEnds, producers, locations, lost };
}

function encodeRuns(runs: readonly ProducerRun[]): Uint8Array[] {
  const segments = [bytesOf(Uint32Array.of(runs.length))];
  for (const { index, producer } of runs) {
    const id = encoder.encode(producer?.id ?? "");
    const head = new BodyWriter(16).u32(index).u32(id.length);
    segments.push(head.f64(producer?.sequence ?? 0).bytes, id);
  }
  return segments;
}

function decodeRuns(reader: BodyReader, count: number): ProducerRun[] {
  const runs: ProducerRun[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const [index, size, sequence] = [reader.u32(), reader.u32(), reader.count()];
    if (index >= count || index <= (runs.at(-1)?.index ?? -1)) throw malformed("producers that are out of order");
    const id = decoder.decode(reader.bytes(size));
    runs.push({ index, producer: id === "" ? undefined : { id, sequence } });
  }
  return runs;
}

function flagsOf({ ids, dataEnds, locations, lost, producers }: StoredBatch): number {
  let flags = ids === undefined ? 0 : hasIds;
  if (dataEnds !== undefined) flags |= hasDataEnds;
  if (locations !== undefined) flags |= hasLocations;
  if (producers !== undefined) flags |= hasProducers;
  return lost === true ? flags | isLost : flags;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
