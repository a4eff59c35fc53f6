import type { BatchKeys } from "./compaction.ts";
import type { Durability } from "./durability.ts";

/**
 * A batch of events of one partition on its way to a backend: a few arrays, however many events there are.
 *
 * Event `i` has the metadata bytes from `metadataEnds[i - 1]` (0 for the first) to `metadataEnds[i]`, and the data
 * bytes from `dataEnds[i - 1]` to `dataEnds[i]` of all segments in `data` put one after the other.
 */
export interface EventBatch {
  /** How many events there are; at least one. */
  readonly count: number;
  /** The serialized metadata of all events, back to back. */
  readonly metadata: Uint8Array;
  /** Where the metadata of each event ends. */
  readonly metadataEnds: Uint32Array;
  /** When each event was pushed, in milliseconds since 1970. */
  readonly timestamps: Float64Array;
  /** The segments of data as the callers handed them over, never copied. They stay theirs when the append has been answered. */
  readonly data: readonly Uint8Array[];
  /** Where the data of each event ends; undefined when no event of the batch has data. */
  readonly dataEnds: Float64Array | undefined;
  /** The key of each event, where the topic is compacted. */
  readonly keys?: BatchKeys | undefined;
  /** Who sends it, for backends that drop what they have stored already. */
  readonly producer?: ProducerSequence | undefined;
  /** How safe it has to be, at the least, when the append is answered; as safe as the backend declares when left out. */
  readonly durability?: Durability | undefined;
}

/** The place of a batch in all that one producer has sent to one partition. */
export interface ProducerSequence {
  /** The producer: its name, and what tells this one apart from others of the same name. */
  readonly id: string;
  /** The number of the batch's first event among all events of this producer and partition, from 0. */
  readonly sequence: number;
}

/** Events of a stored batch that one producer has sent one after the other. */
export interface ProducerRun {
  /** The index of its first event. The run ends where the next one begins. */
  readonly index: number;
  /** Who has sent them, and the number of the first; undefined where the backend does not know. */
  readonly producer: ProducerSequence | undefined;
}

/** A backend's answer to a batch that it has stored. */
export interface Appended {
  /** The id of the first event. The others follow one by one, unless `ids` says otherwise. */
  readonly firstId: number;
  /** The id of each event, where the backend leaves gaps between them. */
  readonly ids?: Float64Array | undefined;
}

/** A batch of events as a backend gives it back. It carries metadata; of the data only where it is and how long. */
export interface StoredBatch {
  /** How many events there are; none when a compaction or a repair has left only a gap. */
  readonly count: number;
  /** The id of the first event. The others follow one by one, unless `ids` says otherwise. */
  readonly firstId: number;
  /** The id of each event, where there are gaps between them. */
  readonly ids?: Float64Array | undefined;
  /** Where to read on. */
  readonly next: number;
  /** As in {@link EventBatch}. The array is only read, and lives for as long as an event of the batch does. */
  readonly metadata: Uint8Array;
  /** As in {@link EventBatch}. */
  readonly metadataEnds: Uint32Array;
  /** As in {@link EventBatch}. */
  readonly timestamps: Float64Array;
  /** As in {@link EventBatch}; the bytes themselves are fetched apart. */
  readonly dataEnds: Float64Array | undefined;
  /**
   * Of a batch without events: whether the ids from `firstId` to `next` were events that damage has taken, and whose loss a
   * repair has accepted. What a compaction has removed is not lost.
   */
  readonly lost?: boolean | undefined;
  /** Who has sent the events, in runs that begin with the first event; undefined where the backend knows of none. */
  readonly producers?: readonly ProducerRun[] | undefined;
  /** What the backend wants to be told when data of an event is fetched, one entry an event. */
  readonly locations?: readonly (Uint8Array | undefined)[] | undefined;
}

/** A request for data of one event: the ranges that were selected, and optionally the memory to put them in. */
export interface DataRead {
  /** The event. */
  readonly id: number;
  /** What the backend said in `locations`. */
  readonly location: Uint8Array | undefined;
  /** Pairs of offset and size within the data of the event, in order, not overlapping. */
  readonly ranges: Float64Array;
  /** Memory to fill, holding at least as many bytes as the ranges; the backend allocates when it is left out. */
  readonly into?: readonly Uint8Array[] | undefined;
}

/** The id of one event of a batch. @internal */
export function idAt(
  batch: { readonly firstId: number; readonly ids?: Float64Array | undefined },
  index: number,
): number {
  return batch.ids === undefined ? batch.firstId + index : batch.ids[index]!;
}

/** The index of the first event whose id is not in front of one; `count` when there is none. @internal */
export function indexOfId({ count, firstId, ids }: Pick<StoredBatch, "count" | "firstId" | "ids">, id: number): number {
  if (ids === undefined) return Math.min(count, Math.max(0, id - firstId));
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether an id is that of an event of a batch. @internal */
export function holdsId(batch: Pick<StoredBatch, "count" | "firstId" | "ids">, id: number): boolean {
  const index = indexOfId(batch, id);
  return index < batch.count && idAt(batch, index) === id;
}

/** How many bytes of data one event of a batch has. @internal */
export function dataSizeAt(batch: { readonly dataEnds: Float64Array | undefined }, index: number): number {
  const ends = batch.dataEnds;
  if (ends === undefined) return 0;
  return index === 0 ? ends[0]! : ends[index]! - ends[index - 1]!;
}

/** How many bytes of data a batch has. @internal */
export function dataSizeOf(batch: { readonly count: number; readonly dataEnds: Float64Array | undefined }): number {
  return batch.dataEnds === undefined || batch.count === 0 ? 0 : batch.dataEnds[batch.count - 1]!;
}

/** The metadata bytes of one event, as a view. @internal */
export function metadataAt(
  batch: { readonly metadata: Uint8Array; readonly metadataEnds: Uint32Array },
  index: number,
): Uint8Array {
  return batch.metadata.subarray(index === 0 ? 0 : batch.metadataEnds[index - 1], batch.metadataEnds[index]);
}
