import { idAt, metadataAt, type StoredBatch } from "../../src/model/batch.ts";
import type { Serializer } from "../../src/model/component.ts";
import type { UndecodablePolicy } from "../../src/model/consumeOptions.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";
import { StreamEvent, type EventSource } from "../../src/model/event.ts";
import { isPromiseLike } from "../../src/model/isPromiseLike.ts";
import { metadataReader } from "../../src/model/metadataReader.ts";

/** What a batch is opened with. @internal */
export interface OpenBatchOptions<M> extends Pick<
  EventSource<M>,
  "topic" | "partition" | "acknowledge" | "transact" | "hold" | "fetch"
> {
  readonly serializer: Serializer<M>;
  readonly undecodable: UndecodablePolicy;
  /** The events of this id and behind it are not wanted. */
  readonly stopAt: number;
}

/** Stands in the place of metadata that cannot be decoded. */
class Undecoded {
  readonly error: SluiceError;

  constructor(error: SluiceError) {
    this.error = error;
  }
}

type Decoded<M> = M | Undecoded;

/**
 * Makes the events of a batch, as far as they are wanted and can be decoded. Metadata is decoded here, so that the policy
 * for what cannot be decoded is followed before anything is delivered; under `"deliver"` it is decoded when it is read.
 *
 * @returns The events, or a promise of them where the serializer is asynchronous.
 * @throws SluiceError `ERR_UNDECODABLE` under the policy `"fail"`.
 * @internal
 */
export function openBatch<M>(
  batch: StoredBatch,
  options: OpenBatchOptions<M>,
): StreamEvent<M>[] | Promise<StreamEvent<M>[]> {
  const { serializer, undecodable, stopAt } = options;
  const reader = metadataReader(batch, serializer);
  const read = (index: number): Decoded<M> | PromiseLike<Decoded<M>> => {
    try {
      const value = reader(index);
      return isPromiseLike(value)
        ? value.then(undefined, (error: unknown) => undecoded(error, batch, index, options))
        : value;
    } catch (error) {
      return undecoded(error, batch, index, options);
    }
  };
  const wanted = countBefore(batch, stopAt);
  const values: (Decoded<M> | PromiseLike<Decoded<M>>)[] = [];
  let isLater = false;
  for (let index = 0; index < wanted; index++) {
    const value = read(index);
    values.push(value);
    if (isPromiseLike(value)) isLater = true;
    if (undecodable === "deliver" && !isLater) return lazyEvents(batch, wanted, read, options);
  }
  if (!isLater) return eventsOf(batch, values as Decoded<M>[], options);
  return Promise.all(values as PromiseLike<Decoded<M>>[]).then((settled) => eventsOf(batch, settled, options));
}

function lazyEvents<M>(
  batch: StoredBatch,
  wanted: number,
  read: (index: number) => Decoded<M> | PromiseLike<Decoded<M>>,
  options: OpenBatchOptions<M>,
): StreamEvent<M>[] {
  const source = sourceOf(batch, options, (index) => read(index) as Decoded<M>);
  const events: StreamEvent<M>[] = [];
  for (let index = 0; index < wanted; index++) events.push(new StreamEvent(source, index));
  return events;
}

function eventsOf<M>(
  batch: StoredBatch,
  values: readonly Decoded<M>[],
  options: OpenBatchOptions<M>,
): StreamEvent<M>[] {
  const source = sourceOf(batch, options, (index) => values[index]!);
  const events: StreamEvent<M>[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (!(value instanceof Undecoded) || isKept(value, batch, index, options))
      events.push(new StreamEvent(source, index));
  }
  return events;
}

function sourceOf<M>(
  batch: StoredBatch,
  options: OpenBatchOptions<M>,
  decoded: (index: number) => Decoded<M>,
): EventSource<M> {
  const { topic, partition, acknowledge, transact, hold, fetch } = options;
  const metadata = (index: number): M => {
    const value = decoded(index);
    if (value instanceof Undecoded) throw value.error;
    return value;
  };
  return { topic, partition, batch, metadata, acknowledge, transact, hold, fetch };
}

/** Whether an event that cannot be decoded is delivered all the same. */
function isKept<M>({ error }: Undecoded, batch: StoredBatch, index: number, options: OpenBatchOptions<M>): boolean {
  const { topic, partition, undecodable } = options;
  if (undecodable === "fail") throw error;
  if (undecodable === "deliver") return true;
  if (undecodable !== "skip") {
    undecodable.next({ topic, partition, id: idAt(batch, index), bytes: metadataAt(batch, index), error });
  }
  return false;
}

function undecoded<M>(
  cause: unknown,
  batch: StoredBatch,
  index: number,
  { topic, partition }: OpenBatchOptions<M>,
): Undecoded {
  const id = idAt(batch, index);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Undecoded(
    new SluiceError(
      "ERR_UNDECODABLE",
      `Event ${id} of partition ${partition} of "${topic}" cannot be decoded: ${reason}`,
      {
        cause: isSluiceError(cause, "ERR_UNDECODABLE") ? (cause.cause ?? cause) : cause,
        details: { topic, partition, id },
      },
    ),
  );
}

/** How many events of a batch have an id below one. */
function countBefore(batch: StoredBatch, id: number): number {
  if (batch.ids === undefined) return Math.max(0, Math.min(batch.count, id - batch.firstId));
  const end = batch.ids.findIndex((each) => each >= id);
  return end < 0 ? batch.count : end;
}
