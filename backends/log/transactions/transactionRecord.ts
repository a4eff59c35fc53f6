/*
 * A transaction as the journal of transactions keeps it: one batch, so it is there whole or not at all. Its first event says
 * whose position moves; each of the others is a batch for one partition.
 *
 * metadata, JSON   {"topic", "partition", "consumer", "position", "kind", "appends"}, then
 *                  {"topic", "partition", "count", "producer", "hasData", "metadataSize", "keys"} for each append.
 *                  Topics are named by their directories: one that was made again under its name is another.
 * data             of an append: time of each event, float64; where the data of each ends, float64 (if "hasData"); where the
 *                  metadata of each ends, uint32, filled up to 8 bytes; metadata; data
 */
import { dataSizeOf, type EventBatch, type ProducerSequence } from "../../../src/model/batch.ts";
import type { BatchKeys } from "../../../src/model/compaction.ts";
import { aligned, bytesOf, paddingOf } from "../format/bytes.ts";

/** The first event of a transaction. */
export interface TransactionHead {
  /** The directory of the topic that was consumed. */
  readonly topic: string;
  readonly partition: number;
  readonly consumer: string;
  readonly position: number;
  /** Whether the position may lie behind the last event. */
  readonly kind?: "free" | undefined;
  /** How many batches follow. */
  readonly appends: number;
}

/** A batch of a transaction, and where it goes. */
export interface TargetBatch {
  /** The directory of the topic. */
  readonly topic: string;
  readonly partition: number;
  readonly batch: EventBatch & { readonly producer: ProducerSequence };
}

/** What is said of a batch beside its bytes. */
export interface TargetHead extends Pick<TargetBatch, "topic" | "partition"> {
  readonly count: number;
  readonly producer: ProducerSequence;
  readonly hasData: boolean;
  readonly metadataSize: number;
  readonly keys?: { readonly keys: readonly string[]; readonly tombstones: readonly number[] };
}

const zeros = new Uint8Array(8);

/** One batch of a journal. */
export function encodeTransaction(head: TransactionHead, targets: readonly TargetBatch[], time: number): EventBatch {
  const heads = [head, ...targets.map(headOf)].map((each) => new TextEncoder().encode(JSON.stringify(each)));
  const parts = targets.map(({ batch }) => partsOf(batch));
  const [metadataEnds, dataEnds] = [new Uint32Array(heads.length), new Float64Array(heads.length)];
  for (let i = 0, end = 0; i < heads.length; i++) metadataEnds[i] = end += heads[i]!.length;
  for (let i = 1; i < heads.length; i++) dataEnds[i] = dataEnds[i - 1]! + sizeOf(parts[i - 1]!);
  const metadata = new Uint8Array(metadataEnds.at(-1)!);
  for (const [i, each] of heads.entries()) metadata.set(each, i === 0 ? 0 : metadataEnds[i - 1]);
  const timestamps = new Float64Array(heads.length).fill(time);
  const data = parts.flat();
  return {
    count: heads.length,
    metadata,
    metadataEnds,
    timestamps,
    data,
    dataEnds: data.length > 0 ? dataEnds : undefined,
  };
}

function headOf({ topic, partition, batch }: TargetBatch): TargetHead {
  const { count, producer, dataEnds, metadata, keys } = batch;
  const named = keys && { keys: keys.keys, tombstones: [...keys.tombstones] };
  const head = { topic, partition, count, producer, hasData: dataEnds !== undefined, metadataSize: metadata.length };
  return named === undefined ? head : { ...head, keys: named };
}

function partsOf({ timestamps, dataEnds, metadataEnds, metadata, data }: EventBatch): Uint8Array[] {
  const padding = zeros.subarray(0, paddingOf(metadataEnds.byteLength));
  const tables = dataEnds === undefined ? [bytesOf(timestamps)] : [bytesOf(timestamps), bytesOf(dataEnds)];
  return [...tables, bytesOf(metadataEnds), padding, metadata, ...data].filter(({ length }) => length > 0);
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Takes a batch apart again.
 *
 * @param bytes - The data of its event, at the beginning of its buffer.
 */
export function decodeTarget({ topic, partition, ...head }: TargetHead, bytes: Uint8Array): TargetBatch {
  const { count, producer, hasData, metadataSize } = head;
  const { buffer } = bytes;
  const timestamps = new Float64Array(buffer, 0, count);
  const dataEnds = hasData ? new Float64Array(buffer, 8 * count, count) : undefined;
  const tables = (hasData ? 16 : 8) * count;
  const metadataEnds = new Uint32Array(buffer, tables, count);
  const start = tables + aligned(4 * count);
  const metadata = bytes.subarray(start, start + metadataSize);
  const size = dataSizeOf({ count, dataEnds });
  const data = size === 0 ? [] : [bytes.subarray(start + metadataSize, start + metadataSize + size)];
  const keys: BatchKeys | undefined = head.keys && {
    keys: head.keys.keys,
    tombstones: Uint8Array.from(head.keys.tombstones),
  };
  const batch = { count, metadata, metadataEnds, timestamps, data, dataEnds, producer };
  return { topic, partition, batch: keys === undefined ? batch : { ...batch, keys } };
}
