// The binary form of a data descriptor, version 1. Numbers are little-endian; a u64 never exceeds 2^53 - 1.
//
//   +-----------+---------+-------------+---------+---------------+--------+----------+ - - - - +--------------+-------+
//   | version=1 |  flags  | topic bytes |  topic  | partition     | id     | size     | location | steps 0..16 | steps |
//   | u8        |  u8     | u8, 1..249  |  ASCII  | u32           | u64    | u64      |          | u8          |       |
//   +-----------+---------+-------------+---------+---------------+--------+----------+ - - - - +--------------+-------+
//
//   flags      bit 0: a location follows. The other bits are 0.
//   location   u32 length, then as many bytes. What they mean is known to the backend alone.
//   step       u8 kind, then
//                1 range    u64 offset, u64 size
//                2 strided  u64 offset, u64 blocks, u64 block size, u64 gap
//                3 list     u32 count, then for each range u64 offset, u64 size
//
// Each step selects from what the step before it left; without a step the whole data is selected. A view keeps its steps
// rather than its ranges, so that a million blocks take 33 bytes.

import { describeValue } from "./describeValue.ts";
import { SluiceError } from "./errors.ts";
import { checkName } from "./names.ts";

/** Where the data of one event is. */
export interface DataOrigin {
  /** The topic of the event. */
  readonly topic: string;
  /** The partition of the event. */
  readonly partition: number;
  /** The id of the event. */
  readonly id: number;
  /** How many bytes of data the event has. */
  readonly size: number;
  /** Bytes that the backend chose to find the data again. They are not copied and must not be changed. */
  readonly location?: Uint8Array | undefined;
}

/** One step of a view: what it takes of the bytes that the step before it left. @internal */
export type ViewStep =
  | { readonly kind: "range"; readonly offset: number; readonly size: number }
  | StridedStep
  | { readonly kind: "list"; readonly ranges: Float64Array };

/** Blocks of one size at one distance. @internal */
export interface StridedStep {
  readonly kind: "strided";
  readonly offset: number;
  readonly blocks: number;
  readonly blockSize: number;
  readonly gap: number;
}

/** The most steps of a view. Flattening takes time in proportion to steps times ranges. @internal */
export const maxViewSteps = 16;

/** The most ranges of a view: a few bytes that came over a wire should not make anyone hold more than 16 MiB. @internal */
export const maxViewRanges = 1_048_576;

/** The largest number of a partition that the format can hold. @internal */
export const maxPartitionNumber = 0xffff_ffff;

const version = 1;
const hasLocation = 1;
const kinds = { range: 1, strided: 2, list: 3 } as const;

/** How many ranges a step selects at most. @internal */
export function countRanges(step: ViewStep): number {
  if (step.kind === "range") return 1;
  return step.kind === "strided" ? step.blocks : step.ranges.length / 2;
}

/** Writes a descriptor. Expects an origin and steps that have been checked. @internal */
export function encodeDescriptor(origin: DataOrigin, steps: readonly ViewStep[]): Uint8Array {
  const { topic, location } = origin;
  const writer = new Writer(encodedSize(origin, steps));
  writer.u8(version);
  writer.u8(location === undefined ? 0 : hasLocation);
  writer.u8(topic.length);
  for (let i = 0; i < topic.length; i++) writer.u8(topic.charCodeAt(i));
  writer.u32(origin.partition);
  writer.u64(origin.id);
  writer.u64(origin.size);
  if (location !== undefined) {
    writer.u32(location.length);
    writer.raw(location);
  }
  writer.u8(steps.length);
  for (const step of steps) writeStep(writer, step);
  return writer.bytes;
}

/**
 * Reads a descriptor's parts. What it checks is the form: the caller checks that each step is within what it selects from.
 *
 * @throws SluiceError `ERR_DESCRIPTOR` when the bytes are not one whole descriptor of a known version.
 * @internal
 */
