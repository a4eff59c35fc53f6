import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { parseModuleType, type ComponentKind, type ComponentSpec } from "sluice";
import { nearestName } from "../../src/components/nearestName.ts";
import { CommandError } from "../commandError.ts";
import { readConfigFile, readValueFile } from "../configFile.ts";
import { isObject, mergeConfig, type JsonObject, type JsonValue } from "../dottedOptions.ts";

/** Short names on the command line. */
const aliases: Readonly<Record<ComponentKind, Readonly<Record<string, string>>>> = {
  validator: { schema: "json-schema", pattern: "event-pattern" },
  partitionSelector: { key: "by-key" },
  serializer: {},
};

/** Options that are large: a string is the name of a file that holds the value. */
const fileOptions = ["schema", "pattern"];

/** What a command line says of one component. */
export interface ComponentFlags {
  /** Its type. */
  readonly type?: string | undefined;
  /** A file with its options. */
  readonly config?: string | undefined;
  /** Its dotted options. */
  readonly dotted: JsonObject;
  /** What a configuration of the whole topic says of it. */
  readonly beneath?: JsonValue | undefined;
}

/**
 * Makes the stored form of a component from what the command line says: dotted options over the component's own file over that
 * of the topic.
 *
 * A module's path is made absolute, so that the topic can be used from another working directory.
 *
 * @param kind - Which of the three components.
 * @param flags - What the command line says.
 * @param cwd - What relative paths are relative to.
 * @returns Undefined when nothing is said.
 */
export async function componentSpec(
  kind: ComponentKind,
  { type, config, dotted, beneath }: ComponentFlags,
  cwd: string,
): Promise<ComponentSpec | undefined> {
  const base = typeof beneath === "string" ? { type: beneath } : isObject(beneath) ? beneath : {};
  const fromFile = config === undefined ? {} : await readConfigFile(config, cwd);
  const merged = mergeConfig(base, fromFile, dotted, type === undefined ? {} : { type });
  if (Object.keys(merged).length === 0) return undefined;
  const given = merged["type"] ?? defaultType(kind, merged);
  if (typeof given !== "string") {
    throw new CommandError(`The ${kind} needs a type`, { hint: `give --${kebab(kind)} <type>` });
  }
  checkType(kind, given);
  const spec: Record<string, JsonValue> = {
    ...merged,
    type: given.includes(":") ? absolute(given, cwd) : (aliases[kind][given] ?? given),
  };
  for (const key of fileOptions) {
    const value = spec[key];
    if (typeof value === "string") spec[key] = await readValueFile(value, cwd);
  }
  return spec as ComponentSpec & Record<string, JsonValue>;
}

/** The types that come with Sluice, as the command line calls them. */
const types: Readonly<Record<ComponentKind, readonly string[]>> = {
  validator: ["schema", "pattern", "accept-all"],
  partitionSelector: ["round-robin", "by-key", "key"],
  serializer: ["json", "text", "packed", "cbor"],
};

/** A type of one's own is named by its module; whatever else is not known here is a slip. */
function checkType(kind: ComponentKind, type: string): void {
  const known = [...types[kind], ...Object.values(aliases[kind])];
  if (type.includes(":") || known.includes(type)) return;
  throw new CommandError(`There is no ${words(kind)} of type "${type}"`, {
    hint: `did you mean "${nearestName(type, types[kind])}"? A module of your own is given as name:./module.js`,
  });
}

function words(kind: ComponentKind): string {
  return kebab(kind).replace("-", " ");
}

/** Options that only one type has need no type beside them. */
function defaultType(kind: ComponentKind, options: JsonObject): string | undefined {
  if (kind === "validator") return fileOptions.find((key) => key in options);
  if (kind === "partitionSelector" && "key" in options) return "by-key";
  return undefined;
}

function absolute(type: string, cwd: string): string {
  const { name, path } = parseModuleType(type);
  return /^[a-z]+:/i.test(path) ? type : `${name}:${pathToFileURL(resolve(cwd, path)).href}`;
}

function kebab(kind: ComponentKind): string {
  return kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
