import type { DataRead } from "../../../src/model/batch.ts";
import { BodyReader, bytesOf, malformed } from "./bodyReader.ts";
import { BodyWriter } from "./bodyWriter.ts";

/** A request for data of events of one partition. */
export interface FetchMessage {
  readonly handle: number;
  readonly partition: number;
  readonly reads: readonly DataRead[];
}

const headBytes = 16;
const readBytes = 16;
/** Stands for a read whose backend said nothing about where the data is. */
const nowhere = 0xffff_ffff;

/**
 * Writes `fetch`. The answer, `bytes`, is the bytes of all ranges, one after the other.
 *
 * ```text
 * u32 handle, u32 partition, u32 reads, u32 0, then for each read: f64 id, u32 location bytes, u32 ranges,
 * f64 (offset, size)[ranges], location, padding to 8 bytes
 * ```
 */
export function encodeFetch({ handle, partition, reads }: FetchMessage): readonly Uint8Array[] {
  const segments = [new BodyWriter(headBytes).u32(handle).u32(partition).u32(reads.length).u32(0).bytes];
  for (const { id, location, ranges } of reads) {
    const head = new BodyWriter(readBytes).f64(id).u32(location?.length ?? nowhere);
    segments.push(head.u32(ranges.length / 2).bytes, bytesOf(ranges));
    if (location !== undefined) segments.push(location, new Uint8Array(paddingOf(location.length)));
  }
  return segments;
}

/** Reads `fetch`. @throws SluiceError `ERR_PROTOCOL` when it is not one, or its ranges are not in order. */
export function decodeFetch(body: Uint8Array): FetchMessage {
  const reader = new BodyReader(body);
  const [handle, partition, count] = [reader.u32(), reader.u32(), reader.u32()];
  reader.u32();
  if (count > reader.left / readBytes) throw malformed("a fetch that is too short");
  const reads: DataRead[] = [];
  for (let i = 0; i < count; i++) {
    const [id, locationBytes, ranges] = [reader.count(), reader.u32(), reader.u32()];
    const pairs = reader.f64s(2 * ranges);
    checkRanges(pairs);
    const location = locationBytes === nowhere ? undefined : reader.bytes(locationBytes);
    if (location !== undefined) reader.bytes(paddingOf(locationBytes));
    reads.push({ id, location, ranges: pairs });
  }
  reader.end();
  return { handle, partition, reads };
}

/** How many bytes a read selects. */
export function sizeOfRead({ ranges }: DataRead): number {
  let size = 0;
  for (let i = 1; i < ranges.length; i += 2) size += ranges[i]!;
  return size;
}

function checkRanges(ranges: Float64Array): void {
  let end = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const [offset, size] = [ranges[i]!, ranges[i + 1]!];
    if (!(Number.isSafeInteger(offset) && offset >= end && size >= 0 && Number.isSafeInteger(offset + size))) {
      throw malformed("ranges that are out of order");
    }
    end = offset + size;
  }
}

function paddingOf(length: number): number {
  return (8 - (length % 8)) % 8;
}
