import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { parseModuleType, type DataDescriptor, type DataSelector } from "sluice";
import { CommandError } from "../commandError.ts";

/** A range of bytes: from its first to before its last; without one, to the end. */
type Slice = readonly [from: number, to: number];

/**
 * Makes a data selector of text: `none`, `all`, byte ranges (`0:64`, `:64`, `1024:`, `0:16,64:80`; from the first byte to before
 * the last, cut off where the data ends), or a module (`pick:./select.js`), whose export is called once and returns a selector.
 *
 * @param text - What the user wrote.
 * @param cwd - What the path of a module is relative to.
 * @returns Undefined when no data is to be brought.
 */
export async function parseSelection(text: string, cwd: string): Promise<DataSelector | undefined> {
  if (text === "none") return undefined;
  if (text === "all") return (_metadata, descriptor) => descriptor;
  if (/^[\d:,]+$/.test(text)) return selectSlices(text.split(",").map(parseSlice));
  return loadSelector(text, cwd);
}

function parseSlice(text: string): Slice {
  const [, from, to] = /^(\d*):(\d*)$/.exec(text) ?? [];
  const slice: Slice = [Number(from || 0), to ? Number(to) : Number.POSITIVE_INFINITY];
  if (from === undefined || slice[0] > slice[1]) {
    throw new CommandError(`--select must have byte ranges as in 0:64: current value is "${text}"`);
  }
  return slice;
}

function selectSlices(slices: readonly Slice[]): DataSelector {
  slices.reduce((before, slice) => {
    if (slice[0] < before) throw new CommandError("The byte ranges of --select must be in order and not overlap");
    return slice[1];
  }, 0);
  return (_metadata, descriptor) => descriptor.makeUnstructuredView(rangesWithin(slices, descriptor));
}

function rangesWithin(slices: readonly Slice[], { size }: DataDescriptor): [number, number][] {
  return slices
    .map(([from, to]): [number, number] => [Math.min(from, size), Math.min(to, size)])
    .map(([from, to]) => [from, to - from]);
}

async function loadSelector(text: string, cwd: string): Promise<DataSelector> {
  if (!text.includes(":"))
    throw new CommandError(`--select must be none, all, byte ranges or a module: it is "${text}"`);
  const { name, path } = parseModuleType(text);
  const url = path.startsWith("file:") ? path : pathToFileURL(resolve(cwd, path)).href;
  const factory = await exportOf(url, name, path);
  const selector: unknown = typeof factory === "function" ? await (factory as () => unknown)() : factory;
  if (typeof selector === "function") return selector as DataSelector;
  throw new CommandError(`The export "${name}" of ${path} must return a function (metadata, descriptor) => descriptor`);
}

async function exportOf(url: string, name: string, path: string): Promise<unknown> {
  try {
    const module = (await import(url)) as Record<string, unknown>;
    if (Object.hasOwn(module, name)) return module[name];
  } catch (cause) {
    throw new CommandError(`${path} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
  throw new CommandError(`${path} does not export "${name}"`);
}
