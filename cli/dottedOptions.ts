import { CommandError } from "./commandError.ts";

/** A value of a configuration. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An object of a configuration. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** A command line without its dotted options, and what these said. */
export interface DottedOptions {
  /** What is left for the parser. */
  readonly rest: readonly string[];
  /** `--validator.schema file.json` is `{ validator: { schema: "file.json" } }`. */
  readonly groups: JsonObject;
}

type Mutable = { [key: string]: JsonValue };

/** Keys that reach into what all objects share. */
const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Takes options such as `--driver.path ./data`, `--retention.maxBytes=1000` out of a command line. A value that is JSON
 * (a number, `true`, a list) is taken as JSON, everything else as a string; `'"7"'` is the string of a digit.
 *
 * @param args - The words of the command line. Those behind `--` are left alone.
 * @throws CommandError when a value is missing, or a key reaches into what all objects share.
 */
export function takeDottedOptions(args: readonly string[]): DottedOptions {
  const rest: string[] = [];
  const groups: Mutable = {};
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--") return { rest: [...rest, ...args.slice(i)], groups };
    const [, path, joined] = /^--([A-Za-z][\w-]*\.[^=]+)(?:=([^]*))?$/.exec(word) ?? [];
    if (path === undefined) {
      rest.push(word);
      continue;
    }
    const value = joined ?? args[++i];
    if (value === undefined || (joined === undefined && value.startsWith("--"))) {
      throw new CommandError(`--${path} needs a value`);
    }
    assign(groups, path.split("."), parseValue(value));
  }
  return { rest, groups };
}

/** Reads a value: JSON where it is JSON, otherwise the text itself. */
export function parseValue(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function assign(target: Mutable, path: readonly string[], value: JsonValue): void {
  const bad = path.find((key) => key === "" || forbidden.has(key));
  if (bad !== undefined) throw new CommandError(`--${path.join(".")} has a key that is not allowed: "${bad}"`);
  let at = target;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    if (next === undefined) at[key] = {};
    else if (!isObject(next))
      throw new CommandError(`--${path.join(".")} contradicts an earlier option: "${key}" is a value`);
    at = at[key] as Mutable;
  }
  at[path.at(-1)!] = value;
}

/** Whether a value is an object of keys, not a list. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Merges objects key by key. Later ones win; lists are replaced as a whole.
 *
 * @param objects - The weakest first.
 */
export function mergeConfig(...objects: readonly (JsonObject | undefined)[]): JsonObject {
  const merged: Mutable = {};
  for (const object of objects) {
    for (const [key, value] of Object.entries(object ?? {})) {
      if (forbidden.has(key)) throw new CommandError(`A configuration has a key that is not allowed: "${key}"`);
      const before = merged[key];
      merged[key] = isObject(value) ? mergeConfig(isObject(before) ? before : {}, value) : value;
    }
  }
  return merged;
}
