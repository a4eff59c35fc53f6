import type { NextObserver } from "rxjs";
import type { Serializer } from "../../src/model/component.ts";
import type { DataAllocator, DataSelector, Demand, UndecodablePolicy } from "../../src/model/consumeOptions.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import type { DeliveryGroup } from "./deliveryGroup.ts";

/** What a reader needs of the consumer that it belongs to. @internal */
export interface ReaderHost<M> {
  readonly topic: string;
  readonly serializer: Serializer<M>;
  readonly limits: { readonly maxEvents: number; readonly maxBatches: number };
  readonly dataSelector: DataSelector<M> | undefined;
  readonly dataAllocator: DataAllocator<M> | undefined;
  readonly componentTimeout: number;
  readonly undecodable: UndecodablePolicy;
  readonly demand: Demand;
  /** How many bytes one reader may have fetched and not yet been relieved of. */
  readonly maxBytes: () => number;
  /** Told of the events that were delivered together. */
  readonly delivered: NextObserver<DeliveryGroup<M>> | undefined;
  /** Hands an event to the subscriber. */
  readonly deliver: (event: StreamEvent<M>) => void;
  /** Whether the subscriber takes no more. */
  readonly isClosed: () => boolean;
  /** The reader has begun or ended to wait, or has come to its end. */
  readonly changed: () => void;
  /** The last event that was held has been handled. */
  readonly released: () => void;
  readonly failed: (error: unknown) => void;
  readonly acknowledgementFailed: (error: unknown) => void;
  /** Events that would have been delivered next are not there any more. */
  readonly lost: (partition: number, fromId: number, toId: number) => void;
}
