// The layout of hop, the client of SCiMMA's Hopskotch and of GCN. One record is
//
//   value     the content
//   headers   _id (16 bytes, a UUID), _sender (a name), _format (what the content is), _test ("true" when it is a test)
//
// Older senders have no headers and an envelope {"format": …, "content": …} as the value. Without either, what is JSON is
// JSON and the rest is a blob.

import { randomBytes } from "node:crypto";
import {
  dataOf,
  isRecord,
  jsonOf,
  metadataOf,
  strictTextOf,
  textOf,
  utf8,
  type IncomingEvent,
  type Layout,
  type OutgoingEvent,
} from "./layout.ts";
import type { RecordParts, RecordView } from "../records/recordParts.ts";

/** What the content of a message can be. An unknown one reads as `blob`. */
export const hopFormats = ["voevent", "circular", "gcntextnotice", "blob", "json", "avro", "external"] as const;

/** One of {@link hopFormats}. */
export type HopFormat = (typeof hopFormats)[number];

/**
 * The metadata of an event that is a hop message. The content of a `blob` and of `avro` is the event's data; all others
 * have it here: `json` and `circular` as what they are, `voevent` as the object that hop makes of it or as the XML that
 * GCN sends, `gcntextnotice` as text or as an object, `external` as `{ url }`.
 */
export interface HopMetadata {
  /** What the content is. */
  readonly format: HopFormat;
  /** The content, for all formats but `blob` and `avro`. */
  readonly content?: unknown;
  /** The id of the message, a UUID. */
  readonly id?: string;
  /** Who sent it. */
  readonly sender?: string;
  /** Whether it is a test. */
  readonly test?: boolean;
}

/** What the layout has to be told. */
export interface HopOptions {
  /** Who sends. @default nobody */
  readonly sender?: string | undefined;
  /** What becomes of test messages when they are read. @default "skip" */
  readonly tests?: "skip" | "deliver" | undefined;
  /** Makes the 16 bytes of an id. @default a random UUID */
  readonly newId?: (() => Uint8Array) | undefined;
}

const [idHeader, senderHeader, formatHeader, testHeader] = ["_id", "_sender", "_format", "_test"].map(utf8) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** The layout of hop messages. */
export function hopLayout({ sender, tests = "skip", newId = randomId }: HopOptions = {}): Layout {
  return {
    name: "hop",
    notes: "none",
    write: (parts, event) => write(parts, event, sender, newId),
    read: (record, event) => {
      read(record, event);
      if (tests === "skip" && isTest(record)) event.isSkipped = true;
    },
  };
}

function write(parts: RecordParts, event: OutgoingEvent, sender: string | undefined, newId: () => Uint8Array): void {
  const given = jsonOf(metadataOf(event));
  const data = dataOf(event, parts);
  const message = messageOf(given, data);
  parts.header(idHeader).add(message.id === undefined ? newId() : uuidBytes(message.id));
  const from = message.sender ?? sender;
  if (from !== undefined) parts.header(senderHeader).add(utf8(from));
  if (message.test === true) parts.header(testHeader).add(utf8("true"));
  parts.header(formatHeader).add(utf8(message.format));
  parts.value.add(message.content === undefined ? data : bytesOf(message));
}

/** What is sent: the metadata where it has the form of a message, otherwise the whole of it as JSON, or the data as a blob. */
function messageOf(given: unknown, data: Uint8Array): HopMetadata {
  if (isRecord(given) && isFormat(given["format"])) return given as unknown as HopMetadata;
  return data.length > 0 ? { format: "blob" } : { format: "json", content: given ?? null };
}

function bytesOf({ format, content }: HopMetadata): Uint8Array {
  if (format === "external" && typeof content === "string") return utf8(JSON.stringify({ url: content }));
  const isText = typeof content === "string" && format !== "json" && format !== "circular";
  return utf8(isText ? content : JSON.stringify(content));
}

/** A content that is nested too deeply to be written as metadata is a blob. */
function read(record: RecordView, event: IncomingEvent): void {
  try {
    readContent(record, event);
  } catch {
    say(event, { format: "blob", ...aboutOf(record) });
    event.data = record.value;
  }
}

function readContent(record: RecordView, event: IncomingEvent): void {
  const stated = record.find(formatHeader);
  const envelope = stated < 0 ? envelopeOf(record) : undefined;
  const name = stated < 0 ? envelope?.format : textOf(record.headerValue(stated)).toLowerCase();
  const about = aboutOf(record);
  if (envelope !== undefined && isFormat(name))
    return say(event, { format: name, ...about, content: envelope.content });
  const content = contentOf(isFormat(name) ? name : name === undefined ? "json" : "blob", record.value);
  say(event, { format: content.format, ...about, ...("content" in content && { content: content.content }) });
  if (!("content" in content) && record.valueEnd > record.valueStart) event.data = record.value;
}

function aboutOf(record: RecordView): Pick<HopMetadata, "id" | "sender" | "test"> {
  return {
    ...headerOf(record, idHeader, "id", uuidText),
    ...headerOf(record, senderHeader, "sender", textOf),
    ...(isTest(record) && { test: true }),
  };
}

function say(event: IncomingEvent, metadata: HopMetadata): void {
  event.setBytes(utf8(JSON.stringify(metadata)));
}

/** The content as a value; a blob where it is not what its format says. */
function contentOf(format: HopFormat, value: Uint8Array): { format: HopFormat; content?: unknown } {
  if (format === "blob" || format === "avro") return { format };
  const content = jsonOf(value);
  if (content !== undefined) return { format, content };
  if (format === "json" || format === "circular") return { format: "blob" };
  const text = strictTextOf(value);
  return text === undefined ? { format: "blob" } : { format, content: text };
}

function envelopeOf(record: RecordView): { format: string; content: unknown } | undefined {
  const value = jsonOf(record.value);
  if (!isRecord(value) || typeof value["format"] !== "string" || !("content" in value)) return undefined;
  return { format: value["format"].toLowerCase(), content: value["content"] };
}

function headerOf<N extends string>(
  record: RecordView,
  name: Uint8Array,
  as: N,
  decode: (bytes: Uint8Array) => string,
): { readonly [key in N]?: string } {
  const index = record.find(name);
  return index < 0 ? {} : ({ [as]: decode(record.headerValue(index)) } as { [key in N]: string });
}

function isTest(record: RecordView): boolean {
  const index = record.find(testHeader);
  return index >= 0 && textOf(record.headerValue(index)).toLowerCase() !== "false";
}

function isFormat(name: unknown): name is HopFormat {
  return (hopFormats as readonly unknown[]).includes(name);
}

function randomId(): Uint8Array {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40; // Version 4.
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  if (bytes.length !== 16) return hex;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function uuidBytes(text: string): Uint8Array {
  const hex = text.replaceAll("-", "");
  return /^[0-9a-f]{32}$/i.test(hex) ? new Uint8Array(Buffer.from(hex, "hex")) : utf8(text);
}
