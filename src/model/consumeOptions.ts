import type { NextObserver } from "rxjs";
import type { DataInput } from "./data.ts";
import type { DataDescriptor } from "./descriptor.ts";
import type { SluiceError } from "./errors.ts";

/**
 * Says which data of an event is brought. It gets the metadata before any data is moved, and returns the descriptor, a
 * view of it, or nothing. May be asynchronous.
 */
export type DataSelector<M = unknown> = (
  metadata: M,
  descriptor: DataDescriptor,
) => DataDescriptor | null | undefined | PromiseLike<DataDescriptor | null | undefined>;

/**
 * Says where the selected bytes of an event are to go: memory of at least `descriptor.size` bytes, in one or several
 * segments. May be asynchronous.
 */
export type DataAllocator<M = unknown> = (
  metadata: M,
  descriptor: DataDescriptor,
) => DataInput | PromiseLike<DataInput>;

/**
 * Where a consumer starts that has acknowledged nothing yet: `"earliest"`, `"latest"`, an id, a time, or the last n events
 * of each partition.
 */
export type StartFrom =
  | "earliest"
  | "latest"
  | number
  | Date
  | {
      /** How many ids before the end of each partition: as many events, or fewer where the backend leaves gaps between ids. */
      readonly last: number;
    };

/**
 * When a consumer completes besides at the end of a sealed topic: `"end"` at the end as it was at subscription, `idle`
 * after so many milliseconds without an event.
 */
export type Until =
  | "end"
  | {
      /** Milliseconds without an event. */
      readonly idle: number;
    };

/** When an event stops counting against a consumer's bounds: once it is delivered, or once it is acknowledged. */
export type Demand = "delivered" | "acknowledged";

/** An event whose metadata cannot be decoded, with the reason. */
export interface UndecodableEvent {
  /** The name of the topic. */
  readonly topic: string;
  /** The number of the partition. */
  readonly partition: number;
  /** The id of the event. */
  readonly id: number;
  /** Its metadata as stored. */
  readonly bytes: Uint8Array;
  /** Why it cannot be decoded: `ERR_UNDECODABLE`. */
  readonly error: SluiceError;
}

/**
 * What becomes of an event that cannot be decoded: `"fail"` ends the stream, `"skip"` leaves the event out, `"deliver"`
 * delivers it and lets its `metadata` throw when it is read, an observer is handed it (a dead-letter topic, say).
 */
export type UndecodablePolicy = "fail" | "skip" | "deliver" | NextObserver<UndecodableEvent>;

/** Events of a partition that a consumer does not get, since damage has taken them from the store. */
export interface LostEvents {
  /** The name of the topic. */
  readonly topic: string;
  /** The number of the partition. */
  readonly partition: number;
  /** The id of the first of them. */
  readonly fromId: number;
  /** The id behind the last of them. */
  readonly toId: number;
}

/** Why a consumer's stream has completed. */
export type EndReason = "sealed" | "snapshot" | "idle" | "closed";

/** What a consumer is doing. */
export interface ConsumerStatus {
  /**
   * `"starting"`, `"running"`, `"waiting"` (its bounds are reached: events are held, or are to be acknowledged before more
   * is fetched), `"ended"`.
   */
  readonly state: "starting" | "running" | "waiting" | "ended";
  /** The partitions that it owns. */
  readonly partitions: readonly number[];
  /** Bytes that it has fetched and that still count against `maxBytes`. */
  readonly bytes: number;
  /** Why it has ended, when it has. */
  readonly reason?: EndReason | undefined;
}

/** The options of `consume` and of a consumer. */
export interface ConsumeOptions<M = unknown> {
  /** The largest number of events that one read brings; `"adaptive"` brings what is there, up to 8192. @default "adaptive" */
  readonly batchSize?: number | "adaptive" | undefined;
  /** Batches that may be fetched and not yet delivered (or acknowledged, by `demand`), for each partition. @default 2 */
  readonly maxBatches?: number | undefined;
  /** Bytes of metadata and data that may be so, in all; each partition has an equal share, and always room for one event. @default 64 MiB */
  readonly maxBytes?: number | undefined;
  /** Which data is brought with each event. @default none: data stays where it is until `event.fetchData()` */
  readonly dataSelector?: DataSelector<M> | undefined;
  /** Where selected data is put. @default the library allocates */
  readonly dataAllocator?: DataAllocator<M> | undefined;
  /** The partitions to read, shared with the other consumers of the name; an empty list means all, as in Mofka. @default all */
  readonly partitions?: readonly number[] | undefined;
  /** Where to start when nothing has been acknowledged under the name. @default "earliest" */
  readonly startFrom?: StartFrom | undefined;
  /** When to complete. @default at the end of a sealed topic only */
  readonly until?: Until | undefined;
  /** When an event stops counting against the bounds. @default "delivered" */
  readonly demand?: Demand | undefined;
  /** What becomes of an event that cannot be decoded. @default "fail" */
  readonly undecodable?: UndecodablePolicy | undefined;
  /** Milliseconds that a data selector or allocator may take for one event before the stream fails with `ERR_TIMEOUT`. @default Infinity */
  readonly componentTimeout?: number | undefined;
  /** Milliseconds that a partition which is taken away waits for what was delivered to be acknowledged. @default 5000 */
  readonly drainTimeout?: number | undefined;
  /** Milliseconds of waiting for acknowledgements after which `warn` is called. @default 30000 */
  readonly warnAfter?: number | undefined;
  /** Told once when the consumer has been waiting for acknowledgements for long. @default console.warn */
  readonly warn?: ((message: string) => void) | undefined;
  /** Told what the consumer does, at each change. */
  readonly status?: NextObserver<ConsumerStatus> | undefined;
  /** Told of acknowledgements that could not be stored, whether or not somebody looks at their futures. */
  readonly errors?: NextObserver<unknown> | undefined;
  /** Told of events that damage has taken from the store, in the place where they were. @default they are passed over */
  readonly lost?: NextObserver<LostEvents> | undefined;
}
