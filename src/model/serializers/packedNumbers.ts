import type { BitReader } from "./bitReader.ts";
import type { BitWriter } from "./bitWriter.ts";
import { bitsFor, misfit, type PackedCodec } from "./packedCodec.ts";
import { undecodable } from "./serializationErrors.ts";

/** Bounds of an integer, both included. @internal */
export interface IntegerBounds {
  /** The smallest value, when there is one. */
  readonly min: number | undefined;
  /** The largest value, when there is one. */
  readonly max: number | undefined;
}

/**
 * Integers. Between two bounds they take as many bits as tell the values apart. With a lower bound of at least 0, or without a lower
 * bound, they take a varint, which has a sign bit before it in the second case.
 *
 * @internal
 */
export function integerCodec(bounds: IntegerBounds, subject = "it"): PackedCodec<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds;
  const rule = `${subject} must be ${describeBounds(bounds)}`;
  const codec = rawInteger(bounds);
  return {
    minBits: codec.minBits,
    write(bits, value, trail) {
      if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
        throw misfit(trail, rule, value);
      codec.write(bits, value, trail);
    },
    read(bits) {
      const value = codec.read(bits);
      if (!Number.isSafeInteger(value) || value < min || value > max)
        throw undecodable(`${value} is out of range (${rule})`);
      return value;
    },
  };
}

/** Numbers as IEEE 754 floats. Those of 32 bits lose precision, which the schema asks for by name. @internal */
export function floatCodec(size: 32 | 64, accepts: (value: number) => boolean, rule: string): PackedCodec<number> {
  const view = new DataView(new ArrayBuffer(8));
  const round = size === 32 ? Math.fround : (value: number) => value;
  // Rounding to 32 bits can reach infinity, or a number beyond a bound, so it is the rounded number that counts.
  const isAllowed = (value: number): boolean => Number.isFinite(value) && accepts(value);
  return {
    minBits: size,
    write(bits, value, trail) {
      if (typeof value !== "number" || !isAllowed(round(value))) throw misfit(trail, rule, value);
      if (size === 32) view.setFloat32(0, value);
      else view.setFloat64(0, value);
      for (let offset = 0; offset < size / 8; offset += 4) bits.write(view.getUint32(offset), 32);
    },
    read(bits) {
      for (let offset = 0; offset < size / 8; offset += 4) view.setUint32(offset, bits.read(32));
      const value = size === 32 ? view.getFloat32(0) : view.getFloat64(0);
      if (!isAllowed(value)) throw undecodable(`${value} is not allowed (${rule})`);
      return value;
    },
  };
}

/** A number of at least 0 in groups of seven bits, the lowest group first, each behind a bit that says whether one follows. @internal */
export function writeVarint(bits: BitWriter, value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bits.write(0x80 | (rest % 0x80), 8);
    rest = Math.floor(rest / 0x80);
  }
  bits.write(rest, 8);
}

/** Reads what {@link writeVarint} wrote. Longer ways to write the same number are refused. @internal */
export function readVarint(bits: BitReader): number {
  let value = 0;
  // Eight groups hold 56 bits, which is more than a safe integer has.
  for (let group = 0; group < 8; group++) {
    const byte = bits.read(8);
    value += (byte & 0x7f) * 0x80 ** group;
    if (byte >= 0x80) continue;
    if (byte === 0 && group > 0) throw undecodable("a number is longer than it needs to be");
    if (!Number.isSafeInteger(value)) break;
    return value;
  }
  throw undecodable("a number is too large");
}

function rawInteger({ min, max }: IntegerBounds): PackedCodec<number> {
  if (min !== undefined && max !== undefined && max - min <= Number.MAX_SAFE_INTEGER) return fixedInteger(min, max);
  return min !== undefined && min >= 0 ? unsignedInteger(min) : signedInteger;
}

function fixedInteger(min: number, max: number): PackedCodec<number> {
  const width = bitsFor(max - min + 1);
  return {
    minBits: width,
    write: (bits, value) => bits.write((value as number) - min, width),
    read: (bits) => bits.read(width) + min,
  };
}

function unsignedInteger(min: number): PackedCodec<number> {
  return {
    minBits: 8,
    write: (bits, value) => writeVarint(bits, (value as number) - min),
    read: (bits) => readVarint(bits) + min,
  };
}

const signedInteger: PackedCodec<number> = {
  minBits: 9,
  write(bits, value) {
    bits.write((value as number) < 0 ? 1 : 0, 1);
    writeVarint(bits, Math.abs(value as number));
  },
  read(bits) {
    const isNegative = bits.read(1) === 1;
    const size = readVarint(bits);
    if (isNegative && size === 0) throw undecodable("zero has no sign");
    return isNegative ? -size : size;
  },
};

function describeBounds({ min, max }: IntegerBounds): string {
  if (min !== undefined && max !== undefined) return `an integer from ${min} to ${max}`;
  if (min !== undefined) return `an integer of at least ${min}`;
  if (max !== undefined) return `an integer of at most ${max}`;
  return "a safe integer";
}
