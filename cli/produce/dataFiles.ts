import { readFile, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { CommandError } from "../commandError.ts";
import { isObject, type JsonValue } from "../dottedOptions.ts";
import { LineProblem, type ParsedEvent } from "./parseEvent.ts";

/** Where the data of events comes from. */
export interface DataFileOptions {
  /** A file whose bytes are the data of every event. */
  readonly data?: string | undefined;
  /** The field of the metadata that names the file with the data of an event. */
  readonly dataField?: string | undefined;
  /** The directory that those files are in; a name that leads out of it is refused. @default the working directory */
  readonly dataDir?: string | undefined;
}

/** Gives an event its data. */
export type AddData = (event: ParsedEvent) => ParsedEvent | Promise<ParsedEvent>;

/**
 * Makes the function that gives each event its data. Lines may come from anywhere, so a field can only name files below the
 * data directory, symbolic links included.
 *
 * @param options - Where the data comes from.
 * @param cwd - What relative paths are relative to.
 */
export async function dataFiles({ data, dataField, dataDir = "." }: DataFileOptions, cwd: string): Promise<AddData> {
  if (data !== undefined && dataField !== undefined) {
    throw new CommandError("--data and --data-field exclude each other");
  }
  if (data !== undefined) {
    const bytes = await readFile(resolve(cwd, data));
    return (event) => ({ ...event, data: bytes });
  }
  if (dataField === undefined) return (event) => event;
  const root = await realpath(resolve(cwd, dataDir));
  return async (event) => {
    const name = fieldOf(event.metadata as JsonValue, dataField);
    return name === undefined ? event : { ...event, data: await readBelow(root, name) };
  };
}

function fieldOf(metadata: JsonValue, field: string): string | undefined {
  let value: JsonValue | undefined = metadata;
  for (const key of field.split(".")) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new LineProblem(`its field "${field}" must name a file`);
}

async function readBelow(root: string, name: string): Promise<Uint8Array> {
  try {
    const path = await realpath(resolve(root, name));
    const way = relative(root, path);
    if (way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way)) {
      throw new LineProblem(`its data file ${name} is not below ${root}`);
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof LineProblem) throw error;
    throw new LineProblem(`its data file ${name} cannot be read: ${(error as Error).message}`);
  }
}
