// CloudEvents 1.0 in the binary mode of its Kafka protocol binding: each attribute is a header ce_<name>, the type of the
// data is the header content-type, the data is the value, and the attribute partitionkey is the key as well.
// (CloudEvents, "Kafka Protocol Binding", 3.2.)

import { randomUUID } from "node:crypto";
import {
  dataOf,
  isRecord,
  jsonOf,
  metadataOf,
  textOf,
  utf8,
  type IncomingEvent,
  type Layout,
  type OutgoingEvent,
} from "./layout.ts";
import type { RecordParts, RecordView } from "../records/recordParts.ts";

const prefix = "ce_";
const contentType = utf8("content-type");
const specVersion = utf8("ce_specversion");
/** Names that the specification allows; anything else would not come back. */
const attributeName = /^[a-z0-9]+$/;

/** What an event lacks of the attributes that the specification wants. */
export interface CloudEventDefaults {
  /** Where events come from. */
  readonly source: string;
  /** The id of an event that has none. @default a random UUID */
  readonly newId?: () => string;
}

/** The attributes are the metadata, as a JSON object; the data is the data. */
export function cloudEventsLayout({ source, newId = randomUUID }: CloudEventDefaults): Layout {
  return {
    name: "cloudevents",
    notes: "none",
    write: (parts, event) => write(parts, event, { source, newId }),
    read,
  };
}

function write(parts: RecordParts, event: OutgoingEvent, { source, newId }: Required<CloudEventDefaults>): void {
  const given = jsonOf(metadataOf(event));
  const attributes: Record<string, unknown> = {
    specversion: "1.0",
    id: isRecord(given) && given["id"] !== undefined ? given["id"] : newId(),
    source,
    type: "sluice.event",
    time: new Date(event.batch.timestamps[event.index]!).toISOString(),
    ...(isRecord(given) ? given : {}),
  };
  const data = dataOf(event, parts);
  const body = data.length > 0 ? data : bodyOf(given);
  if (body !== data && body.length > 0) attributes["datacontenttype"] ??= "application/json";
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "datacontenttype") parts.header(contentType).add(utf8(String(value)));
    else if (attributeName.test(name) && !(isRecord(given) && name === "data"))
      parts.header(utf8(prefix + name)).add(utf8(typeof value === "string" ? value : JSON.stringify(value)));
  }
  const key = attributes["partitionkey"];
  if (typeof key === "string") parts.key = utf8(key);
  parts.value.add(body);
}

/** The data of an event that has it inside of its metadata, as in the JSON form of the specification. */
function bodyOf(given: unknown): Uint8Array {
  return isRecord(given) && "data" in given ? utf8(JSON.stringify(given["data"])) : new Uint8Array(0);
}

function read(record: RecordView, event: IncomingEvent): void {
  if (record.find(specVersion) < 0) {
    event.set(record.bytes, Math.max(0, record.valueStart), Math.max(0, record.valueEnd));
    return;
  }
  const attributes: [string, string][] = [];
  for (let i = 0; i < record.headerCount; i++) {
    const name = textOf(record.headerName(i));
    if (name === "content-type") attributes.push(["datacontenttype", textOf(record.headerValue(i))]);
    else if (name.startsWith(prefix)) attributes.push([name.slice(prefix.length), textOf(record.headerValue(i))]);
  }
  const value = record.value;
  event.setBytes(utf8(JSON.stringify(Object.fromEntries(attributes))));
  if (value.length > 0) event.data = value;
}
