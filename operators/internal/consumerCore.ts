import {
  forkJoin,
  lastValueFrom,
  map,
  of,
  ReplaySubject,
  Subscription,
  take,
  type NextObserver,
  type Observable,
  type Subscriber,
  takeUntil,
} from "rxjs";
import type { BackendPartition, Lease } from "../../src/model/backend.ts";
import type { ConsumerStatus, EndReason, StartFrom } from "../../src/model/consumeOptions.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { after } from "../../src/model/after.ts";
import type { CheckedConsumeOptions } from "./checkConsumeOptions.ts";
import type { DeliveryGroup } from "./deliveryGroup.ts";
import { innerFrom } from "./innerFrom.ts";
import { PartitionReader } from "./partitionReader.ts";
import type { ReaderHost } from "./readerHost.ts";

/**
 * One subscription of a consumer: joins the group, and runs a reader for each partition that it owns.
 *
 * @internal
 */
export class ConsumerCore<M> {
  /** Completes when everything has been given back after the end of the subscription. */
  readonly left = new ReplaySubject<never>(0);
  readonly #topic: TopicHandle<M, never>;
  readonly #name: string;
  readonly #options: CheckedConsumeOptions<M>;
  readonly #subscriber: Subscriber<StreamEvent<M>>;
  readonly #readers = new Map<number, PartitionReader<M>>();
  readonly #pending = new Subscription();
  readonly #host: ReaderHost<M>;
  #membership: Subscription | undefined;
  #snapshot: readonly number[] | undefined;
  #closing: (() => void) | undefined;
  #joined = false;
  #over = false;
  #starting = 0;
  #idle: Subscription | undefined;
  #warning: Subscription | undefined;
  /** What was told last: the state, and the partitions that are owned. */
  #told = "";

