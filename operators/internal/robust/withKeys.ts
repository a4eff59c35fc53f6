import { map, of, type Observable } from "rxjs";
import type { EventBatch } from "../../../src/model/batch.ts";
import { keyReader } from "../../../src/model/compaction.ts";
import type { Serializer } from "../../../src/model/component.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { isPromiseLike } from "../../../src/model/isPromiseLike.ts";
import { metadataReader } from "../../../src/model/metadataReader.ts";
import type { TopicHandle } from "../../../src/model/topicHandle.ts";
import { innerFrom } from "../innerFrom.ts";

/**
 * Gives the events of a journal their keys, for a topic that is compacted. They are read from the metadata anew: a journal keeps
 * none, since nothing of it may be compacted. Fails with `ERR_INVALID_METADATA` or `ERR_UNDECODABLE` where an event has none.
 */
export function withKeys<M, I>(
  batch: EventBatch,
  { backend, components }: Pick<TopicHandle<M, I>, "backend" | "components">,
): Observable<EventBatch> {
  const { compaction } = backend.config;
  if (compaction === undefined) return of(batch);
  const keyOf = keyReader(compaction);
  return decoded(batch, components.serializer).pipe(
    map((values) => {
      const found = values.map(keyOf);
      const tombstones = Uint8Array.from(found, ({ isTombstone }) => (isTombstone ? 1 : 0));
      return { ...batch, keys: { keys: found.map(({ key }) => key), tombstones } };
    }),
  );
}

/** The metadata of all events. Nothing is waited for where the serializer answers at once. */
function decoded<M>(batch: EventBatch, serializer: Serializer<M>): Observable<readonly unknown[]> {
  try {
    const read = metadataReader({ ...batch, firstId: 0, next: batch.count }, serializer);
    const values = Array.from({ length: batch.count }, (_, i) => read(i));
    if (!values.some(isPromiseLike)) return of(values);
    return innerFrom(Promise.all(values).catch((cause: unknown) => Promise.reject(undecodable(cause))));
  } catch (cause) {
    throw undecodable(cause);
  }
}

function undecodable(cause: unknown): SluiceError {
  return new SluiceError("ERR_UNDECODABLE", "The metadata cannot be decoded, in which the key of the event is", {
    cause,
  });
}
