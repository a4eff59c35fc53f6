import { concatMap, defer, EMPTY, forkJoin, map, merge, Observable, of, take } from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import type { BackendPartition, ReadLimits } from "../model/backend.ts";
import { dataSizeAt, idAt, type StoredBatch } from "../model/batch.ts";
import type { Serializer } from "../model/component.ts";
import { EventData } from "../model/data.ts";
import { isPromiseLike } from "../model/isPromiseLike.ts";
import { metadataReader } from "../model/metadataReader.ts";
import type { TopicHandle } from "../model/topicHandle.ts";
import { originalOf } from "./faultyTopic.ts";
import type { PlainEvent } from "./plainEvent.ts";

const unlimited: ReadLimits = { maxEvents: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER };

/**
 * What a topic holds, from its beginning, as lists of events: one for each batch as the backend gives it back. With the
 * memory backend these are the batches as the producers sent them.
 *
 * Faults are passed by: it tells what is stored, when it is stored.
 *
 * @param topic - The topic.
 * @returns An Observable that completes at the end of a sealed topic. It fails with `ERR_UNDECODABLE`, and with
 * `ERR_TOPIC_NOT_FOUND` when the topic is deleted. Partitions that are added after the subscription are not looked at.
 *
 * @example
 * ```ts
 * import { of } from "rxjs";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { produce } from "sluice/operators";
 * import { storedBatches, testTopic } from "sluice/testing";
 *
 * const topic = testTopic<string>({ backend: memoryBackend() });
 * storedBatches(topic).subscribe((batch) => console.log(batch.map(({ metadata }) => metadata))); // [ "a", "b" ], [ "c" ]
 * const letters$ = of({ metadata: "a" }, { metadata: "b" }, { metadata: "c" });
 * letters$.pipe(produce(topic, { batchSize: 2 })).subscribe();
 * ```
 */
export function storedBatches<M, I = M>(topic: TopicHandle<M, I>): Observable<readonly PlainEvent<M>[]> {
  const { serializer } = topic.components;
  return defer(() => {
    const { partitions } = originalOf(topic.backend);
    return merge(
      ...partitions.map((partition) =>
        readAll(partition).pipe(concatMap((batch) => decode(partition, batch, serializer))),
      ),
    );
  });
}

/** A loop, since a long history that is read at once must not nest deeper with each batch. */
function readAll(partition: BackendPartition): Observable<StoredBatch> {
  return new Observable((subscriber) => {
    let next: number | undefined = 0;
    let isLooping = false;
    const readOn = () => {
      if (isLooping) return;
      isLooping = true;
      while (next !== undefined && !subscriber.closed) subscriber.add(readFrom(next));
      isLooping = false;
    };
    const readFrom = (position: number) => {
      next = undefined;
      return innerFrom(partition.read(position, unlimited))
        .pipe(take(1))
        .subscribe({
          next: (batch) => {
            next = batch.next;
            subscriber.next(batch);
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => (next === undefined ? subscriber.complete() : readOn()),
        });
    };
    readOn();
  });
}

function decode<M>(
  partition: BackendPartition,
  batch: StoredBatch,
  serializer: Serializer<M>,
): Observable<readonly PlainEvent<M>[]> {
  if (batch.count === 0) return EMPTY;
  const read = metadataReader(batch, serializer);
  const events = Array.from({ length: batch.count }, (_, index) => {
    const metadata = read(index);
    const read$ = isPromiseLike(metadata) ? innerFrom(Promise.resolve(metadata)) : of(metadata);
    const place = { partition: partition.index, id: idAt(batch, index) };
    return forkJoin([read$, fetchAll(partition, batch, index)]).pipe(
      map(([value, data]): PlainEvent<M> => ({
        ...place,
        metadata: value,
        ...(data.size > 0 && { data: data.toUint8Array() }),
      })),
    );
  });
  return forkJoin(events);
}

function fetchAll(partition: BackendPartition, batch: StoredBatch, index: number): Observable<EventData> {
  const size = dataSizeAt(batch, index);
  if (size === 0) return of(EventData.empty);
  const read = { id: idAt(batch, index), location: batch.locations?.[index], ranges: Float64Array.of(0, size) };
  return innerFrom(partition.fetch([read])).pipe(
    take(1),
    map(([segments]) => EventData.from(segments)),
  );
}