  constructor(
    topic: TopicHandle<M, never>,
    name: string,
    options: CheckedConsumeOptions<M>,
    subscriber: Subscriber<StreamEvent<M>>,
    delivered?: NextObserver<DeliveryGroup<M>>,
  ) {
    this.#topic = topic;
    this.#name = name;
    this.#options = options;
    this.#subscriber = subscriber;
    const { batchSize, maxBatches, maxBytes, errors, lost } = options;
    this.#host = {
      topic: topic.name,
      serializer: topic.components.serializer,
      limits: { maxEvents: batchSize === "adaptive" ? 8192 : batchSize, maxBatches },
      dataSelector: options.dataSelector,
      dataAllocator: options.dataAllocator,
      componentTimeout: options.componentTimeout,
      undecodable: options.undecodable,
      demand: options.demand,
      maxBytes: () => maxBytes / Math.max(1, this.#readers.size),
      delivered,
      deliver: (event) => {
        if (this.#idle !== undefined) this.#waitForIdle();
        subscriber.next(event);
      },
      isClosed: () => subscriber.closed,
      changed: () => this.#changed(),
      released: () => {
        if (this.#isHeld) return;
        this.#closing?.();
        this.#changed();
      },
      failed: (error) => this.#fail(error),
      acknowledgementFailed: (error) => this.#guard(() => errors?.next(error)),
      lost: (partition, fromId, toId) => this.#guard(() => lost?.next({ topic: topic.name, partition, fromId, toId })),
    };
  }

  /** Bytes that count against the bounds. */
  get bytes(): number {
    let bytes = 0;
    for (const reader of this.#readers.values()) bytes += reader.bytes;
    return bytes;
  }

  /** The partitions that it owns. */
  get partitions(): readonly number[] {
    return [...this.#readers.keys()];
  }

  /** Whether its bounds keep it from fetching. */
  get isWaiting(): boolean {
    const readers = [...this.#readers.values()];
    return readers.length > 0 && readers.every((reader) => reader.isWaiting || reader.ended !== undefined);
  }

  /** Joins the group and begins to read. */
  start(): void {
    const { until, partitions } = this.#options;
    if (!this.#attach()) return;
    this.#tell("starting");
    if (until !== "end") return this.#join();
    const ends = this.#topic.backend.partitions.map((partition) => {
      const wanted = partitions === undefined || partitions.includes(partition.index);
      // Where everything has been dropped there is nothing to wait for, however far below the end a position is.
      return wanted ? innerFrom(partition.bounds()).pipe(map(({ start, end }) => (start === end ? 0 : end))) : of(0);
    });
    this.#during(forkJoin(ends), (snapshot) => {
      this.#snapshot = snapshot;
      this.#join();
    });
  }

  /** Stops fetching at once; acknowledgements that were given are stored before the group is left. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#pending.unsubscribe();
    this.#idle?.unsubscribe();
    this.#warning?.unsubscribe();
    let open = this.#readers.size + 1;
    const leave = () => {
      if (--open > 0) return;
      this.#membership?.unsubscribe();
      this.left.complete();
    };
    for (const reader of this.#readers.values()) reader.leave(leave);
    leave();
  }

  /**
   * Stops fetching, waits until no event is held any more or the time is over, and refuses acknowledgements from then on.
   * Emits nothing and completes when that is done.
   */
  close(deadline: number): Observable<never> {
    const left = this.left.pipe(takeUntil(after(deadline)));
    for (const reader of this.#readers.values()) reader.stop();
    for (const reader of this.#readers.values()) reader.takeBack();
    if (!this.#isHeld) {
      this.#closeAcknowledgements();
      this.#end("closed");
      return left;
    }
    this.#closing = () => {
      this.#closeAcknowledgements();
      this.#end("closed");
    };
    const late = new SluiceError(
      "ERR_CLOSED",
      `The consumer was closed while events were still being handled after ${deadline} ms`,
    );
    this.#pending.add(
      after(deadline).subscribe(() => {
        this.#closeAcknowledgements();
        this.#fail(late);
      }),
    );
    return left;
  }

  #closeAcknowledgements(): void {
    this.#closing = undefined;
    for (const reader of this.#readers.values()) reader.acknowledger.close();
  }

  get #isHeld(): boolean {
    for (const reader of this.#readers.values()) if (reader.held > 0) return true;
    return false;
  }

  /** Whether it is the caller who keeps events from coming. */
  get #isBusy(): boolean {
    return this.#isHeld || [...this.#readers.values()].some((reader) => reader.isWaiting || reader.isDelivering);
  }

  /** Has the subscription closed together with the driver; ends it where the driver is closed already. */
  #attach(): boolean {
    try {
      const detach = this.#topic.attach?.({
        close: ({ deadline = 5000 } = {}) => lastValueFrom(this.close(deadline), { defaultValue: undefined }),
      });
      this.left.subscribe({ complete: () => detach?.() });
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #join(): void {
    const { partitions, until } = this.#options;
    if (typeof until === "object") this.#waitForIdle();
    const membership = innerFrom(this.#topic.backend.join(this.#name, { partitions })).subscribe({
      next: (leases) => this.#own(leases),
      error: (error: unknown) => this.#fail(error),
    });
    this.#membership = membership;
    if (this.#over) this.left.subscribe({ complete: () => membership.unsubscribe() });
  }

  #own(leases: readonly Lease[]): void {
    this.#starting += leases.length; // Counted before the first one starts: one that ends at once must not end the rest.
    this.#joined = true;
    for (const lease of leases) this.#begin(lease);
    this.#changed();
  }

  #begin(lease: Lease): void {
    const partition = this.#topic.backend.partitions[lease.partition]!;
    let reader: PartitionReader<M> | undefined;
    let isRevoked = false;
    this.#during(innerFrom(lease.revoked).pipe(take(1)), () => {
      isRevoked = true;
      if (reader !== undefined) this.#giveBack(reader);
    });
    this.#during(this.#startOf(lease, partition), (position) => {
      this.#starting--;
      if (isRevoked) return this.#neverBegun(lease);
      const stopAt = this.#snapshot === undefined ? Infinity : (this.#snapshot[lease.partition] ?? 0);
      reader = new PartitionReader(lease, partition, position, stopAt, this.#host);
      this.#readers.set(lease.partition, reader);
      reader.pump();
    });
  }

  /** Gives a partition back that was taken away before it was known where to begin. */
  #neverBegun(lease: Lease): void {
    lease.release();
    this.#changed();
  }

  #giveBack(reader: PartitionReader<M>): void {
    reader.drain(this.#options.drainTimeout, () => {
      if (this.#readers.get(reader.partition) === reader) this.#readers.delete(reader.partition);
      this.#changed();
    });
  }

  /** Where a lease begins. A start that depends on the moment is stored, so that the next owner begins there too. */
  #startOf(lease: Lease, partition: BackendPartition): Observable<number> {
    if (lease.position !== undefined) return of(lease.position);
    const { startFrom } = this.#options;
    if (startFrom === "earliest") return of(0);
    return positionOf(startFrom, partition).pipe(
      map((position) => {
        innerFrom(lease.acknowledge(position)).subscribe({
          error: (error: unknown) => {
            // Where nothing can be stored, the next owner begins where it says itself.
            if (!isSluiceError(error, "ERR_READ_ONLY")) this.#host.acknowledgementFailed(error);
          },
        });
        return position;
      }),
    );
  }

  #during<T>(source: Observable<T>, next: (value: T) => void): void {
    this.#pending.add(
      source.subscribe({
        next: (value) => {
          if (!this.#over) next(value);
        },
        error: (error: unknown) => this.#fail(error),
      }),
    );
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.stop();
    this.#tell("ended");
    this.#subscriber.error(error);
  }

  #changed(): void {
    if (this.#over || this.#closing !== undefined || !this.#joined || this.#starting > 0) return;
    const readers = [...this.#readers.values()];
    // What is held keeps its partition: the next owner would get it again.
    if (readers.length > 0 && readers.every(({ ended, held }) => ended !== undefined && held === 0)) {
      return this.#end(readers.every(({ ended }) => ended === "sealed") ? "sealed" : "snapshot");
    }
    const { isWaiting } = this;
    this.#tell(isWaiting ? "waiting" : "running");
    this.#warnWhen(isWaiting && this.#options.demand === "acknowledged");
  }

  #end(reason: EndReason): void {
    this.stop();
    this.#tell("ended", reason);
    this.#subscriber.complete();
  }

  #waitForIdle(): void {
    const { until } = this.#options;
    this.#idle?.unsubscribe();
    if (typeof until !== "object") return;
    this.#idle = after(until.idle).subscribe(() => {
      if (this.#isBusy) this.#waitForIdle();
      else this.#end("idle");
    });
  }

  #warnWhen(isStalled: boolean): void {
    if (!isStalled) {
      this.#warning?.unsubscribe();
      this.#warning = undefined;
      return;
    }
    const { warnAfter, warn } = this.#options;
    const message =
      `Consumer "${this.#name}" of topic "${this.#topic.name}" has been waiting for acknowledgements for ${warnAfter} ms: ` +
      `acknowledge what was delivered, or raise 'maxBatches' or 'maxBytes'`;
    this.#warning ??= after(warnAfter).subscribe(() => this.#guard(() => warn(message)));
  }

  #tell(state: ConsumerStatus["state"], reason?: EndReason): void {
    const { status } = this.#options;
    if (status === undefined) return;
    const { partitions, bytes } = this;
    const told = `${state} ${partitions.join()}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#guard(() => status.next({ state, partitions, bytes, ...(reason && { reason }) }));
  }

  /** Calls code of the caller's. What it throws ends the stream. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.stop();
      this.#subscriber.error(error);
    }
  }
}

function positionOf(startFrom: Exclude<StartFrom, "earliest">, partition: BackendPartition): Observable<number> {
  if (typeof startFrom === "number") return of(startFrom);
  if (startFrom instanceof Date) return innerFrom(partition.find(startFrom.getTime()));
  const bounds = innerFrom(partition.bounds());
  if (startFrom === "latest") return bounds.pipe(map(({ end }) => end));
  return bounds.pipe(map(({ start, end }) => Math.max(start, end - startFrom.last)));
}
