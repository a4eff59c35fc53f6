import { asyncScheduler, take, type Subscription } from "rxjs";
import type { BackendPartition, Lease, ReadLimits, TransactionAppend } from "../../src/model/backend.ts";
import type { Appended, StoredBatch } from "../../src/model/batch.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import type { Future } from "../../src/model/future.ts";
import { Acknowledger } from "./acknowledger.ts";
import { after } from "../../src/model/after.ts";
import { Deadlines } from "./deadlines.ts";
import { deliveryGroups, type DeliveryGroup, type Parcel } from "./deliveryGroup.ts";
import { fetchSelected, fetchViews } from "./fetchSelected.ts";
import { innerFrom } from "./innerFrom.ts";
import { openBatch } from "./openBatch.ts";
import type { ReaderHost } from "./readerHost.ts";
import { ReturnableEvents } from "./returnableEvents.ts";
import { selectAll } from "./selectAll.ts";
import { attempt } from "./whenReady.ts";

/** How many bytes of data one request may ask for. Memory that is used again soon is much faster than fresh memory. */
const maxFetchBytes = 2 << 20;
/** How many bytes of metadata one read may bring. */
const maxReadBytes = 1 << 20;
/** Milliseconds of work without a pause after which a reader lets timers and input have their turn. */
const turnMs = 20;

/**
 * Reads one partition for as long as its lease lasts: fetches ahead within the bounds, selects and fetches data, delivers
 * in order, and keeps count of what has been fetched and is not yet handled.
 *
 * @internal
 */
export class PartitionReader<M> {
  readonly partition: number;
  readonly acknowledger: Acknowledger;
  ended: "sealed" | "snapshot" | undefined;
  readonly #lease: Lease;
  readonly #source: BackendPartition;
  readonly #host: ReaderHost<M>;
  readonly #deadlines: Deadlines;
  readonly #parcels: StoredBatch[] = [];
  /** Groups that are to be acknowledged before they stop counting, oldest first. */
  readonly #unacknowledged: DeliveryGroup<M>[] = [];
  readonly #returnable: ReturnableEvents;
  #position: number;
  #stopAt: number;
  #state: "reading" | "draining" | "stopped" = "reading";
  #held = 0;
  #batches = 0;
  #bytes = 0;
  #pumping = false;
  #delivering = false;
  #delivered: DeliveryGroup<M> | undefined;
  #reading: Subscription | undefined;
  #fetching: Subscription | undefined;
  #pause: Subscription | undefined;
  #blocked: (() => void) | undefined;
  #atEnd = false;
  #drained: (() => void) | undefined;
  #deadline: Subscription | undefined;
  /** Groups that have been delivered and still count. */
  #counting = 0;

  constructor(lease: Lease, source: BackendPartition, position: number, stopAt: number, host: ReaderHost<M>) {
    this.partition = lease.partition;
    this.#lease = lease;
    this.#source = source;
    this.#position = position;
    this.#stopAt = stopAt;
    this.#host = host;
    this.#deadlines = new Deadlines(host.componentTimeout);
    this.acknowledger = new Acknowledger(lease, host.acknowledgementFailed);
    this.#returnable = new ReturnableEvents(this.acknowledger);
  }

  /** Bytes that count against the bounds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many of the events that it has delivered are being held. */
  get held(): number {
    return this.#held;
  }

  /** Whether events are on their way through a selector, an allocator or a serializer. */
  get isDelivering(): boolean {
    return this.#delivering;
  }

  /** Whether its bounds keep it from fetching. */
  get isWaiting(): boolean {
    return this.#state === "reading" && this.ended === undefined && (!this.#mayRead || this.#blocked !== undefined);
  }

  /** Fetches and delivers as far as the bounds allow. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const until = asyncScheduler.now() + turnMs;
    while (
      this.#state === "reading" &&
      !this.#atEnd &&
      this.#reading === undefined &&
      this.#mayRead &&
      !this.#host.isClosed()
    ) {
      if (asyncScheduler.now() > until) return this.#pauseForOthers();
      this.#read();
    }
    this.#pumping = false;
    this.#endWhenDone();
    this.#host.changed();
  }

  /** Stops fetching at once. What was delivered can still be acknowledged. */
  stop(): void {
    this.#state = "stopped";
    this.#parcels.length = 0;
    this.#blocked = undefined;
    this.#drained = undefined;
    this.#reading?.unsubscribe();
    this.#fetching?.unsubscribe();
    this.#pause?.unsubscribe();
    this.#deadlines.stop();
    this.#deadline?.unsubscribe();
  }

