import { map, of, type Observable } from "rxjs";
import type { EventBatch, StoredBatch } from "../../../src/model/batch.ts";
import type { Serializer } from "../../../src/model/component.ts";
import { EventData } from "../../../src/model/data.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { StreamEvent } from "../../../src/model/event.ts";
import { Future } from "../../../src/model/future.ts";
import { isPromiseLike } from "../../../src/model/isPromiseLike.ts";
import { metadataReader } from "../../../src/model/metadataReader.ts";
import { selectBytes } from "../../../src/model/selectBytes.ts";
import { innerFrom } from "../innerFrom.ts";

/** Where a letter comes from. */
export interface LetterOrigin<M> {
  readonly topic: string;
  readonly partition: number;
  /** Its position in the journal, which stands for the id that it never got. */
  readonly position: number;
  readonly serializer: Serializer<M>;
}

/** A single event of a journal as an event of a consumer, with its data at hand. It cannot be acknowledged. */
export function letterEvent<M>(origin: LetterOrigin<M>, batch: EventBatch): Observable<StreamEvent<M>> {
  const { topic, partition, position, serializer } = origin;
  const { count, metadata, metadataEnds, timestamps, dataEnds } = batch;
  const next = position + count;
  const stored: StoredBatch = { count, firstId: position, next, metadata, metadataEnds, timestamps, dataEnds };
  const data = EventData.from(batch.data);
  const make = (read: () => M) =>
    new StreamEvent<M>(
      {
        topic,
        partition,
        batch: stored,
        metadata: read,
        acknowledge: (id) => Future.rejected(neverStored(id)),
        transact: (id) => Future.rejected(neverStored(id)),
        hold: () => () => {},
        fetch: (descriptors) =>
          of(descriptors.map((view) => EventData.from(selectBytes(data.segments, view.ranges())))),
      },
      0,
    );
  return decoded(stored, serializer).pipe(map(make));
}

function neverStored(id: number): SluiceError {
  return new SluiceError("ERR_NOT_DELIVERED", `Event ${id} is in a journal and was never stored`);
}

/** What reads the metadata. Where it cannot be decoded, the event is there all the same, and says so when it is read. */
function decoded<M>(stored: StoredBatch, serializer: Serializer<M>): Observable<() => M> {
  try {
    const value = metadataReader(stored, serializer)(0);
    if (!isPromiseLike<M>(value)) return of(() => value);
    return innerFrom(
      value.then(
        (read): (() => M) =>
          () =>
            read,
        failing<M>,
      ),
    );
  } catch (error) {
    return of(failing<M>(error));
  }
}

function failing<M>(cause: unknown): () => M {
  return () => {
    throw new SluiceError("ERR_UNDECODABLE", "The metadata of the event cannot be decoded", { cause });
  };
}
