import { describeValue } from "../describeValue.ts";
import { type PointerSegment, toPointer } from "../jsonPointer.ts";
import type { PackedCodec } from "./packedCodec.ts";
import { arrayCodec, nullableCodec, objectCodec } from "./packedContainers.ts";
import { floatCodec, integerCodec } from "./packedNumbers.ts";
import { booleanCodec, enumCodec, identityOf, stringCodec } from "./packedScalars.ts";

type Schema = Readonly<Record<string, unknown>>;
type Path = readonly PointerSegment[];

/** Keywords that say something to people and nothing about the value. */
const annotations = [
  "$schema",
  "$id",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
];

/** The keywords of each type. Any other could not be kept to, so it is refused. */
const keywords: Readonly<Record<string, readonly string[]>> = {
  boolean: [],
  null: [],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
  string: ["minLength", "maxLength"],
  array: ["items", "minItems", "maxItems"],
  object: ["properties", "required", "additionalProperties"],
};

/** Items without a bit of their own, such as constants, cost nothing to claim: so many of them are the most. */
const maxEmptyItems = 65_536;

/**
 * Makes the codec of a packed schema.
 *
 * @throws TypeError or RangeError, with the path in the schema, when something in it cannot be packed.
 * @internal
 */
export function compilePacked(schema: unknown, path: Path = []): PackedCodec {
  if (!isSchema(schema))
    throw new TypeError(`${at(path)} must be an object: current value is ${describeValue(schema)}`);
  if (Object.hasOwn(schema, "const")) return compileEnum([schema["const"]], schema, path);
  if (Object.hasOwn(schema, "enum")) return compileEnum(schema["enum"], schema, path);
  const { name, isNullable } = typeOf(schema, path);
  checkKeywords(schema, ["type", ...(keywords[name] ?? [])], path);
  const codec = compileType(name, schema, path);
  return isNullable ? nullableCodec(codec) : codec;
}

function compileType(name: string, schema: Schema, path: Path): PackedCodec {
  switch (name) {
    case "boolean":
      return booleanCodec;
    case "null":
      return enumCodec([null]);
    case "integer":
      return compileInteger(schema, path);
    case "number":
      return compileNumber(schema, path);
    case "string":
      return stringCodec(
        count(schema, "minLength", path) ?? 0,
        count(schema, "maxLength", path) ?? Number.MAX_SAFE_INTEGER,
      );
    case "array":
      return compileArray(schema, path);
    default:
      return compileObject(schema, path);
  }
}

function compileEnum(values: unknown, schema: Schema, path: Path): PackedCodec {
  checkKeywords(schema, ["const", "enum", "type"], path);
  if (!Array.isArray(values) || values.length === 0) {
    throw new TypeError(
      `${at([...path, "enum"])} must be a list with at least one value: current value is ${describeValue(values)}`,
    );
  }
  if (new Set(values.map(identityOf)).size < values.length)
    throw new RangeError(`${at([...path, "enum"])} must not name a value twice`);
  return enumCodec(values);
}

function compileInteger(schema: Schema, path: Path): PackedCodec {
  const above = bound(schema, "exclusiveMinimum", path);
  const below = bound(schema, "exclusiveMaximum", path);
  const min = tightest(
    Math.max,
    bound(schema, "minimum", path),
    above === undefined ? undefined : Math.floor(above) + 1,
  );
  const max = tightest(
    Math.min,
    bound(schema, "maximum", path),
    below === undefined ? undefined : Math.ceil(below) - 1,
  );
  const bounds = { min: min && Math.ceil(min), max: max && Math.floor(max) };
  for (const value of [bounds.min, bounds.max]) {
    if (value !== undefined && !Number.isSafeInteger(value))
      throw new RangeError(`${at(path)} must have bounds that are safe integers`);
  }
  if (min !== undefined && max !== undefined && !((bounds.min ?? 0) <= (bounds.max ?? 0))) {
    throw new RangeError(`${at(path)} allows no integer: its bounds are ${min} and ${max}`);
  }
  return integerCodec(bounds);
}