  /** Stops fetching, waits until what was delivered has been acknowledged or the time is over, and gives the partition back. */
  drain(timeout: number, released: () => void): void {
    if (this.#state !== "reading") return;
    this.stop();
    this.takeBack();
    this.#state = "draining";
    const release = () => {
      if (this.#state === "stopped") return;
      this.#state = "stopped";
      this.#deadline?.unsubscribe();
      released();
      this.#lease.release();
    };
    const finish = () => {
      this.#drained = undefined;
      this.#deadline?.unsubscribe();
      this.#deadline = after(timeout).subscribe(release); // An acknowledgement that is never answered must not keep it.
      this.acknowledger.whenIdle(release);
    };
    this.#deadline = after(timeout).subscribe(finish);
    this.#drained = finish;
    this.#finishDrain();
  }

  /** Makes what is held and was not begun with count as never delivered, so that the next owner gets it. */
  takeBack(): void {
    this.#returnable.takeBack();
  }

  /** Gives the partition back once the acknowledgements that were given are stored. */
  leave(left: () => void): void {
    this.stop();
    this.acknowledger.whenIdle(left);
  }

  get #mayRead(): boolean {
    return this.#batches < this.#host.limits.maxBatches && (this.#bytes < this.#host.maxBytes() || this.#batches === 0);
  }

  #pauseForOthers(): void {
    this.#pause = asyncScheduler.schedule(() => {
      this.#pumping = false;
      this.pump();
    });
  }

  #read(): void {
    if (this.#position >= this.#stopAt) {
      this.#atEnd = true;
      return;
    }
    let answered = false;
    const limits: ReadLimits = {
      maxEvents: this.#host.limits.maxEvents,
      maxBytes: Math.max(1, Math.min(maxReadBytes, this.#host.maxBytes() - this.#bytes)),
    };
    let finished = false;
    const reading = innerFrom(this.#source.read(this.#position, limits))
      .pipe(take(1))
      .subscribe({
        next: (batch) => {
          answered = true;
          this.#take(batch);
        },
        error: (error: unknown) => this.#host.failed(error),
        complete: () => {
          finished = true;
          this.#reading = undefined;
          if (!answered) this.#atEnd = true;
          this.pump();
        },
      });
    // A read that was answered while it was being subscribed to is over already.
    if (!finished) this.#reading = reading;
  }

  #take(batch: StoredBatch): void {
    this.#position = batch.next;
    if (batch.count === 0 && batch.lost !== true) return;
    this.#batches++;
    this.#bytes += batch.metadata.length;
    this.#parcels.push(batch);
    this.#deliverNext();
  }

  #deliverNext(): void {
    if (this.#delivering || this.#state !== "reading") return;
    const batch = this.#parcels.shift();
    if (batch === undefined) return this.#endWhenDone();
    if (batch.count === 0) return this.#tellLost(batch);
    this.#delivering = true;
    attempt(
      () => this.#open(batch),
      (events) => this.#select({ batch, events, groups: 0 }),
      (error) => this.#host.failed(error),
    );
  }

  /** Says what would have been here, in its place among the events. */
  #tellLost({ firstId, next }: StoredBatch): void {
    this.#batches--;
    this.#host.lost(this.partition, firstId, next);
    this.#deliverNext();
    this.pump();
  }

  #open(batch: StoredBatch): StreamEvent<M>[] | Promise<StreamEvent<M>[]> {
    const { topic, serializer, undecodable } = this.#host;
    return openBatch(batch, {
      topic,
      partition: this.partition,
      serializer,
      undecodable,
      stopAt: this.#stopAt,
      acknowledge: (id) => this.#acknowledge(id),
      transact: (id, appends) => this.#transact(id, appends),
      hold: (returned) => this.#hold(returned),
      fetch: (descriptors, targets) => fetchViews(this.#source, descriptors, targets),
    });
  }

  #select(parcel: Parcel<M>): void {
    const { dataSelector } = this.#host;
    if (this.#state !== "reading") return;
    if (dataSelector === undefined) return this.#deliverGroups(deliveryGroups(parcel, Infinity));
    attempt(
      () => selectAll(parcel.events, dataSelector, this.#deadlines),
      () => this.#deliverGroups(deliveryGroups(parcel, Math.min(maxFetchBytes, this.#host.maxBytes()))),
      (error) => this.#host.failed(error),
    );
  }

  #deliverGroups(groups: DeliveryGroup<M>[]): void {
    let going = false;
    let again = false;
    const next = () => {
      again = true;
      if (going) return; // Data that is there at once must not recurse; the loop below goes on.
      going = true;
      while (again && this.#state === "reading") {
        again = false;
        const group = groups.shift();
        if (group === undefined) {
          this.#delivering = false;
          return this.#deliverNext();
        }
        this.#whenThereIsRoomFor(group, () => this.#fetchAndDeliver(group, next));
      }
      going = false;
    };
    next();
  }

  /** Data is fetched only as far as the bytes allow; what is fetched already has to be relieved first. */
  #whenThereIsRoomFor(group: DeliveryGroup<M>, go: () => void): void {
    // What was read ahead stands behind this group. Only what was delivered can make room for it.
    if (group.bytes === 0 || this.#counting === 0 || this.#bytes + group.bytes <= this.#host.maxBytes()) return go();
    this.#blocked = () => this.#whenThereIsRoomFor(group, go);
    this.#host.changed();
  }

  #fetchAndDeliver(group: DeliveryGroup<M>, next: () => void): void {
    this.#bytes += group.bytes;
    if (group.bytes === 0) {
      this.#deliver(group);
      return next();
    }
    let finished = false;
    const fetching = fetchSelected(group.events, this.#host.dataAllocator, this.#deadlines).subscribe({
      error: (error: unknown) => this.#host.failed(error),
      complete: () => {
        finished = true;
        this.#fetching = undefined;
        this.#deliver(group);
        next();
      },
    });
    if (!finished) this.#fetching = fetching;
  }

  #deliver(group: DeliveryGroup<M>): void {
    const { demand } = this.#host;
    this.#delivered = group;
    this.#counting++;
    if (demand === "acknowledged") this.#unacknowledged.push(group);
    for (const event of group.events) {
      this.#lease.confirm?.();
      if (this.#host.isClosed() || this.#state !== "reading") break;
      this.acknowledger.delivered = event.id;
      this.#host.deliver(event);
    }
    this.#delivered = undefined;
    group.delivered = true;
    this.#host.delivered?.next(group);
    this.#relieve(group);
    this.#relieveAcknowledged();
  }

  #hold(returned?: () => boolean): () => void {
    const group = this.#delivered;
    if (group === undefined) return () => {};
    const id = this.acknowledger.delivered;
    group.held++;
    this.#held++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.#returnable.done(id);
      group.held--;
      this.#held--;
      this.#relieve(group);
      if (this.#held === 0) this.#host.released();
    };
    if (returned !== undefined) {
      this.#returnable.keep(id, () => {
        const isBack = returned();
        if (isBack) release();
        return isBack;
      });
    }
    return release;
  }

  #acknowledge(id: number): Future<void> {
    return this.#afterMoving(this.acknowledger.acknowledge(id));
  }

  #transact(id: number, appends: readonly TransactionAppend[]): Future<readonly Appended[]> {
    return this.#afterMoving(this.acknowledger.transact(id, appends));
  }

  #afterMoving<T>(future: Future<T>): Future<T> {
    if (this.#unacknowledged.length > 0) this.#relieveAcknowledged();
    this.#finishDrain();
    return future;
  }

  #finishDrain(): void {
    if (this.#drained !== undefined && this.acknowledger.isDone) this.#drained();
  }

  #relieveAcknowledged(): void {
    while (this.#unacknowledged.length > 0) {
      const group = this.#unacknowledged[0]!;
      const last = group.events.at(-1);
      if (!group.delivered || (last !== undefined && last.id >= this.acknowledger.position)) return;
      this.#unacknowledged.shift();
      this.#relieve(group);
    }
  }

  /** Stops counting a group once nobody holds it, and goes on with what that makes room for. */
  #relieve(group: DeliveryGroup<M>): void {
    if (!group.delivered || group.held > 0 || group.relieved) return;
    if (this.#host.demand === "acknowledged" && this.#unacknowledged.includes(group)) return;
    group.relieved = true;
    this.#counting--;
    this.#bytes -= group.bytes;
    if (--group.parcel.groups === 0) {
      this.#bytes -= group.parcel.batch.metadata.length;
      this.#batches--;
    }
    const blocked = this.#blocked;
    this.#blocked = undefined;
    blocked?.();
    this.pump();
  }

  #endWhenDone(): void {
    if (!this.#atEnd || this.#delivering || this.#parcels.length > 0 || this.ended !== undefined) return;
    this.ended = this.#position >= this.#stopAt ? "snapshot" : "sealed";
    this.#host.changed();
  }
}
