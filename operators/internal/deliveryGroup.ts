import type { StoredBatch } from "../../src/model/batch.ts";
import type { StreamEvent } from "../../src/model/event.ts";

/** A batch on its way to the subscriber. @internal */
export interface Parcel<M> {
  readonly batch: StoredBatch;
  readonly events: readonly StreamEvent<M>[];
  /** How many of its groups still count against the bounds. */
  groups: number;
}

/** Events of a batch that are delivered together, since their data is fetched together. @internal */
export interface DeliveryGroup<M> {
  readonly parcel: Parcel<M>;
  readonly events: readonly StreamEvent<M>[];
  /** Bytes of selected data. */
  readonly bytes: number;
  /** How many of its events are held. */
  held: number;
  delivered: boolean;
  /** Whether it has stopped counting against the bounds. */
  relieved: boolean;
}

/**
 * Splits a batch into groups whose selected data fits a bound; an event that is larger goes alone. Without selected data
 * that is one group.
 *
 * @internal
 */
export function deliveryGroups<M>(parcel: Parcel<M>, maxBytes: number): DeliveryGroup<M>[] {
  const { events } = parcel;
  const groups: DeliveryGroup<M>[] = [];
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < events.length; i++) {
    const size = events[i]!.selection?.size ?? 0;
    if (i > start && bytes + size > maxBytes) {
      groups.push(groupOf(parcel, events.slice(start, i), bytes));
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  groups.push(groupOf(parcel, start === 0 ? events : events.slice(start), bytes));
  parcel.groups = groups.length;
  return groups;
}

function groupOf<M>(parcel: Parcel<M>, events: readonly StreamEvent<M>[], bytes: number): DeliveryGroup<M> {
  return { parcel, events, bytes, held: 0, delivered: false, relieved: false };
}
