import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { CommandError } from "./commandError.ts";
import { isObject, mergeConfig, type JsonObject, type JsonValue } from "./dottedOptions.ts";

const parsers: Readonly<Record<string, (text: string) => Promise<unknown>>> = {
  ".json": async (text) => JSON.parse(text) as unknown,
  ".toml": async (text) => (await import("smol-toml")).parse(text),
  ".yaml": parseYaml,
  ".yml": parseYaml,
};

/**
 * Reads a configuration file: JSON, TOML or YAML, as its name ends.
 *
 * @param path - Its path.
 * @param cwd - What a relative path is relative to.
 * @returns What is in it. Rejects with a CommandError that names the file when it is missing, malformed or no object.
 */
export async function readConfigFile(path: string, cwd: string): Promise<JsonObject> {
  const value = await readValueFile(path, cwd);
  // Merging it with nothing copies it, without the keys that nobody may set.
  if (isObject(value)) return mergeConfig(value);
  throw new CommandError(`${path} must hold an object`);
}

/** As {@link readConfigFile}, of any value. */
export async function readValueFile(path: string, cwd: string): Promise<JsonValue> {
  const ending = extname(path).toLowerCase();
  const parse = parsers[ending];
  if (parse === undefined) throw new CommandError(`${path} must end in ${Object.keys(parsers).join(", ")}`);
  const text = await readText(path, cwd);
  try {
    return (await parse(text)) as JsonValue;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new CommandError(`${path} cannot be read as ${ending.slice(1).toUpperCase()}: ${reason}`, { cause });
  }
}

async function readText(path: string, cwd: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, path), "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code === "ENOENT" ? "there is no such file" : (cause as Error).message;
    throw new CommandError(`${path} cannot be read: ${reason}`, {
      exit: code === "ENOENT" ? "notFound" : "failed",
      cause,
    });
  }
}

async function parseYaml(text: string): Promise<unknown> {
  // A handful of aliases is fine; a file that multiplies itself is not.
  return (await import("yaml")).parse(text, { maxAliasCount: 100 }) as unknown;
}
