import { describeValue } from "../describeValue.ts";
import { type PointerSegment, toPointer } from "../jsonPointer.ts";
import type { BitReader } from "./bitReader.ts";
import type { BitWriter } from "./bitWriter.ts";
import { unserializable } from "./serializationErrors.ts";

/** The way to the value that is being written, for the message of an error. Names are added and taken off on the way. @internal */
export type Trail = PointerSegment[];

/** Writes and reads the values of one part of a packed schema. @internal */
export interface PackedCodec<T = unknown> {
  /** The fewest bits that a value takes: how many values the rest of some bytes can hold at most. */
  readonly minBits: number;
  /** Writes a value, or throws `ERR_SERIALIZATION` when the schema does not allow it. */
  write(bits: BitWriter, value: unknown, trail: Trail): void;
  /** Reads a value, or throws `ERR_UNDECODABLE`. */
  read(bits: BitReader): T;
}

/** The error of a value that the schema does not allow. @internal */
export function misfit(trail: Trail, rule: string, value: unknown): Error {
  return unserializable(`${rule}: current value is ${describeValue(value)}`, { path: toPointer(trail) });
}

/** How many bits tell `count` values apart. @internal */
export function bitsFor(count: number): number {
  let bits = 0;
  // Powers of two are exact, logarithms are not.
  while (2 ** bits < count) bits++;
  return bits;
}
