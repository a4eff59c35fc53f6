import { EventData, type DataInput } from "sluice";
import { isObject, type JsonObject, type JsonValue } from "../dottedOptions.ts";
import type { Line } from "./readLines.ts";

/**
 * What a line is: `"json"`, the metadata as JSON; `"raw"`, the metadata as a string; `"event"`, a whole event as `sluice consume`
 * prints it, with `metadata`, `partition` and `data` in base64.
 */
export type LineFormat = "json" | "raw" | "event";

/** An event as a line says it. */
export interface ParsedEvent {
  /** Its metadata. */
  readonly metadata: unknown;
  /** Its data. */
  readonly data?: DataInput | undefined;
  /** The partition that it asks for. */
  readonly partition?: number | undefined;
}

/** A line that is no event. */
export class LineProblem extends Error {
  override readonly name = "LineProblem";
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether a line says nothing, so that it is passed over. A raw line may well be empty. */
export function isBlank({ bytes, problem }: Line, format: LineFormat): boolean {
  if (format === "raw" || problem !== undefined) return false;
  return bytes.every((byte) => byte === 0x20 || byte === 0x09);
}

/**
 * Reads the event that a line is.
 *
 * @throws LineProblem when it is none.
 */
export function parseEvent(line: Line, format: LineFormat): ParsedEvent {
  if (line.problem !== undefined) throw new LineProblem(line.problem);
  const text = decode(line.bytes);
  if (format === "raw") return { metadata: text };
  const value = parseJson(text);
  return format === "json" ? { metadata: value } : wholeEvent(value);
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new LineProblem("it is not UTF-8");
  }
}

function parseJson(text: string): JsonValue {
  try {
    // A file may begin with a byte order mark.
    return JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text) as JsonValue;
  } catch (error) {
    throw new LineProblem(`it is not JSON: ${(error as Error).message}`);
  }
}

function wholeEvent(value: JsonValue): ParsedEvent {
  if (!isObject(value) || !Object.hasOwn(value, "metadata")) {
    throw new LineProblem(`it must be an object with "metadata", "data" (base64) and "partition"`);
  }
  const { metadata, partition } = value;
  if (partition !== undefined && typeof partition !== "number") throw new LineProblem(`"partition" must be a number`);
  return { metadata, data: dataOf(value), partition };
}

function dataOf({ data }: JsonObject): EventData | undefined {
  if (data === undefined || data === null) return undefined;
  if (typeof data !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) throw new LineProblem(`"data" must be base64`);
  return EventData.from(Buffer.from(data, "base64"));
}
