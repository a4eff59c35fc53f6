import type { EventBatch, StoredBatch } from "../../../src/model/batch.ts";
import { metadataAt } from "../../../src/model/batch.ts";
import type { ComponentSpec } from "../../../src/model/component.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import type { Span } from "./spans.ts";

/** The version of what is written here. */
export const journalVersion = 1;

/** What a generation of the journal begins with. */
export interface HeadRecord {
  readonly kind: "journal";
  readonly version: number;
  /** The topic that the events go to, and how their metadata was written. */
  readonly topic: string;
  readonly serializer: ComponentSpec;
  readonly partitions: readonly PartitionRecord[];
}

/** One partition, as a generation takes it over from the one before. */
export interface PartitionRecord {
  /** The position of the first event of this generation: positions count on over all generations. */
  readonly base: number;
  readonly spans: readonly Span[];
  readonly dead: readonly number[];
}

/** A process has begun to write, or an identity has been renewed. */
export interface SpanRecord extends Span {
  readonly kind: "span";
  readonly partition: number;
}

/** The backend has said that it knew nothing of an identity. */
export interface MetRecord {
  readonly kind: "met";
  readonly partition: number;
  readonly producer: string;
}

/** How far each partition reached when this was written. A journal that ends before it was cut off. */
export interface MarkRecord {
  readonly kind: "mark";
  readonly ends: readonly number[];
}

/** An event has been put aside. */
export interface DeadRecord {
  readonly kind: "dead";
  readonly partition: number;
  readonly position: number;
}

/** What is written into the first partition of the journal. The events are in the others. */
export type JournalRecord = HeadRecord | SpanRecord | MetRecord | MarkRecord | DeadRecord;

/** Records as a batch, for one write. */
export function recordBatch(records: readonly JournalRecord[], timestamp: number): EventBatch {
  const texts = records.map((record) => encoder.encode(JSON.stringify(record)));
  const metadata = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  const metadataEnds = new Uint32Array(texts.length);
  let end = 0;
  for (const [i, text] of texts.entries()) {
    metadata.set(text, end);
    metadataEnds[i] = end += text.length;
  }
  const timestamps = new Float64Array(texts.length).fill(timestamp);
  return { count: texts.length, metadata, metadataEnds, timestamps, data: [], dataEnds: undefined };
}

/** The records of a batch that was read. */
export function recordsOf(batch: StoredBatch): JournalRecord[] {
  return Array.from({ length: batch.count }, (_, i) => {
    try {
      return JSON.parse(decoder.decode(metadataAt(batch, i))) as JournalRecord;
    } catch (cause) {
      throw new SluiceError("ERR_UNDECODABLE", `Record ${batch.firstId + i} of the journal cannot be read`, { cause });
    }
  });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
