import type { BitReader } from "./bitReader.ts";
import { misfit, type PackedCodec, type Trail } from "./packedCodec.ts";
import { undecodable } from "./serializationErrors.ts";

/** A property of a packed object. @internal */
export interface PackedProperty {
  /** Its name. */
  readonly name: string;
  /** What its values are like. */
  readonly codec: PackedCodec;
  /** Whether it must be there. One that need not has a bit before it that says whether it is. */
  readonly required: boolean;
}

/** Objects: their properties in the order of the schema. @internal */
export function objectCodec(properties: readonly PackedProperty[]): PackedCodec<object> {
  const names = new Set(properties.map(({ name }) => name));
  return {
    minBits: properties.reduce((sum, { codec, required }) => sum + (required ? codec.minBits : 1), 0),
    write(bits, value, trail) {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw misfit(trail, "it must be an object", value);
      for (const { name, codec, required } of properties) {
        trail.push(name);
        const part = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
        if (part === undefined && required) throw misfit(trail, "it is required", part);
        if (!required) bits.write(part === undefined ? 0 : 1, 1);
        if (part !== undefined) codec.write(bits, part, trail);
        trail.pop();
      }
      refuseOthers(value, names, trail);
    },
    read(bits) {
      const result = {};
      for (const { name, codec, required } of properties) {
        if (required || bits.read(1) === 1) define(result, name, codec.read(bits));
      }
      return result;
    },
  };
}

/** Lists: their length, then their items. @internal */
export function arrayCodec(items: PackedCodec, length: PackedCodec<number>): PackedCodec<unknown[]> {
  return {
    minBits: length.minBits,
    write(bits, value, trail) {
      if (!Array.isArray(value)) throw misfit(trail, "it must be a list", value);
      length.write(bits, value.length, trail);
      for (const [index, item] of value.entries()) {
        trail.push(index);
        items.write(bits, item, trail);
        trail.pop();
      }
    },
    read(bits) {
      const count = length.read(bits);
      checkRoom(bits, count, items.minBits);
      const result: unknown[] = [];
      for (let index = 0; index < count; index++) result.push(items.read(bits));
      return result;
    },
  };
}

/** Null or something else, with a bit that says which. @internal */
export function nullableCodec(codec: PackedCodec): PackedCodec {
  return {
    minBits: 1,
    write(bits, value, trail) {
      bits.write(value === null ? 0 : 1, 1);
      if (value !== null) codec.write(bits, value, trail);
    },
    read: (bits) => (bits.read(1) === 0 ? null : codec.read(bits)),
  };
}

/** A few bytes may claim a list of a million items. Only as many are read as the bytes that are left can hold. */
function checkRoom(bits: BitReader, count: number, minBits: number): void {
  if (count * minBits > bits.remaining) throw undecodable(`a list of ${count} items is longer than the bytes`);
}

function refuseOthers(value: object, names: ReadonlySet<string>, trail: Trail): void {
  for (const [name, part] of Object.entries(value)) {
    if (names.has(name) || part === undefined) continue;
    trail.push(name);
    throw misfit(trail, "the schema has no such property", part);
  }
}

/** An assignment to `__proto__` would change the prototype and lose the value. */
function define(target: object, name: string, value: unknown): void {
  if (name !== "__proto__") (target as Record<string, unknown>)[name] = value;
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}