function compileNumber(schema: Schema, path: Path): PackedCodec {
  const format = schema["format"] ?? "double";
  if (format !== "float" && format !== "double") {
    throw new RangeError(
      `${at([...path, "format"])} must be "float" or "double": current value is ${describeValue(format)}`,
    );
  }
  const min = bound(schema, "minimum", path) ?? Number.NEGATIVE_INFINITY;
  const max = bound(schema, "maximum", path) ?? Number.POSITIVE_INFINITY;
  const above = bound(schema, "exclusiveMinimum", path) ?? Number.NEGATIVE_INFINITY;
  const below = bound(schema, "exclusiveMaximum", path) ?? Number.POSITIVE_INFINITY;
  const accepts = (value: number): boolean => value >= min && value <= max && value > above && value < below;
  return floatCodec(
    format === "float" ? 32 : 64,
    accepts,
    "it must be a finite number within the bounds of the schema",
  );
}

function compileArray(schema: Schema, path: Path): PackedCodec {
  const items = compilePacked(schema["items"], [...path, "items"]);
  const min = count(schema, "minItems", path) ?? 0;
  const max = count(schema, "maxItems", path);
  if (max !== undefined && max < min) throw new RangeError(`${at(path)} must have 'maxItems' of at least 'minItems'`);
  if (items.minBits === 0 && !(max !== undefined && max <= maxEmptyItems)) {
    throw new RangeError(`${at(path)} must have 'maxItems' of at most ${maxEmptyItems}, since its items take no bits`);
  }
  return arrayCodec(items, integerCodec({ min, max }, "its length"));
}

function compileObject(schema: Schema, path: Path): PackedCodec {
  const properties = schema["properties"] ?? {};
  const required = schema["required"] ?? [];
  if (!isSchema(properties)) throw new TypeError(`${at([...path, "properties"])} must be an object`);
  if (!Array.isArray(required)) throw new TypeError(`${at([...path, "required"])} must be a list of names`);
  if ((schema["additionalProperties"] ?? false) !== false) {
    throw new TypeError(
      `${at([...path, "additionalProperties"])} must be false: only what the schema names can be packed`,
    );
  }
  const unknown = required.find((name) => !Object.hasOwn(properties, name));
  if (unknown !== undefined)
    throw new TypeError(`${at([...path, "required"])} names ${describeValue(unknown)}, which has no schema`);
  return objectCodec(
    Object.entries(properties).map(([name, property]) => ({
      name,
      codec: compilePacked(property, [...path, "properties", name]),
      required: required.includes(name),
    })),
  );
}

function typeOf(schema: Schema, path: Path): { name: string; isNullable: boolean } {
  const types: unknown[] = Array.isArray(schema["type"]) ? schema["type"] : [schema["type"]];
  const others = types.length === 2 ? types.filter((type) => type !== "null") : types;
  const [name] = others;
  if (others.length !== 1 || typeof name !== "string" || !Object.hasOwn(keywords, name)) {
    const list = Object.keys(keywords).join(", ");
    throw new TypeError(
      `${at([...path, "type"])} must be one of ${list}, or one of them with "null": current value is ${describeValue(schema["type"])}`,
    );
  }
  return { name, isNullable: types.length === 2 };
}

function checkKeywords(schema: Schema, known: readonly string[], path: Path): void {
  const unknown = Object.keys(schema).find((keyword) => !known.includes(keyword) && !annotations.includes(keyword));
  if (unknown !== undefined) throw new TypeError(`${at([...path, unknown])} is a keyword that cannot be packed here`);
}

function bound(schema: Schema, keyword: string, path: Path): number | undefined {
  const value = schema[keyword];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw new TypeError(`${at([...path, keyword])} must be a finite number: current value is ${describeValue(value)}`);
}

function count(schema: Schema, keyword: string, path: Path): number | undefined {
  const value = bound(schema, keyword, path);
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw new RangeError(`${at([...path, keyword])} must be an integer of at least 0: current value is ${value}`);
}

function tightest(choose: (...values: number[]) => number, ...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : choose(...known);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function at(path: Path): string {
  return path.length === 0 ? "The packed schema" : `The packed schema at ${toPointer(path)}`;
}
