import type { StoredBatch } from "../../src/model/batch.ts";
import type { Acknowledger } from "./acknowledger.ts";
import type { DeliveryGroup } from "./deliveryGroup.ts";
import type { ReaderHost } from "./readerHost.ts";

/**
 * Counts what a reader has fetched against the bounds of its consumer: batches and bytes, until what came of them is
 * delivered, held by nobody and, where that is asked for, acknowledged.
 *
 * @internal
 */
export class FetchedAmount<M> {
  readonly #host: ReaderHost<M>;
  readonly #acknowledger: Acknowledger;
  readonly #relieved: () => void;
  /** Groups that are to be acknowledged before they stop counting, oldest first. */
  readonly #unacknowledged: DeliveryGroup<M>[] = [];
  #batches = 0;
  #bytes = 0;
  #held = 0;
  /** Groups that have been delivered and still count. */
  #counting = 0;

  /** @param relieved - Told when something has stopped counting, so that there may be room for more. */
  constructor(host: ReaderHost<M>, acknowledger: Acknowledger, relieved: () => void) {
    this.#host = host;
    this.#acknowledger = acknowledger;
    this.#relieved = relieved;
  }

  /** Bytes that count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many of the events that were delivered are being held. */
  get held(): number {
    return this.#held;
  }

  /** Whether the bounds allow another batch. */
  get mayRead(): boolean {
    return this.#batches < this.#host.limits.maxBatches && (this.#bytes < this.#host.maxBytes() || this.#batches === 0);
  }

  /** Whether the bounds allow the data of a group. What was read ahead stands behind it: only what was delivered can make room. */
  hasRoomFor(group: DeliveryGroup<M>): boolean {
    return group.bytes === 0 || this.#counting === 0 || this.#bytes + group.bytes <= this.#host.maxBytes();
  }

  /** Counts a batch that was read. */
  addBatch(batch: StoredBatch): void {
    this.#batches++;
    this.#bytes += batch.metadata.length;
  }

  /** Stops counting a batch of which nothing will be delivered. */
  removeBatch(batch: StoredBatch): void {
    this.#batches--;
    this.#bytes -= batch.metadata.length;
  }

  /** Counts the data of a group, which is about to be fetched. */
  addData(group: DeliveryGroup<M>): void {
    this.#bytes += group.bytes;
  }

  /** Notes that the delivery of a group begins. */
  delivering(group: DeliveryGroup<M>): void {
    this.#counting++;
    if (this.#host.demand === "acknowledged") this.#unacknowledged.push(group);
  }

  /** Notes that a group has been delivered. */
  delivered(group: DeliveryGroup<M>): void {
    this.#relieve(group);
    this.relieveAcknowledged();
  }

  /** Keeps a group counting while somebody holds one of its events. */
  hold(group: DeliveryGroup<M>): void {
    group.held++;
    this.#held++;
  }

  /** Takes a hold back. */
  release(group: DeliveryGroup<M>): void {
    group.held--;
    this.#held--;
    this.#relieve(group);
    if (this.#held === 0) this.#host.released();
  }

  /** Stops counting what has been acknowledged by now. */
  relieveAcknowledged(): void {
    while (this.#unacknowledged.length > 0) {
      const group = this.#unacknowledged[0]!;
      const last = group.events.at(-1);
      if (!group.delivered || (last !== undefined && last.id >= this.#acknowledger.position)) return;
      this.#unacknowledged.shift();
      this.#relieve(group);
    }
  }

  #relieve(group: DeliveryGroup<M>): void {
    if (!group.delivered || group.held > 0 || group.relieved) return;
    if (this.#host.demand === "acknowledged" && this.#unacknowledged.includes(group)) return;
    group.relieved = true;
    this.#counting--;
    this.#bytes -= group.bytes;
    if (--group.parcel.groups === 0) this.removeBatch(group.parcel.batch);
    this.#relieved();
  }
}