export function decodeDescriptor(bytes: Uint8Array): { readonly origin: DataOrigin; readonly steps: ViewStep[] } {
  const reader = new Reader(bytes);
  const found = reader.u8();
  if (found !== version) refuse(`has version ${found}, and only version ${version} can be read`);
  const flags = reader.u8();
  if (flags > hasLocation) refuse(`has unknown flags: current value is ${flags}`);
  const topic = readTopic(reader);
  const origin = { topic, partition: reader.u32(), id: reader.u64(), size: reader.u64() };
  const location = flags === hasLocation ? reader.raw(reader.u32()) : undefined;
  const steps = readSteps(reader);
  if (reader.left > 0) refuse(`is followed by ${reader.left} more bytes`);
  return { origin: location === undefined ? origin : { ...origin, location }, steps };
}

function encodedSize({ topic, location }: DataOrigin, steps: readonly ViewStep[]): number {
  const fixed = 3 + topic.length + 4 + 8 + 8 + (location === undefined ? 0 : 4 + location.length) + 1;
  return steps.reduce((size, step) => size + stepSize(step), fixed);
}

function stepSize(step: ViewStep): number {
  if (step.kind === "range") return 17;
  return step.kind === "strided" ? 33 : 5 + step.ranges.length * 8;
}

function writeStep(writer: Writer, step: ViewStep): void {
  writer.u8(kinds[step.kind]);
  if (step.kind === "list") {
    writer.u32(step.ranges.length / 2);
    for (const value of step.ranges) writer.u64(value);
    return;
  }
  writer.u64(step.offset);
  if (step.kind === "range") return writer.u64(step.size);
  writer.u64(step.blocks);
  writer.u64(step.blockSize);
  writer.u64(step.gap);
}

function readTopic(reader: Reader): string {
  const topic = String.fromCharCode(...reader.raw(reader.u8()));
  try {
    return checkName("topic", topic);
  } catch {
    return refuse(`names a topic that cannot be: current value is ${describeValue(topic)}`);
  }
}

function readSteps(reader: Reader): ViewStep[] {
  const count = reader.u8();
  if (count > maxViewSteps) refuse(`can have at most ${maxViewSteps} steps: current value is ${count}`);
  const steps: ViewStep[] = [];
  let ranges = 0;
  while (steps.length < count) {
    const step = readStep(reader);
    ranges += countRanges(step);
    if (ranges > maxViewRanges) refuse(`can have at most ${maxViewRanges} ranges: current value is ${ranges}`);
    steps.push(step);
  }
  return steps;
}

function readStep(reader: Reader): ViewStep {
  const kind = reader.u8();
  if (kind === kinds.list) return { kind: "list", ranges: readList(reader) };
  if (kind === kinds.range) return { kind: "range", offset: reader.u64(), size: reader.u64() };
  if (kind !== kinds.strided) return refuse(`has a step of an unknown kind: current value is ${kind}`);
  const [offset, blocks] = [reader.u64(), reader.u64()];
  return { kind: "strided", offset, blocks, blockSize: reader.u64(), gap: reader.u64() };
}

function readList(reader: Reader): Float64Array {
  const count = reader.u32();
  // The length is believed only as far as there are bytes to back it: it sizes an allocation.
  if (count * 16 > reader.left) refuse(`is cut short: ${count} ranges do not fit into ${reader.left} bytes`);
  const ranges = new Float64Array(count * 2);
  for (let i = 0; i < ranges.length; i++) ranges[i] = reader.u64();
  return ranges;
}

function refuse(problem: string): never {
  throw new SluiceError("ERR_DESCRIPTOR", `An encoded data descriptor ${problem}`);
}

class Writer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at++, value);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  u64(value: number): void {
    this.u32(value % 2 ** 32);
    this.u32(Math.floor(value / 2 ** 32));
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): number {
    const value = this.u32() + this.u32() * 2 ** 32;
    if (!Number.isSafeInteger(value)) refuse(`holds a number beyond 2^53 - 1: current value is ${value}`);
    return value;
  }

  /** A copy, so that a descriptor neither changes with a buffer that is used again nor keeps it alive. */
  raw(length: number): Uint8Array {
    const start = this.#view.byteOffset + this.#advance(length);
    return new Uint8Array(this.#view.buffer, start, length).slice();
  }

  #advance(length: number): number {
    if (length > this.left) refuse(`is cut short: ${length} bytes are expected and ${this.left} are left`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
