import { nearestName } from "../../src/components/nearestName.ts";
import { CommandError } from "../commandError.ts";
import { isObject, type JsonObject, type JsonValue } from "../dottedOptions.ts";
import type { ConfigSchema } from "./configSchema.ts";

/**
 * Checks a configuration against its schema.
 *
 * @param value - The configuration.
 * @param schema - Its schema.
 * @throws CommandError that names the first thing that is wrong: where it is, what it should be, and for a key that nobody knows the
 * nearest one that there is.
 */
export function checkConfig(value: JsonValue, schema: ConfigSchema): void {
  check(value, schema, "");
}

function check(value: JsonValue, schema: ConfigSchema, at: string): void {
  if (schema.oneOf !== undefined) return checkAlternatives(value, schema.oneOf, at);
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    throw problem(at, `must be ${articles[schema.type]}`, value);
  }
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) {
    throw problem(at, `must be one of ${schema.enum.join(", ")}`, value);
  }
  if (schema.const !== undefined && value !== schema.const) throw problem(at, `must be "${schema.const}"`, value);
  if (typeof value === "number") checkRange(value, schema, at);
  if (typeof value === "string") checkPattern(value, schema.pattern, at);
  if (Array.isArray(value)) checkItems(value as readonly JsonValue[], schema, at);
  else if (isObject(value)) checkProperties(value, schema, at);
}

function checkAlternatives(value: JsonValue, alternatives: readonly ConfigSchema[], at: string): void {
  const kinds = alternatives.map(({ properties }) => properties?.["type"]?.const ?? "");
  const given = isObject(value) ? value["type"] : value;
  const index = isObject(value) && typeof given === "string" ? kinds.indexOf(given) : -1;
  if (index < 0) {
    const nearest = typeof given === "string" ? `; did you mean "${nearestName(given, kinds)}"?` : "";
    throw problem(`${at}.type`, `must be one of ${kinds.join(", ")}${nearest}`, given ?? null);
  }
  check(value, alternatives[index]!, at);
}

function checkRange(value: number, { minimum = -Infinity, maximum = Infinity }: ConfigSchema, at: string): void {
  if (value >= minimum && value <= maximum) return;
  throw problem(
    at,
    maximum === Infinity ? `must be at least ${minimum}` : `must be from ${minimum} to ${maximum}`,
    value,
  );
}

function checkPattern(value: string, pattern: string | undefined, at: string): void {
  if (pattern !== undefined && !new RegExp(pattern).test(value)) throw problem(at, `must match ${pattern}`, value);
}

function checkItems(value: readonly JsonValue[], { items, minItems = 0 }: ConfigSchema, at: string): void {
  if (value.length < minItems) throw problem(at, `must have at least ${minItems}`, value);
  if (items !== undefined) value.forEach((item, i) => check(item, items, `${at}[${i}]`));
}

function checkProperties(value: JsonObject, schema: ConfigSchema, at: string): void {
  const { properties = {}, additionalProperties, propertyNames, required = [] } = schema;
  for (const key of required) {
    if (!Object.hasOwn(value, key)) throw new CommandError(`${nameOf(at)} needs "${key}"`);
  }
  for (const [key, each] of Object.entries(value)) {
    const below = at === "" ? key : `${at}.${key}`;
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known !== undefined) check(each, known, below);
    else if (additionalProperties === false) {
      const nearest = nearestName(key, Object.keys(properties));
      throw new CommandError(`There is no "${key}" in ${nameOf(at)}, did you mean "${nearest}"?`);
    } else if (additionalProperties !== undefined) {
      checkPattern(key, propertyNames?.pattern, `A name in ${nameOf(at)}`);
      check(each, additionalProperties, below);
    }
  }
}

const articles = {
  object: "a table",
  array: "a list",
  string: "text",
  integer: "a whole number",
  boolean: "true or false",
} as const;

function hasType(value: JsonValue, type: keyof typeof articles): boolean {
  if (type === "object") return isObject(value);
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isSafeInteger(value);
  return typeof value === type;
}

function problem(at: string, what: string, value: JsonValue): CommandError {
  // A hash that does not match its pattern may be the token itself.
  const shown = at.endsWith(".hash") ? "not shown" : shorten(JSON.stringify(value));
  return new CommandError(`${nameOf(at)} ${what}: current value is ${shown}`);
}

function nameOf(at: string): string {
  return at === "" ? "the configuration" : at;
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
