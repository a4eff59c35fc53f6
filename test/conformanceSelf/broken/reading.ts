import {
  catchError,
  defer,
  EMPTY,
  from,
  NEVER,
  of,
  switchMap,
  throwError,
  throwIfEmpty,
  type Observable,
  type ObservableInput,
} from "rxjs";
import type { BackendPartition, DataRead, StoredBatch } from "../../../src/index.ts";
import { mapped, type Fault, type Faults } from "./fault.ts";

/** Faults in how a partition is read. */
export const readingFaults: Faults = {
  "never wakes a read that waits": [
    18,
    () => reads((real, position, limits) => ifThere(real, position, real.read(position, limits), NEVER)),
  ],
  "ends a read that should wait": [
    26,
    () => reads((real, position, limits) => ifThere(real, position, real.read(position, limits), EMPTY)),
  ],
  "ignores the largest number of events": [
    25,
    () => reads((real, position, { maxBytes }) => real.read(position, { maxEvents: Infinity, maxBytes })),
  ],
  "ignores the largest number of bytes": [
    25,
    () => reads((real, position, { maxEvents }) => real.read(position, { maxEvents, maxBytes: Infinity })),
  ],
  "brings nothing where one event is too large": [
    25,
    () =>
      reads((real, position, limits) =>
        mapped(real.read(position, limits), (batch) =>
          batch.metadata.length > limits.maxBytes ? { ...batch, count: 0 } : batch,
        ),
      ),
  ],
  "goes on behind a batch of which bytes have cut a part": [
    25,
    () =>
      reads((real, position, limits) =>
        from(real.read(position, { ...limits, maxBytes: Infinity })).pipe(
          switchMap((whole) =>
            mapped(real.read(position, limits), (batch) =>
              batch.count < whole.count ? { ...batch, next: whole.next } : batch,
            ),
          ),
        ),
      ),
  ],
  "begins a read one event too early": [
    3,
    () => nth(3, (real, position, limits) => real.read(Math.max(0, position - 1), limits)),
  ],
  "leaves the newest event of a key out when it reads a compacted topic": [
    2,
    () => changing((batch) => (batch.next < 398 ? batch : { ...batch, count: Math.max(0, batch.count - 3) })),
  ],
  "goes on one event too far": [3, () => changing((batch) => ({ ...batch, next: batch.next + 1 }))],
  "forgets where the metadata of an event ends": [
    25,
    () => changing((batch) => (batch.firstId === 0 ? batch : { ...batch, metadata: batch.metadata.slice(1) })),
  ],
  "says that a partition is shorter than it is": [
    27,
    () => ({
      partition: (real) => ({
        bounds: () => mapped(real.bounds(), (bounds) => ({ ...bounds, end: Math.max(0, bounds.end - 1) })),
      }),
    }),
  ],
  "says that a partition is longer than it is": [
    27,
    () => ({
      partition: (real) => ({ bounds: () => mapped(real.bounds(), (bounds) => ({ ...bounds, end: bounds.end + 1 })) }),
    }),
  ],
  "finds the event behind the one that was asked for": [
    18,
    () => ({ partition: (real) => ({ find: (time) => mapped(real.find(time), (position) => position + 1) }) }),
  ],
  "finds the event before the one that was asked for": [
    18,
    () => ({
      partition: (real) => ({ find: (time) => mapped(real.find(time), (position) => Math.max(0, position - 1)) }),
    }),
  ],
  "finds events that are newer, not those that are not older": [
    18,
    () => ({ partition: (real) => ({ find: (time) => real.find(time + 1) }) }),
  ],
  "finds the beginning of a batch only": [
    18,
    () => ({
      partition: (real) => ({
        find: (time) =>
          from(real.find(time)).pipe(
            switchMap((position) => ifThere(real, position, of(position >= 3 ? position : 0), of(position))),
          ),
      }),
    }),
  ],
  "fetches all of the data instead of a view": [
    22,
    () => fetches((read) => ({ ...read, ranges: Float64Array.of(0, read.ranges.at(-2)! + read.ranges.at(-1)!) })),
  ],
  "fetches a view from the beginning of the data": [
    24,
    () =>
      fetches((read) => ({
        ...read,
        ranges: read.ranges.map((value, i) => (i % 2 === 0 ? value - read.ranges[0]! : value)),
      })),
  ],
  "fetches the first range of a view only": [
    24,
    () => fetches((read) => ({ ...read, ranges: read.ranges.slice(0, 2) })),
  ],
  "fills in the gaps of a view": [
    24,
    () =>
      fetches((read) => ({
        ...read,
        ranges:
          read.ranges.length > 2
            ? Float64Array.of(
                read.ranges[0]!,
                read.ranges.reduce((size, value, i) => (i % 2 === 0 ? size : size + value), 0),
              )
            : read.ranges,
      })),
  ],
  "puts data elsewhere than it was told": [23, () => fetches((read) => ({ ...read, into: undefined }))],
  "answers a fetch in another order": [
    22,
    () => ({
      partition: (real) => ({ fetch: (reads) => mapped(real.fetch(reads), (answers) => [...answers].reverse()) }),
    }),
  ],
  "fetches the data of the next event": [22, fetchesNext],
  "never ends a read of a sealed topic": [
    27,
    () =>
      reads((real, position, limits) =>
        from(real.read(position, limits)).pipe(
          throwIfEmpty(() => "empty"),
          catchError((error) => (error === "empty" ? NEVER : throwError(() => error))),
        ),
      ),
  ],
  "answers with what is no ObservableInput": [30, () => ({ topic: () => ({ cursors: () => ({}) as never }) })],
};

type Read = (
  real: BackendPartition,
  ...args: Parameters<BackendPartition["read"]>
) => ReturnType<BackendPartition["read"]>;

function reads(read: Read): Fault {
  return { partition: (real) => ({ read: (...args) => defer(() => read(real, ...args)) }) };
}

function nth(every: number, read: Read): Fault {
  let n = 0;
  return reads((real, ...args) => (++n % every === 0 ? read(real, ...args) : real.read(...args)));
}

function changing(change: (batch: StoredBatch) => StoredBatch): Fault {
  return reads((real, ...args) => mapped(real.read(...args), change));
}

function fetches(change: (read: DataRead) => DataRead): Fault {
  return { partition: (real) => ({ fetch: (all) => real.fetch(all.map(change)) }) };
}

function fetchesNext(): Fault {
  return {
    partition: (real) => ({
      fetch: (all) =>
        from(real.bounds()).pipe(
          switchMap(({ end }) => real.fetch(all.map((read) => ({ ...read, id: Math.min(read.id + 1, end - 1) })))),
        ),
    }),
  };
}

/** One of two answers, by whether there is an event at a position. */
function ifThere<T>(
  real: BackendPartition,
  position: number,
  there: ObservableInput<T>,
  missing: ObservableInput<T>,
): Observable<T> {
  return from(real.bounds()).pipe(switchMap(({ end, sealed }) => (position < end || sealed ? there : missing)));
}
