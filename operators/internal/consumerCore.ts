import { forkJoin, map, of, ReplaySubject, Subscription, timer, type Observable, type Subscriber } from "rxjs";
import type { BackendPartition, Lease } from "../../src/model/backend.ts";
import type { ConsumerStatus, EndReason, StartFrom } from "../../src/model/consumeOptions.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import type { CheckedConsumeOptions } from "./checkConsumeOptions.ts";
import { innerFrom } from "./innerFrom.ts";
import { PartitionReader, type ReaderHost } from "./partitionReader.ts";

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
  #state: ConsumerStatus["state"] | undefined;

  constructor(
    topic: TopicHandle<M, never>,
    name: string,
    options: CheckedConsumeOptions<M>,
    subscriber: Subscriber<StreamEvent<M>>,
  ) {
    this.#topic = topic;
    this.#name = name;
    this.#options = options;
    this.#subscriber = subscriber;
    const { batchSize, maxBatches, maxBytes, errors } = options;
    this.#host = {
      topic: topic.name,
      serializer: topic.components.serializer,
      limits: { maxEvents: batchSize === "adaptive" ? 8192 : batchSize, maxBatches },
      dataSelector: options.dataSelector,
      dataAllocator: options.dataAllocator,
      undecodable: options.undecodable,
      demand: options.demand,
      maxBytes: () => maxBytes / Math.max(1, this.#readers.size),
      deliver: (event) => {
        if (this.#idle !== undefined) this.#waitForIdle();
        subscriber.next(event);
      },
      isClosed: () => subscriber.closed,
      changed: () => this.#changed(),
      released: () => {
        if (!this.#isHeld) this.#closing?.();
      },
      failed: (error) => this.#fail(error),
      acknowledgementFailed: (error) => errors?.next(error),
    };
  }

  /** Joins the group and begins to read. */
  start(): void {
    const { until, partitions } = this.#options;
    this.#tell("starting");
    if (until !== "end") return this.#join();
    const ends = this.#topic.backend.partitions.map((partition) => {
      const wanted = partitions === undefined || partitions.includes(partition.index);
      return wanted ? innerFrom(partition.bounds()).pipe(map(({ end }) => end)) : of(0);
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
    const left = this.left.asObservable();
    for (const reader of this.#readers.values()) reader.stop();
    const finish = () => {
      this.#closing = undefined;
      for (const reader of this.#readers.values()) reader.acknowledger.close();
      this.#end("closed");
    };
    if (!this.#isHeld) finish();
    else {
      this.#closing = finish;
      this.#pending.add(timer(deadline).subscribe(() => this.#closing?.()));
    }
    return left;
  }

  get #isHeld(): boolean {
    for (const reader of this.#readers.values()) if (reader.held > 0) return true;
    return false;
  }

  #join(): void {
    const { partitions, until } = this.#options;
    if (typeof until === "object") this.#waitForIdle();
    const membership = innerFrom(this.#topic.backend.join(this.#name, { partitions })).subscribe({
      next: (leases) => this.#own(leases),
      error: (error: unknown) => this.#fail(error),
    });
    this.#membership = membership;
    if (this.#over) membership.unsubscribe();
  }

  #own(leases: readonly Lease[]): void {
    this.#starting += leases.length; // Counted before the first one starts: one that ends at once must not end the rest.
    this.#joined = true;
    for (const lease of leases) this.#begin(lease);
    this.#changed();
  }

  #begin(lease: Lease): void {
    const partition = this.#topic.backend.partitions[lease.partition]!;
    this.#during(this.#startOf(lease, partition), (position) => {
      this.#starting--;
      const stopAt = this.#snapshot === undefined ? Infinity : (this.#snapshot[lease.partition] ?? 0);
      const reader = new PartitionReader(lease, partition, position, stopAt, this.#host);
      this.#readers.set(lease.partition, reader);
      this.#pending.add(innerFrom(lease.revoked).subscribe(() => this.#giveBack(reader)));
      reader.pump();
    });
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
        innerFrom(lease.acknowledge(position)).subscribe({ error: this.#host.acknowledgementFailed });
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
    if (readers.length > 0 && readers.every(({ ended }) => ended !== undefined)) {
      return this.#end(readers.every(({ ended }) => ended === "sealed") ? "sealed" : "snapshot");
    }
    const isWaiting = readers.length > 0 && readers.every((reader) => reader.isWaiting || reader.ended !== undefined);
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
    if (typeof until === "object") this.#idle = timer(until.idle).subscribe(() => this.#end("idle"));
  }

  #warnWhen(isStalled: boolean): void {
    if (!isStalled) {
      this.#warning?.unsubscribe();
      this.#warning = undefined;
      return;
    }
    const { warnAfter, warn } = this.#options;
    if (warnAfter === Infinity) return;
    this.#warning ??= timer(warnAfter).subscribe(() => {
      warn(
        `Consumer "${this.#name}" of topic "${this.#topic.name}" has been waiting for acknowledgements for ${warnAfter} ms: ` +
          `acknowledge what was delivered, or raise 'maxBatches' or 'maxBytes'`,
      );
    });
  }

  #tell(state: ConsumerStatus["state"], reason?: EndReason): void {
    const { status } = this.#options;
    if (status === undefined || state === this.#state) return;
    this.#state = state;
    let bytes = 0;
    for (const reader of this.#readers.values()) bytes += reader.bytes;
    status.next({ state, partitions: [...this.#readers.keys()], bytes, ...(reason && { reason }) });
  }
}

function positionOf(startFrom: Exclude<StartFrom, "earliest">, partition: BackendPartition): Observable<number> {
  if (typeof startFrom === "number") return of(startFrom);
  if (startFrom instanceof Date) return innerFrom(partition.find(startFrom.getTime()));
  const bounds = innerFrom(partition.bounds());
  if (startFrom === "latest") return bounds.pipe(map(({ end }) => end));
  return bounds.pipe(map(({ start, end }) => Math.max(start, end - startFrom.last)));
}
