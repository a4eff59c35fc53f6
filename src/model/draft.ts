import type { ProducerSequence } from "./batch.ts";
import type { KeyOfEvent } from "./compaction.ts";
import { EventData, type DataInput } from "./data.ts";
import type { PushTrace } from "./pushTracer.ts";

/**
 * An event on its way from a caller to a backend. Each operator completes one part of it: `validate` may replace the
 * metadata, `selectPartition` fills in the partition, `serialize` the payload. One object goes all the way, so that
 * the hot path makes one an event and not four.
 *
 * @typeParam M - The metadata.
 *
 * @example
 * ```ts
 * import { EventData, EventDraft } from "sluice";
 *
 * const draft = new EventDraft({ energy: 42 }, EventData.from(new Uint8Array(3)));
 * console.log(draft.metadata.energy, draft.data.size, draft.partition); // 42 3 -1
 * ```
 */
export class EventDraft<M = unknown> {
  /** What the event says. Released once it is serialized. */
  metadata: M;
  /** Its data; empty when it has none. */
  data: EventData;
  /** The partition that the caller asked for. */
  readonly requested: number | undefined;
  /** When it was pushed, in milliseconds since 1970. */
  readonly timestamp: number;
  /** Where it goes; -1 until `selectPartition` has decided. */
  partition = -1;
  /** Its metadata as text or bytes; undefined until `serialize` has written it. */
  payload: string | Uint8Array | undefined = undefined;
  /** Its key, where the topic is compacted; filled in before it is serialized. Other drafts have no room for it. */
  declare key?: KeyOfEvent | undefined;
  /** Whom it counts as sent by, where that is not its producer itself. Other drafts have no room for it. */
  declare producer?: ProducerSequence | undefined;
  /** What follows it, where its producer has a tracer. Other drafts have no room for it. */
  declare trace?: PushTrace | undefined;

  constructor(metadata: M, data: EventData = EventData.empty, requested?: number, timestamp = 0) {
    this.metadata = metadata;
    this.data = data;
    this.requested = requested;
    this.timestamp = timestamp;
  }
}

/** About what a waiting draft takes beside its payload and data: itself, its future, its place in the queues. @internal */
export const draftOverhead = 256;

/** How many bytes a serialized draft holds: text is counted as one byte a character, then its data. @internal */
export function sizeOfDraft(draft: EventDraft): number {
  return (draft.payload?.length ?? 0) + draft.data.size;
}

/** An event as it is handed to a producer. */
export interface EventInput<M = unknown> {
  /** What the event says. */
  readonly metadata: M;
  /** Its bytes. They belong to the producer until the event is stored. */
  readonly data?: DataInput | null | undefined;
  /** The partition it must go to; the topic's partition selector decides when it is left out. */
  readonly partition?: number | undefined;
}
