// An Avro object container file (Apache Avro 1.12, "Object Container Files"):
//
//   "Obj" 1 | metadata: a map of bytes with avro.schema and avro.codec | 16 bytes of a marker
//   | (count of records, size in bytes, records, marker)*
//
// It may come from anybody, so nothing is believed: every count is bounded by the bytes that are left, since what takes no bytes is
// refused, and so is what is nested too deeply. That is why no library reads it: those that there are allocate what a count says.

import { inflateRawSync } from "node:zlib";
import { isRecord, jsonOf, strictTextOf, textOf } from "../layouts/layout.ts";

/** How deeply values may be nested. */
const maxDepth = 100;
/** Bytes that a block may come to when it was compressed. */
const maxBlockBytes = 64 << 20;

/**
 * Reads a container file.
 *
 * @throws Error when it is none, is cut off, or asks for more than it has.
 */
export function readAvroFile(bytes: Uint8Array): { readonly records: unknown[]; readonly schema: unknown } {
  const file = new Cursor(bytes);
  if (textOf(file.take(4)) !== "Obj\u0001") throw new Error("This is no Avro file");
  const metadata = readBlocks(file, (at) => [at.text(), at.take(at.length())] as const);
  const about = new Map(metadata);
  const schema = jsonOf(about.get("avro.schema") ?? new Uint8Array(0));
  const codec = textOf(about.get("avro.codec") ?? new Uint8Array(0)) || "null";
  const marker = file.take(16);
  const read = new SchemaReader(schema);
  const records: unknown[] = [];
  while (!file.isAtEnd) {
    const count = file.long();
    const block = new Cursor(plainBlock(codec, file.take(file.length())));
    if (count < 0 || count > block.left) throw new Error("A block says more records than it has bytes");
    for (let i = 0; i < count; i++) records.push(block.advancing(() => read.value(schema, block, 0)));
    if (!block.isAtEnd) throw new Error("A block is longer than its records");
    if (!file.take(16).every((byte, i) => byte === marker[i])) throw new Error("A block does not end where it should");
  }
  return { records, schema };
}

function plainBlock(codec: string, bytes: Uint8Array): Uint8Array {
  if (codec === "null") return bytes;
  if (codec === "deflate") return inflateRawSync(bytes, { maxOutputLength: maxBlockBytes });
  throw new Error("The codec is not known");
}

/** Reads values by their schema. */
class SchemaReader {
  readonly #named = new Map<string, unknown>();

  constructor(schema: unknown) {
    this.#name(schema, 0);
  }

  value(schema: unknown, at: Cursor, depth: number): unknown {
    if (depth > maxDepth) throw new Error("A value is nested too deeply");
    if (Array.isArray(schema)) return this.value((schema as readonly unknown[])[at.length()], at, depth + 1);
    if (typeof schema === "string" && this.#named.has(schema))
      return this.value(this.#named.get(schema), at, depth + 1);
    const about: Readonly<Record<string, unknown>> = isRecord(schema) ? schema : { type: schema };
    switch (about["type"]) {
      case "null":
        return null;
      case "boolean":
        return at.take(1)[0] !== 0;
      case "int":
      case "long":
        return at.long();
      case "float":
        return at.view(4).getFloat32(0, true);
      case "double":
        return at.view(8).getFloat64(0, true);
      case "bytes":
        return at.take(at.length()).slice();
      case "string":
        return at.text();
      case "fixed":
        return at.take(Number(about["size"])).slice();
      case "enum":
        return (about["symbols"] as readonly unknown[])[at.length()];
      case "array":
        return readBlocks(at, () => at.advancing(() => this.value(about["items"], at, depth + 1)));
      case "map":
        return Object.fromEntries(
          readBlocks(at, () => [at.text(), this.value(about["values"], at, depth + 1)] as const),
        );
      case "record":
        return Object.fromEntries(
          fieldsOf(about).map(({ name, type }) => [name, this.value(type, at, depth + 1)] as const),
        );
      default:
        if (isRecord(about["type"]) || Array.isArray(about["type"])) return this.value(about["type"], at, depth + 1);
        throw new Error("A type is not known");
    }
  }

  /** Learns the names that a schema gives to its parts. */
  #name(schema: unknown, depth: number): void {
    if (depth > maxDepth) throw new Error("A schema is nested too deeply");
    if (Array.isArray(schema)) for (const each of schema as readonly unknown[]) this.#name(each, depth + 1);
    if (!isRecord(schema)) return;
    const { name, namespace } = schema;
    if (typeof name === "string") {
      this.#named.set(name, schema);
      this.#named.set(name.slice(name.lastIndexOf(".") + 1), schema);
      if (typeof namespace === "string") this.#named.set(`${namespace}.${name}`, schema);
    }
    for (const part of [schema["type"], schema["items"], schema["values"]]) this.#name(part, depth + 1);
    if (schema["type"] === "record") for (const { type } of fieldsOf(schema)) this.#name(type, depth + 1);
  }
}

function fieldsOf(
  schema: Readonly<Record<string, unknown>>,
): readonly { readonly name: string; readonly type: unknown }[] {
  const { fields } = schema;
  if (!Array.isArray(fields) || !fields.every((field) => isRecord(field) && typeof field["name"] === "string")) {
    throw new Error("A record has no fields");
  }
  return fields as { name: string; type: unknown }[];
}

/** Reads the items of an array or a map: blocks with a count, the last one with 0. */
function readBlocks<T>(at: Cursor, read: (at: Cursor) => T): T[] {
  const items: T[] = [];
  for (let count = at.long(); count !== 0; count = at.long()) {
    if (count < 0) at.length(); // A negative count has the size of the block behind it.
    if (Math.abs(count) > at.left) throw new Error("A block says more items than it has bytes");
    for (let i = Math.abs(count); i > 0; i--) items.push(read(at));
  }
  return items;
}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get isAtEnd(): boolean {
    return this.left === 0;
  }

  take(size: number): Uint8Array {
    if (!(size >= 0 && size <= this.left)) throw new Error("It is cut off");
    return this.#bytes.subarray(this.#at, (this.#at += size));
  }

  view(size: number): DataView {
    const { buffer, byteOffset } = this.take(size);
    return new DataView(buffer, byteOffset, size);
  }

  /** A number as Avro writes it: seven bits a byte, zigzag. Beyond what is safe it is as near as a double comes. */
  long(): number {
    let [value, unit] = [0, 1];
    for (let i = 0; i < 10; i++) {
      const byte = this.take(1)[0]!;
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new Error("A number is too long");
  }

  /** A number that cannot be negative. */
  length(): number {
    const value = this.long();
    if (value < 0) throw new Error("A size is negative");
    return value;
  }

  text(): string {
    const text = strictTextOf(this.take(this.length()));
    if (text === undefined) throw new Error("A text is not UTF-8");
    return text;
  }

  /** Reads something that has to take at least one byte. */
  advancing<T>(read: () => T): T {
    const before = this.#at;
    const value = read();
    if (this.#at === before) throw new Error("An item takes no bytes");
    return value;
  }
}
