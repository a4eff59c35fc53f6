import { from, map, Observable, throwError } from "rxjs";
import {
  SluiceError,
  type Appended,
  type Capabilities,
  type EventBatch,
  type PartitionBounds,
} from "../../../src/index.ts";
import { memoryCapabilities } from "../../../backends/memory/index.ts";
import { leasing } from "./cursors.ts";
import { mapped, type Fault } from "./fault.ts";

/** Backends that cannot do everything and say so. They are right: the suite tests what they declare. */
export const limited: Readonly<Record<string, () => Fault>> = {
  "cannot seal": () => lacking({ seal: false }, { topic: () => ({ seal: unsupported }) }),
  "cannot add partitions": () => lacking({ addPartitions: false }, { topic: () => ({ addPartitions: unsupported }) }),
  "cannot find by time": () => lacking({ findByTime: false }, { partition: () => ({ find: unsupported }) }),
  "cannot tell a repeated batch": () =>
    lacking(
      { idempotent: false, nextSequence: false },
      {
        partition: (real) => ({
          append: (batch) => real.append({ ...batch, producer: undefined }),
          nextSequence: undefined as never,
        }),
      },
    ),
  "cannot say how far a producer has come": () =>
    lacking({ nextSequence: false }, { partition: () => ({ nextSequence: undefined as never }) }),
  "has no groups": () => lacking({ groups: false }, oneMember()),
  "leaves gaps between ids": () => lacking({ contiguousIds: false }, gaps),
  "has no transactions": () =>
    lacking(
      { exactlyOnce: false },
      leasing(() => ({ transact: undefined as never })),
    ),
  "moves whole data": () => lacking({ partialData: false }, {}),
};

function lacking(capabilities: Partial<Capabilities>, fault: Fault): Fault {
  return { ...fault, backend: () => ({ capabilities: { ...memoryCapabilities, ...capabilities } }) };
}

function unsupported(): Observable<never> {
  return throwError(() => new SluiceError("ERR_UNSUPPORTED", "This backend cannot do that"));
}

function oneMember(): Fault {
  const members = new Set<string>();
  return {
    topic: (real) => ({
      join: (consumer, options) =>
        new Observable((subscriber) => {
          const key = `${real.name} ${consumer}`;
          if (members.has(key)) return unsupported().subscribe(subscriber);
          members.add(key);
          subscriber.add(from(real.join(consumer, options)).subscribe(subscriber));
          return () => members.delete(key);
        }),
    }),
  };
}

/** Event n has the id 10 n + 5. */
const idOf = (n: number): number => (n < 0 ? n : 10 * n + 5);
/** The position behind event n - 1. */
const behind = (n: number): number => (n === 0 ? 0 : idOf(n - 1) + 1);
const indexAt = (position: number): number => Math.max(0, Math.ceil((position - 5) / 10));

/** What the memory backend answers, with ids that have gaps. */
function spread({ firstId, ids }: Appended, { count }: EventBatch): Appended {
  const apart = Float64Array.from({ length: count }, (_, i) => idOf(ids?.[i] ?? firstId + i));
  return { firstId: apart[0]!, ids: apart };
}

const gaps: Fault = {
  ...leasing((lease) => ({
    transact: (position, appends) =>
      mapped(lease.transact!(position, appends), (appended) =>
        appended.map((each, i) => spread(each, appends[i]!.batch)),
      ),
  })),
  partition: (real) => ({
    append: (batch) => mapped(real.append(batch), (appended) => spread(appended, batch)),
    read: (position, limits) =>
      mapped(real.read(indexAt(position), limits), (batch) => ({
        ...batch,
        firstId: idOf(batch.firstId),
        ids: Float64Array.from({ length: batch.count }, (_, i) => idOf(batch.firstId + i)),
        next: behind(batch.next),
      })),
    fetch: (reads) => real.fetch(reads.map((read) => ({ ...read, id: indexAt(read.id) }))),
    bounds: () =>
      from(real.bounds()).pipe(
        map(({ start, end, sealed }): PartitionBounds => ({ start: behind(start), end: behind(end), sealed })),
      ),
    find: (time) => mapped(real.find(time), behind),
  }),
};
