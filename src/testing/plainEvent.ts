import type { StreamEvent } from "../model/event.ts";

/** An event as a plain value, which any deep-equal function can compare. */
export interface PlainEvent<M = unknown> {
  /** The number of its partition. */
  readonly partition: number;
  /** Its id. */
  readonly id: number;
  /** What it says. */
  readonly metadata: M;
  /** Its bytes in one piece; left out when there are none. */
  readonly data?: Uint8Array;
}

/**
 * Makes a plain value of an event, to be compared: its position, its metadata and the data that was brought with it.
 *
 * @param event - The event.
 * @throws SluiceError `ERR_UNDECODABLE` when its metadata cannot be read.
 *
 * @example
 * ```ts
 * import { makeEvent, plainEvent } from "sluice/testing";
 *
 * console.log(plainEvent(makeEvent({ id: 3, metadata: { n: 7 } }))); // { partition: 0, id: 3, metadata: { n: 7 } }
 * ```
 */
export function plainEvent<M>({ partition, id, metadata, data }: StreamEvent<M>): PlainEvent<M> {
  return { partition, id, metadata, ...(data.size > 0 && { data: data.toUint8Array() }) };
}
