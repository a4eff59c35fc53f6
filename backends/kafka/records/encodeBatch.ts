// A record batch, version 2, as Kafka defines it (the protocol guide, "Record Batch"). Numbers are big-endian.
//
//   base offset i64 | length i32 | leader epoch i32 | magic i8 = 2 | crc u32 | attributes i16 | last offset delta i32
//   | base timestamp i64 | max timestamp i64 | producer id i64 | producer epoch i16 | base sequence i32 | count i32 | records
//
//   record: length | attributes i8 | timestamp delta | offset delta | key length | key | value length | value
//           | headers | (name length | name | value length | value)*        all lengths and deltas are zigzag varints
//
// The checksum is a CRC-32C from the attributes to the end.

import { ByteWriter, varintSize } from "./byteWriter.ts";
import type { RecordParts } from "./recordParts.ts";

/** How many bytes stand in front of the records. */
export const batchHeader = 61;
/** Where the part begins that the checksum covers. */
export const checkedFrom = 21;

/** Who produces, as the broker knows it. */
export interface ProducerIdentity {
  readonly id: bigint;
  readonly epoch: number;
}

/** Attribute bits. */
export const compressionBits = 0x07;
export const transactionalBit = 0x10;
export const controlBit = 0x20;

/** Writes the records of one batch, then its header. */
export class BatchEncoder {
  readonly #writer: ByteWriter;
  #count = 0;
  #first = 0;
  #latest = 0;

  /**
   * @param size - About how many bytes it will take.
   * @param memory - What another batch was written into that is over; new memory when it is left out, or is too small.
   */
  constructor(size: number, memory?: Uint8Array) {
    this.#writer = new ByteWriter(batchHeader + size, memory);
    this.#writer.length = batchHeader;
  }

  get count(): number {
    return this.#count;
  }

  /** The memory that it writes into. */
  get memory(): Uint8Array {
    return this.#writer.bytes;
  }

  /** How many bytes there are by now. */
  get length(): number {
    return this.#writer.length;
  }

  add(timestamp: number, parts: RecordParts): void {
    const time = Math.floor(timestamp);
    if (this.#count === 0) this.#first = this.#latest = time;
    this.#latest = Math.max(this.#latest, time);
    const writer = this.#writer;
    const size = 1 + varintSize(time - this.#first) + varintSize(this.#count) + sizeOf(parts);
    writer.ensure(size + 8);
    writer.varint(size);
    writer.bytes[writer.length++] = 0;
    writer.varint(time - this.#first);
    writer.varint(this.#count++);
    writeParts(writer, parts);
  }

  /** The records, for a compressor. */
  get records(): Uint8Array {
    return this.#writer.bytes.subarray(batchHeader, this.#writer.length);
  }

  /** Puts compressed records in the place of the plain ones. */
  replaceRecords(compressed: Uint8Array): void {
    this.#writer.length = batchHeader;
    this.#writer.ensure(compressed.length);
    this.#writer.raw(compressed);
  }

  /** Writes the header and returns the whole batch. */
  finish(
    attributes: number,
    producer: ProducerIdentity | undefined,
    sequence: number,
    crc32c: (bytes: Uint8Array) => number,
  ): Uint8Array {
    const { view, length } = this.#writer;
    view.setBigInt64(0, 0n);
    view.setInt32(8, length - 12);
    view.setInt32(12, -1);
    view.setInt8(16, 2);
    view.setInt16(21, attributes);
    view.setInt32(23, this.#count - 1);
    this.#writer.int64(27, this.#first);
    this.#writer.int64(35, this.#latest);
    view.setBigInt64(43, producer?.id ?? -1n);
    view.setInt16(51, producer?.epoch ?? -1);
    view.setInt32(53, producer === undefined ? -1 : sequence);
    view.setInt32(57, this.#count);
    const batch = this.#writer.written;
    view.setUint32(17, crc32c(batch.subarray(checkedFrom)));
    return batch;
  }
}

function sizeOf(parts: RecordParts): number {
  const { key, value, headerCount } = parts;
  let size = key === undefined ? varintSize(-1) : varintSize(key.length) + key.length;
  size += varintSize(value.length) + value.length + varintSize(headerCount);
  for (let i = 0; i < headerCount; i++) {
    const [name, length] = [parts.headerName(i).length, parts.headerValue(i).length];
    size += varintSize(name) + name + varintSize(length) + length;
  }
  return size;
}

function writeParts(writer: ByteWriter, parts: RecordParts): void {
  const { key, value, headerCount } = parts;
  if (key === undefined) writer.varint(-1);
  else {
    writer.varint(key.length);
    writer.raw(key);
  }
  writer.varint(value.length);
  writer.length = value.copyTo(writer.bytes, writer.length);
  writer.varint(headerCount);
  for (let i = 0; i < headerCount; i++) {
    const [name, bytes] = [parts.headerName(i), parts.headerValue(i)];
    writer.varint(name.length);
    writer.raw(name);
    writer.varint(bytes.length);
    writer.length = bytes.copyTo(writer.bytes, writer.length);
  }
}
