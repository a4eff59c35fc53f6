import type { StreamEvent } from "../../../src/model/event.ts";
import type { HopMetadata } from "../layouts/hop.ts";
import { isRecord, utf8 } from "../layouts/layout.ts";
import { formatAvro, parseAvro, type AvroContent } from "./avro.ts";
import { formatGcnNotice, parseGcnNotice, type GcnNotice } from "./gcnNotice.ts";
import { asVoEvent, formatVoEvent, parseVoEvent, type VoEvent } from "./voEvent.ts";

/** A circular of the General Coordinates Network. */
export interface GcnCircular {
  /** Title, number, subject, date, from and the like, by their names in lower case. */
  readonly header: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What stands beside the content of every message of hop. */
export interface HopHead {
  /** A UUID. */
  readonly id?: string | undefined;
  readonly sender?: string | undefined;
  readonly test?: boolean | undefined;
}

/** What a message of hop says, by its format. */
export type HopContent =
  | { readonly format: "json"; readonly content: unknown }
  | { readonly format: "circular"; readonly content: GcnCircular }
  | { readonly format: "gcntextnotice"; readonly content: GcnNotice }
  | { readonly format: "voevent"; readonly content: VoEvent }
  | { readonly format: "avro"; readonly content: AvroContent }
  | { readonly format: "external"; readonly content: { readonly url: string } }
  /** Bytes: also what announces another format, and is not what it says. `announced` names that. */
  | { readonly format: "blob"; readonly content: Uint8Array; readonly announced?: string | undefined };

/** A message of hop. */
export type HopMessage = HopHead & HopContent;

/**
 * Reads an event of a topic in the layout `hop` as the message that it is, with a type for each format. A record that is not what
 * it says it is, or somebody else's, is a blob: nothing in it makes this fail.
 *
 * @param event - The event. Data of a blob or of Avro that was not selected is fetched.
 * @returns The message. Rejects with `ERR_MISSING_DEPENDENCY` when a VOEvent needs `fast-xml-parser`; and with what kept data from
 * being fetched.
 *
 * @example
 * ```ts no-run
 * import { connect } from "sluice";
 * import { readHopMessage, type HopMetadata } from "sluice/backends/kafka";
 *
 * const hop = await connect("kafka://kafka.scimma.org/", { layout: "hop", tls: {} });
 * for await (const event of (await hop.openTopic<HopMetadata>("gcn.circular")).consumer("alice")) {
 *   const message = await readHopMessage(event);
 *   if (message.format === "circular") console.log(message.content.header["subject"]);
 * }
 * ```
 */
export async function readHopMessage(event: StreamEvent<HopMetadata>): Promise<HopMessage> {
  const { format, content, id, sender, test } = event.metadata;
  const head = {
    ...(id !== undefined && { id }),
    ...(sender !== undefined && { sender }),
    ...(test === true && { test }),
  };
  if (format === "blob" || format === "avro") {
    const { descriptor } = event;
    const bytes = event.data.size === descriptor.size ? event.data : await event.fetchData();
    const data = bytes.toUint8Array();
    const avro = format === "avro" ? parseAvro(data) : undefined;
    if (avro !== undefined) return { ...head, format: "avro", content: avro };
    return { ...head, format: "blob", content: data, ...(format === "avro" && { announced: format }) };
  }
  const typed = await typedContent(format, content);
  if (typed !== undefined) return { ...head, ...typed };
  return { ...head, format: "blob", content: bytesOf(content), announced: String(format) };
}

/** The content as bytes; none where it is nested too deeply for JSON. */
function bytesOf(content: unknown): Uint8Array {
  try {
    return utf8(typeof content === "string" ? content : JSON.stringify(content ?? null));
  } catch {
    return new Uint8Array(0);
  }
}

/** The content as its format has it; undefined when it is something else. */
async function typedContent(format: string, content: unknown): Promise<HopContent | undefined> {
  switch (format) {
    case "json":
      return { format, content };
    case "circular":
      return isCircular(content) ? { format, content } : undefined;
    case "gcntextnotice":
      return typeof content === "string" ? { format, content: parseGcnNotice(content) } : undefined;
    case "external":
      return isRecord(content) && typeof content["url"] === "string"
        ? { format, content: { url: content["url"] } }
        : undefined;
    case "voevent": {
      const event = typeof content === "string" ? await parseVoEvent(content) : asVoEvent(content);
      return event === undefined ? undefined : { format, content: event };
    }
    default:
      return undefined;
  }
}

function isCircular(content: unknown): content is GcnCircular {
  if (!isRecord(content) || typeof content["body"] !== "string" || !isRecord(content["header"])) return false;
  return Object.values(content["header"]).every((value) => typeof value === "string");
}

/** What is pushed to a topic in the layout `hop`. */
export interface HopDraft {
  readonly metadata: HopMetadata;
  readonly data: Uint8Array | undefined;
}

/**
 * Makes of a message what a producer of a topic in the layout `hop` pushes.
 *
 * @param message - The message. A notice without a text is written from its fields, Avro without a schema gets one that fits.
 * @returns Metadata and data. Rejects with `ERR_MISSING_DEPENDENCY` where `fast-xml-parser` or `avsc` is needed, and with a TypeError when a record
 * does not fit its Avro schema.
 *
 * @example
 * ```ts no-run
 * import { connect } from "sluice";
 * import { writeHopMessage, type HopMetadata } from "sluice/backends/kafka";
 *
 * const hop = await connect("kafka://kafka.scimma.org/", { layout: "hop", tls: {} });
 * const producer = (await hop.openTopic<HopMetadata>("lab.alerts")).producer();
 * const { metadata, data } = await writeHopMessage({ format: "circular", content: { header: { title: "GRB" }, body: "…" } });
 * await producer.push(metadata, data);
 * ```
 */
export async function writeHopMessage(message: HopHead & HopWritable): Promise<HopDraft> {
  const { id, sender, test } = message;
  const head = {
    ...(id !== undefined && { id }),
    ...(sender !== undefined && { sender }),
    ...(test === true && { test }),
  };
  if (message.format === "blob") return { metadata: { format: "blob", ...head }, data: message.content };
  if (message.format === "avro") {
    return { metadata: { format: "avro", ...head }, data: await formatAvro(message.content) };
  }
  return { metadata: { format: message.format, ...head, content: await contentOf(message) }, data: undefined };
}

/** What can be written: as {@link HopContent}, where a notice may leave out its text and Avro its schema. */
export type HopWritable =
  | Exclude<HopContent, { readonly format: "avro" | "gcntextnotice" }>
  | { readonly format: "gcntextnotice"; readonly content: Partial<GcnNotice> }
  | { readonly format: "avro"; readonly content: Pick<AvroContent, "records"> & Partial<AvroContent> };

function contentOf(message: Exclude<HopWritable, { readonly format: "blob" | "avro" }>): unknown {
  if (message.format === "voevent") return formatVoEvent(message.content);
  if (message.format !== "gcntextnotice") return message.content;
  const { text, fields = {} } = message.content;
  return text ?? formatGcnNotice(fields);
}
