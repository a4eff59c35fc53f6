import type { Appended } from "../../../src/model/batch.ts";
import { decodeAppend, encodeAppend, type AppendMessage } from "./appendCodec.ts";
import { BodyReader, bytesOf, malformed } from "./bodyReader.ts";
import { BodyWriter } from "./bodyWriter.ts";

/** Batches, and the position that is acknowledged in the same step. */
export interface TransactMessage {
  /** The number of the lease under which it is done. */
  readonly lease: number;
  /** Everything before it is acknowledged. */
  readonly position: number;
  /** The batches, at most one for each partition. */
  readonly appends: readonly AppendMessage[];
}

const headBytes = 24;

/**
 * Writes `transact`. The bytes of the batches go as they are.
 *
 * ```text
 * f64 lease, f64 position, u32 batches, u32 0, f64 sizes[batches], then each as the body of an append, padded to 8 bytes
 * ```
 */
export function encodeTransact({ lease, position, appends }: TransactMessage): readonly Uint8Array[] {
  const bodies = appends.map((append) => encodeAppend(append));
  const sizes = Float64Array.from(bodies, (body) => body.reduce((sum, { length }) => sum + length, 0));
  const segments = [
    new BodyWriter(headBytes).f64(lease).f64(position).u32(appends.length).u32(0).bytes,
    bytesOf(sizes),
  ];
  for (const [i, body] of bodies.entries()) segments.push(...body, new Uint8Array(paddingOf(sizes[i]!)));
  return segments;
}

/**
 * Reads `transact`. The arrays are views of the body.
 *
 * @throws SluiceError `ERR_PROTOCOL` when it is not one, or has two batches for one partition.
 */
export function decodeTransact(body: Uint8Array): TransactMessage {
  const reader = new BodyReader(body);
  const [lease, position, count] = [reader.count(), reader.count(), reader.u32()];
  reader.u32();
  const places = new Set<string>();
  const appends = Array.from(reader.f64s(count), (size) => {
    const append = decodeAppend(reader.bytes(size));
    reader.bytes(paddingOf(size));
    places.add(`${append.handle}/${append.partition}`);
    return append;
  });
  reader.end();
  if (places.size !== count) throw malformed("a transaction with two batches for one partition");
  return { lease, position, appends };
}

/** Writes `transacted`: for each batch f64 first id, f64 how many ids follow, and where ids have gaps f64 ids[count]. */
export function encodeTransacted(appended: readonly Appended[]): readonly Uint8Array[] {
  return appended.flatMap(({ firstId, ids }) => {
    const head = bytesOf(Float64Array.of(firstId, ids?.length ?? 0));
    return ids === undefined ? [head] : [head, bytesOf(ids)];
  });
}

/**
 * Reads `transacted`.
 *
 * @param counts - How many events each batch has.
 * @throws SluiceError `ERR_PROTOCOL` when it is not one for these batches.
 */
export function decodeTransacted(body: Uint8Array, counts: readonly number[]): readonly Appended[] {
  const reader = new BodyReader(body);
  const appended = counts.map((count): Appended => {
    const [firstId, ids] = [reader.f64(), reader.count()];
    if (ids !== 0 && ids !== count) throw malformed("ids of other events");
    return ids === 0 ? { firstId } : { firstId, ids: reader.f64s(ids) };
  });
  reader.end();
  return appended;
}

function paddingOf(size: number): number {
  return (8 - (size % 8)) % 8;
}
