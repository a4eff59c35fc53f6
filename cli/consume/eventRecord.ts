import type { StreamEvent } from "sluice";

/** An event as `sluice consume` prints it, and as `sluice produce --format event` reads it. */
export interface EventRecord {
  /** Its topic. */
  readonly topic: string;
  /** Its partition. */
  readonly partition: number;
  /** Its id. */
  readonly id: number;
  /** When it was pushed (ISO 8601). */
  readonly timestamp: string;
  /** Its metadata. */
  readonly metadata: unknown;
  /** How many bytes of data it has, selected or not. */
  readonly dataSize: number;
  /** The selected data, in base64. Left out when it has none, none is selected, or it is in a file. */
  readonly data?: string;
  /** The file that the selected data is in. */
  readonly file?: string;
}

/**
 * An event as a record.
 *
 * @param event - The event, with the data that was selected.
 * @param file - Where its data was saved, when it was.
 */
export function eventRecord(event: StreamEvent, file?: string): EventRecord {
  const { topic, partition, id, timestamp, metadata, data, descriptor } = event;
  const base = {
    topic,
    partition,
    id,
    timestamp: new Date(timestamp).toISOString(),
    metadata,
    dataSize: descriptor.size,
  };
  if (file !== undefined) return { ...base, file };
  return data.size === 0 ? base : { ...base, data: Buffer.from(data.toUint8Array()).toString("base64") };
}
