import { defer, forkJoin, map, mergeMap, Observable, of, throwIfEmpty } from "rxjs";
import type { BackendPartition } from "../../src/model/backend.ts";
import type { DataAllocator } from "../../src/model/consumeOptions.ts";
import { EventData } from "../../src/model/data.ts";
import type { DataDescriptor } from "../../src/model/descriptor.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { EventSource, StreamEvent } from "../../src/model/event.ts";
import { isPromiseLike } from "../../src/model/isPromiseLike.ts";
import { noDeadlines, type Deadlines } from "./deadlines.ts";
import { attempt, mapAll } from "./whenReady.ts";

/** Fetches views of the data of events of one partition in one call of the backend. @internal */
export function fetchViews(
  partition: BackendPartition,
  descriptors: readonly DataDescriptor[],
  targets?: readonly EventData[],
): Observable<readonly EventData[]> {
  const reads = descriptors.map((descriptor, i) => {
    const { id, location } = descriptor.origin;
    return { id, location, ranges: descriptor.ranges(), into: targets?.[i]?.segments };
  });
  return defer(() => partition.fetch(reads)).pipe(
    throwIfEmpty(() => new SluiceError("ERR_STORAGE", "The backend completed without an answer to a request for data")),
    map((answers) => answers.map((segments) => EventData.from(segments))),
  );
}

/**
 * Brings the selected data of events, into memory of the allocator's where there is one, with one request for each
 * partition. Emits once, when every event has its data.
 *
 * @internal
 */
export function fetchSelected<M>(
  events: readonly StreamEvent<M>[],
  allocator: DataAllocator<M> | undefined,
  deadlines: Deadlines = noDeadlines,
): Observable<void> {
  const chosen = events.filter((event) => event.selection !== undefined && event.selection.size > 0);
  if (chosen.length === 0) return of(undefined);
  if (allocator === undefined) return fetchInto(chosen);
  return allocateAll(chosen, allocator, deadlines).pipe(mergeMap((targets) => fetchInto(chosen, targets)));
}

function fetchInto<M>(events: readonly StreamEvent<M>[], targets?: readonly EventData[]): Observable<void> {
  const requests = [...byPartition(events)].map(([source, indexes]) =>
    source
      .fetch(
        indexes.map((index) => events[index]!.selection!),
        targets && indexes.map((index) => targets[index]!),
      )
      .pipe(map((data) => indexes.forEach((index, i) => (events[index]!.data = data[i]!)))),
  );
  return forkJoin(requests).pipe(map(() => undefined));
}

/** The indexes of the events of each partition, under one source that can fetch for all of them. */
function byPartition<M>(events: readonly StreamEvent<M>[]): Map<EventSource<M>, number[]> {
  const sources = new Map<number, EventSource<M>>();
  const indexes = new Map<EventSource<M>, number[]>();
  events.forEach(({ source }, index) => {
    const first = sources.get(source.partition) ?? source;
    sources.set(source.partition, first);
    const known = indexes.get(first);
    if (known === undefined) indexes.set(first, [index]);
    else known.push(index);
  });
  return indexes;
}

function allocateAll<M>(
  events: readonly StreamEvent<M>[],
  allocator: DataAllocator<M>,
  deadlines: Deadlines,
): Observable<readonly EventData[]> {
  return new Observable((subscriber) =>
    attempt(
      () => mapAll(events, (event) => allocate(event, allocator, deadlines)),
      (targets) => {
        subscriber.next(targets);
        subscriber.complete();
      },
      (error) => subscriber.error(error),
    ),
  );
}

function allocate<M>(
  event: StreamEvent<M>,
  allocator: DataAllocator<M>,
  deadlines: Deadlines,
): EventData | PromiseLike<EventData> {
  const answer = allocator(event.metadata, event.selection!);
  if (isPromiseLike(answer))
    return deadlines.within("data allocator", answer).then((memory) => trim(EventData.from(memory), event));
  return trim(EventData.from(answer), event);
}

/** The first bytes of what was allocated, exactly as many as are needed. */
function trim<M>(memory: EventData, event: StreamEvent<M>): EventData {
  const needed = event.selection!.size;
  if (memory.size === needed) return memory;
  if (memory.size < needed) {
    const { id, partition } = event;
    throw new SluiceError(
      "ERR_ALLOCATION",
      `The data allocator returned ${memory.size} bytes for event ${id} of partition ${partition}, which needs ${needed}`,
      { details: { allocated: memory.size, needed, id, partition } },
    );
  }
  const segments: Uint8Array[] = [];
  let left = needed;
  for (const segment of memory.segments) {
    if (left === 0) break;
    segments.push(segment.subarray(0, left));
    left -= Math.min(left, segment.length);
  }
  return EventData.from(segments);
}
