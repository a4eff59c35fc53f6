import type { Observable } from "rxjs";
import type { TransactionAppend } from "./backend.ts";
import { dataSizeAt, idAt, type Appended, type ProducerSequence, type StoredBatch } from "./batch.ts";
import { EventData } from "./data.ts";
import { DataDescriptor } from "./descriptor.ts";
import { describeValue } from "./describeValue.ts";
import { SluiceError } from "./errors.ts";
import { Future, Promised } from "./future.ts";
import { producerAt } from "./producerRuns.ts";

/** What the events of one batch have in common: where they come from and who answers for them. @internal */
export interface EventSource<M> {
  readonly topic: string;
  readonly partition: number;
  readonly batch: StoredBatch;
  /** Decodes the metadata of one event. */
  metadata(index: number): M;
  /** Acknowledges everything up to and including one event. */
  acknowledge(id: number): Future<void>;
  /** The same in one step with storing batches. */
  transact(id: number, appends: readonly TransactionAppend[]): Future<readonly Appended[]>;
  /** Counts the event that is being delivered as not yet handled, until the function that it returns is called. */
  hold(returned?: () => boolean): () => void;
  /** Brings data of events of this partition, one answer an event, into memory of the caller's where it is given. */
  fetch(descriptors: readonly DataDescriptor[], targets?: readonly EventData[]): Observable<readonly EventData[]>;
}

const unread = Symbol("metadata that nobody has read yet");

/**
 * An event as a consumer gets it.
 *
 * @typeParam M - The metadata, as the topic's schema says.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions");
 * await topic.producer().push({ energy: 42 }, new Uint8Array([1, 2, 3]));
 * const event = await topic.consumer("app2").pull();
 * console.log(event.id, event.partition, event.metadata.energy, event.descriptor.size); // 0 0 42 3
 * console.log((await event.fetchData()).toUint8Array()); // Uint8Array [1, 2, 3]
 * await event.acknowledge();
 * await driver.close();
 * ```
 */
export class StreamEvent<M = unknown> {
  /**
   * The bytes that the data selector chose, empty when it chose none or there is no selector.
   */
  data: EventData = EventData.empty;
  /** @internal */
  selection: DataDescriptor | undefined = undefined;
  /** @internal */
  readonly source: EventSource<M>;
  /** @internal */
  readonly index: number;
  private decoded: M | typeof unread = unread;
  private described: DataDescriptor | undefined = undefined;

  /** @internal */
  constructor(source: EventSource<M>, index: number) {
    this.source = source;
    this.index = index;
  }

  /** The id of the event: strictly increasing inside its partition. */
  get id(): number {
    return idAt(this.source.batch, this.index);
  }

  /** The number of its partition. */
  get partition(): number {
    return this.source.partition;
  }

  /** The name of its topic. */
  get topic(): string {
    return this.source.topic;
  }

  /** When it was pushed, in milliseconds since 1970. */
  get timestamp(): number {
    return this.source.batch.timestamps[this.index]!;
  }

  /**
   * The named producer that has sent it, and its number among all events that this producer has sent to this partition.
   * Undefined where the producer has no name (and no service has given it one), or the backend does not keep who has sent an
   * event. The same number again is the same event again: see `deduplicate`.
   */
  get producer(): ProducerSequence | undefined {
    return producerAt(this.source.batch, this.index);
  }

  /**
   * What the event says. Decoded when it is first read.
   *
   * @throws SluiceError `ERR_UNDECODABLE` when it cannot be decoded; only under `undecodable: "deliver"`, since the
   * other policies deal with such an event before it is delivered.
   */
  get metadata(): M {
    if (this.decoded === unread) this.decoded = this.source.metadata(this.index);
    return this.decoded;
  }

  /** Refers to all of its data, whether or not any was selected. */
  get descriptor(): DataDescriptor {
    const { batch, topic, partition } = this.source;
    const location = batch.locations?.[this.index];
    return (this.described ??= DataDescriptor.of({
      topic,
      partition,
      id: this.id,
      size: dataSizeAt(batch, this.index),
      ...(location && { location }),
    }));
  }

  /** How many bytes of data the event has, selected or not. Cheaper than asking the descriptor. @internal */
  get dataSize(): number {
    return dataSizeAt(this.source.batch, this.index);
  }

  /**
   * Tells the backend that this event and all before it in its partition have been handled. They will not be delivered
   * again to a consumer of this name. Calls that come together are stored together.
   *
   * @returns A future that resolves when the acknowledgement is stored. It rejects with `ERR_FENCED` when the partition
   * has another owner by now, with `ERR_ALREADY_ACKNOWLEDGED` when this or a later event has been acknowledged, with
   * `ERR_CLOSED` after the consumer was closed, and with `ERR_NOT_DELIVERED` when the event has not been delivered.
   */
  acknowledge(): Future<void> {
    return this.source.acknowledge(this.id);
  }

  /**
   * Counts this event as not yet handled, so that the consumer's bounds hold it and no more is fetched than they allow.
   * To be called while the event is being delivered. `processEvents` does it for you.
   *
   * @param returned - For who keeps events to begin with them later, in their order. Called when the partition is taken
   * away or the consumer is closed before the hold has ended. It answers whether the event is given back: it then counts
   * as never delivered, and its holder drops it.
   * @returns What ends the hold. Calling it again does nothing.
   */
  hold(returned?: () => boolean): () => void {
    return this.source.hold(returned);
  }

  /**
   * Brings data of this event now, whatever was selected before.
   *
   * @param view - What to bring: the event's descriptor (the default) or a view of it.
   * @returns A future of the bytes. Rejects with `ERR_DESCRIPTOR` when the view is of another event.
   */
  fetchData(view: DataDescriptor = this.descriptor): Future<EventData> {
    return fetchOne(this, view);
  }
}

function fetchOne<M>(event: StreamEvent<M>, view: DataDescriptor): Future<EventData> {
  if (!(view instanceof DataDescriptor)) {
    throw new TypeError(`'view' must be a DataDescriptor: current value is ${describeValue(view)}`);
  }
  if (!view.sharesOriginWith(event.descriptor)) return Future.rejected(foreignDescriptor(event, view));
  if (view.size === 0) return Future.resolved(EventData.empty);
  const answer = new Promised<EventData>();
  event.source.fetch([view]).subscribe({
    next: ([data]) => answer.resolve(data!),
    error: (error: unknown) => answer.reject(error),
  });
  return answer;
}

/** The error for a descriptor of another event. @internal */
export function foreignDescriptor(event: StreamEvent<unknown>, view: DataDescriptor): SluiceError {
  const { topic, partition, id } = view.origin;
  return new SluiceError(
    "ERR_DESCRIPTOR",
    `A view of event ${event.id} of partition ${event.partition} of "${event.topic}" was expected: ` +
      `current value is one of event ${id} of partition ${partition} of "${topic}"`,
    { details: { expected: event.descriptor.origin, actual: view.origin } },
  );
}
