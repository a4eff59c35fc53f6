import { asyncScheduler, take, type Subscription } from "rxjs";
import type { BackendPartition, Lease, ReadLimits, TransactionAppend } from "../../src/model/backend.ts";
import type { Appended, StoredBatch } from "../../src/model/batch.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import type { Future } from "../../src/model/future.ts";
import { Acknowledger } from "./acknowledger.ts";
import { after } from "../../src/model/after.ts";
import { Deadlines } from "./deadlines.ts";
import { deliveryGroups, type DeliveryGroup, type Parcel } from "./deliveryGroup.ts";
import { FetchedAmount } from "./fetchedAmount.ts";
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
 * Reads one partition for as long as its lease lasts: fetches ahead within the bounds, selects and fetches data, and
 * delivers in order.
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
  readonly #fetched: FetchedAmount<M>;
  readonly #returnable: ReturnableEvents;
  #position: number;
  #stopAt: number;
  #state: "reading" | "draining" | "stopped" = "reading";
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
    this.#fetched = new FetchedAmount(host, this.acknowledger, () => this.#goOn());
  }

  /** Bytes that count against the bounds. */
  get bytes(): number {
    return this.#fetched.bytes;
  }

  /** How many of the events that it has delivered are being held. */
  get held(): number {
    return this.#fetched.held;
  }

  /** Whether events are on their way through a selector, an allocator or a serializer. */
  get isDelivering(): boolean {
    return this.#delivering;
  }

  /** Whether its bounds keep it from fetching. */
  get isWaiting(): boolean {
    return (
      this.#state === "reading" && this.ended === undefined && (!this.#fetched.mayRead || this.#blocked !== undefined)
    );
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
      this.#fetched.mayRead &&
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
      maxBytes: Math.max(1, Math.min(maxReadBytes, this.#host.maxBytes() - this.#fetched.bytes)),
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
    this.#fetched.addBatch(batch);
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
  #tellLost(batch: StoredBatch): void {
    this.#fetched.removeBatch(batch);
    this.#host.lost(this.partition, batch.firstId, batch.next);
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
    if (this.#fetched.hasRoomFor(group)) return go();
    this.#blocked = () => this.#whenThereIsRoomFor(group, go);
    this.#host.changed();
  }

  #fetchAndDeliver(group: DeliveryGroup<M>, next: () => void): void {
    this.#fetched.addData(group);
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
    this.#delivered = group;
    this.#fetched.delivering(group);
    for (const event of group.events) {
      this.#lease.confirm?.();
      if (this.#host.isClosed() || this.#state !== "reading") break;
      this.acknowledger.delivered = event.id;
      this.#host.deliver(event);
    }
    this.#delivered = undefined;
    group.delivered = true;
    this.#host.delivered?.next(group);
    this.#fetched.delivered(group);
  }

  #hold(returned?: () => boolean): () => void {
    const group = this.#delivered;
    if (group === undefined) return () => {};
    const id = this.acknowledger.delivered;
    this.#fetched.hold(group);
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.#returnable.done(id);
      this.#fetched.release(group);
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
    this.#fetched.relieveAcknowledged();
    this.#finishDrain();
    return future;
  }

  #finishDrain(): void {
    if (this.#drained !== undefined && this.acknowledger.isDone) this.#drained();
  }

  /** Goes on with what there is room for again. */
  #goOn(): void {
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
