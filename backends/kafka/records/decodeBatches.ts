import { SluiceError } from "../../../src/model/errors.ts";
import { batchHeader, checkedFrom, compressionBits, controlBit, transactionalBit } from "./encodeBatch.ts";
import type { RecordView } from "./recordParts.ts";

/** A batch that was found among fetched bytes. */
export interface FoundBatch {
  readonly baseOffset: number;
  /** The offset behind the batch, also where a compaction has dropped its last records. */
  readonly next: number;
  readonly producerId: bigint;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** How its records are compressed, as the protocol numbers it; 0 when they are not. */
  readonly compression: number;
  readonly count: number;
  readonly baseTimestamp: number;
  /** When the broker appended it, where the topic keeps that time; undefined where it keeps the producers'. */
  readonly appendTime: number | undefined;
  /** The records, compressed or not. */
  readonly records: Uint8Array;
}

/**
 * Finds the batches among fetched bytes. A batch that was cut off by the limit of the fetch is left out.
 *
 * @param bytes - What a fetch brought.
 * @param crc32c - The checksum.
 * @throws SluiceError `ERR_STORAGE` when a checksum is wrong, or the format is one that is no longer used.
 */
export function findBatches(bytes: Uint8Array, crc32c: (bytes: Uint8Array) => number): FoundBatch[] {
  const found: FoundBatch[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at + batchHeader <= bytes.length) {
    const end = at + (wholeLength(bytes, at) ?? 0);
    const baseOffset = Number(view.getBigInt64(at));
    if (view.getInt8(at + 16) !== 2) throw corrupt(baseOffset, `has format ${view.getInt8(at + 16)} instead of 2`);
    if (end > bytes.length || end < at + batchHeader) break;
    if (crc32c(bytes.subarray(at + checkedFrom, end)) !== view.getUint32(at + 17)) {
      throw corrupt(baseOffset, "does not have the checksum that it should have");
    }
    const attributes = view.getInt16(at + 21);
    found.push({
      baseOffset,
      next: baseOffset + view.getInt32(at + 23) + 1,
      producerId: view.getBigInt64(at + 43),
      isTransactional: (attributes & transactionalBit) !== 0,
      isControl: (attributes & controlBit) !== 0,
      compression: attributes & compressionBits,
      count: view.getInt32(at + 57),
      baseTimestamp: Number(view.getBigInt64(at + 27)),
      appendTime: (attributes & 0x08) === 0 ? undefined : Number(view.getBigInt64(at + 35)),
      records: bytes.subarray(at + batchHeader, end),
    });
    at = end;
  }
  return found;
}

/** How many bytes the batch has of which fetched bytes have the beginning; undefined where that does not say. */
export function wholeLength(bytes: Uint8Array, at: number): number | undefined {
  if (at + 12 > bytes.length) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 12).getInt32(8);
  return length > 0 ? 12 + length : undefined;
}

/**
 * Calls back for each record of a batch, with a view that is valid during the call only.
 *
 * @throws SluiceError `ERR_STORAGE` when a length leads out of the batch.
 */
export function readRecords(
  batch: FoundBatch,
  records: Uint8Array,
  view: RecordView,
  visit: (record: RecordView) => void,
): void {
  const reader = new VarintReader(records);
  view.bytes = records;
  for (let i = 0; i < batch.count; i++) {
    const end = reader.varint() + reader.at;
    if (!(end <= records.length)) throw corrupt(batch.baseOffset, `ends inside of record ${i}`);
    reader.at++; // Attributes, of which there are none.
    const delta = reader.varint();
    view.timestamp = batch.appendTime ?? batch.baseTimestamp + delta;
    view.offset = batch.baseOffset + reader.varint();
    const key = reader.varint();
    view.keyStart = key < 0 ? -1 : reader.at;
    view.keyEnd = reader.at += Math.max(0, key);
    const value = reader.varint();
    view.valueStart = value < 0 ? -1 : reader.at;
    view.valueEnd = reader.at += Math.max(0, value);
    readHeaders(reader, view);
    if (reader.at > end) throw corrupt(batch.baseOffset, `has a length in record ${i} that leads out of it`);
    reader.at = end;
    visit(view);
  }
}

function readHeaders(reader: VarintReader, view: RecordView): void {
  const count = reader.varint();
  view.headerCount = count;
  const { headers } = view;
  for (let h = 0; h < count && reader.at < reader.bytes.length; h++) {
    const name = reader.varint();
    headers[h * 4] = reader.at;
    headers[h * 4 + 1] = reader.at += Math.max(0, name);
    const value = reader.varint();
    headers[h * 4 + 2] = value < 0 ? -1 : reader.at;
    headers[h * 4 + 3] = reader.at += Math.max(0, value);
  }
}

class VarintReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  varint(): number {
    const first = this.bytes[this.at]!;
    if (first < 0x80) {
      this.at++;
      return (first >>> 1) ^ -(first & 1);
    }
    let value = 0;
    let unit = 1;
    let byte: number;
    do {
      byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
    } while (byte >= 0x80 && this.at < this.bytes.length);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

function corrupt(offset: number, what: string): SluiceError {
  return new SluiceError("ERR_STORAGE", `The batch at offset ${offset} ${what}`, { details: { offset } });
}
