import type { EventBatch, ProducerSequence } from "../../../src/model/batch.ts";
import type { RecordParts, RecordView } from "../records/recordParts.ts";
import type { DataWalker } from "../records/slices.ts";

/** How an event becomes a record of Kafka. */
export const layoutNames = ["sluice", "octopus", "hop", "cloudevents"] as const;

/** One of {@link layoutNames}. */
export type LayoutName = (typeof layoutNames)[number];

/** Data that is not in its record: in chunks of the companion topic, or in a data store. The text says where. */
export interface Apart {
  readonly where: "chunks" | "store";
  readonly text: string;
}

/** An event that is to become a record. */
export interface OutgoingEvent {
  readonly batch: EventBatch;
  readonly index: number;
  readonly data: DataWalker;
  /** Where the data is, when it has been stored apart; undefined when it belongs into the record. */
  readonly apart: Apart | undefined;
  /** The producer and its sequence, on the first record of a batch. */
  readonly sequence: string | undefined;
}

/** What a record turned out to be. One is used for every record of a batch. */
export class IncomingEvent {
  /** Where the metadata is. */
  metadata: Uint8Array = new Uint8Array(0);
  metadataStart = 0;
  metadataEnd = 0;
  /** The data, where the record holds it: a view of the fetched bytes. */
  data: Uint8Array | undefined;
  /** Where the data is, when it was stored apart. */
  apart: Apart | undefined;
  /** Whether the reader did not ask for records of this kind. */
  isSkipped = false;

  set(metadata: Uint8Array, start: number, end: number): void {
    this.metadata = metadata;
    this.metadataStart = start;
    this.metadataEnd = end;
    this.data = undefined;
    this.apart = undefined;
    this.isSkipped = false;
  }

  setBytes(metadata: Uint8Array): void {
    this.set(metadata, 0, metadata.length);
  }
}

/** Writes events as records and reads them back. Reading never throws: what it cannot understand is metadata as it is. */
export interface Layout {
  readonly name: LayoutName;
  /** Whether a record has room for what only Sluice reads: where data is that is stored apart, and the sequence of the producer. */
  readonly notes: "kept" | "none";
  write(parts: RecordParts, event: OutgoingEvent): void;
  read(record: RecordView, event: IncomingEvent): void;
  /** Who has sent the batch that begins with a record, where that is kept. */
  producerOf?(record: RecordView): ProducerSequence | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true });

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** UTF-8 as text, with replacement characters where it is none. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** JSON as a value; undefined where it is none. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strict.decode(bytes));
  } catch {
    return undefined;
  }
}

/** UTF-8 as text; undefined where it is none. */
export function strictTextOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with names, and neither an array nor null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The metadata of an outgoing event. */
export function metadataOf({ batch, index }: OutgoingEvent): Uint8Array {
  return batch.metadata.subarray(index === 0 ? 0 : batch.metadataEnds[index - 1], batch.metadataEnds[index]);
}

/** The data of an outgoing event, in one piece. */
export function dataOf({ data, index }: OutgoingEvent, parts: RecordParts): Uint8Array {
  // The value is the scratch: whoever calls this writes a value of its own afterwards.
  parts.value.clear();
  data.addTo(parts.value, index);
  const bytes = parts.value.toUint8Array();
  parts.value.clear();
  return bytes;
}
