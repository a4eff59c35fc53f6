import { describeValue } from "../describeValue.ts";
import { bitsFor, misfit, type PackedCodec } from "./packedCodec.ts";
import { readVarint, writeVarint } from "./packedNumbers.ts";
import { asUndecodable, undecodable } from "./serializationErrors.ts";
import { isWellFormed } from "./text.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** Booleans, one bit each. @internal */
export const booleanCodec: PackedCodec<boolean> = {
  minBits: 1,
  write(bits, value, trail) {
    if (typeof value !== "boolean") throw misfit(trail, "it must be true or false", value);
    bits.write(value ? 1 : 0, 1);
  },
  read: (bits) => bits.read(1) === 1,
};

/** One of a list of values, as its place in the list. One value alone takes no bit at all. @internal */
export function enumCodec(values: readonly unknown[]): PackedCodec {
  const width = bitsFor(values.length);
  const indexOf = indexBy(values);
  const rule = `it must be ${values.map(describeValue).join(" or ")}`;
  return {
    minBits: width,
    write(bits, value, trail) {
      const index = indexOf(value);
      if (index === undefined) throw misfit(trail, rule, value);
      bits.write(index, width);
    },
    read(bits) {
      const index = bits.read(width);
      if (index >= values.length) throw undecodable(`there is no value number ${index}`);
      const value = values[index];
      // The caller may change what was decoded, so an object in the schema is never handed out itself.
      return typeof value === "object" && value !== null ? structuredClone(value) : value;
    },
  };
}

/** Text, as a varint with the number of bytes and then UTF-8. @internal */
export function stringCodec(minLength: number, maxLength: number): PackedCodec<string> {
  return {
    minBits: 8,
    write(bits, value, trail) {
      if (typeof value !== "string" || !isWellFormed(value))
        throw misfit(trail, "it must be a string that UTF-8 can hold", value);
      if (!hasLength(value, minLength, maxLength)) throw misfit(trail, lengthRule(minLength, maxLength), value);
      const bytes = encodeUtf8(value);
      writeVarint(bits, bytes.length);
      bits.writeBytes(bytes);
    },
    read(bits) {
      const value = decode(bits.readBytes(readVarint(bits)));
      if (!hasLength(value, minLength, maxLength)) throw undecodable(lengthRule(minLength, maxLength));
      return value;
    },
  };
}

function decode(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw asUndecodable(error);
  }
}

/** JSON Schema counts characters, not UTF-16 units. */
function hasLength(value: string, min: number, max: number): boolean {
  if (min === 0 && value.length <= max) return true;
  let length = 0;
  for (const _ of value) length++;
  return length >= min && length <= max;
}

function lengthRule(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER
    ? `it must have at least ${min} characters`
    : `it must have ${min} to ${max} characters`;
}

function indexBy(values: readonly unknown[]): (value: unknown) => number | undefined {
  const indexes = new Map(values.map((value, index) => [identityOf(value), index]));
  return (value) => indexes.get(identityOf(value));
}

/**
 * What two equal JSON values have in common: objects and lists are equal when their JSON text is, whatever the order of
 * their properties.
 *
 * @internal
 */
export function identityOf(value: unknown): unknown {
  if (typeof value === "string") return `string ${value}`;
  if (typeof value !== "object" || value === null) return value;
  try {
    return `object ${JSON.stringify(value, sortProperties)}`;
  } catch {
    // A cycle is equal to nothing in a schema.
    return value;
  }
}

function sortProperties(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
