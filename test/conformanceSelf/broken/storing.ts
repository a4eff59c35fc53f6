import { catchError, concat, defer, from, ignoreElements, NEVER, of, switchMap, tap, throwError, timer } from "rxjs";
import {
  isSluiceError,
  selectBytes,
  SluiceError,
  type Appended,
  type BackendPartition,
  type EventBatch,
  type StoredBatch,
} from "../../../src/index.ts";
import { mapped, type Fault, type Faults } from "./fault.ts";

/** Faults in what a partition does with a batch. */
export const storing: Faults = {
  "loses the last event of a batch": [
    3,
    () => appending((batch, real) => real.append(batch.count > 1 ? head(batch, batch.count - 1) : batch)),
  ],
  "loses the first event of a batch": [
    14,
    () => appending((batch, real) => real.append(batch.count > 1 ? pick(batch, upTo(batch.count).slice(1)) : batch)),
  ],
  "reorders the events of a batch": [
    13,
    () => appending((batch, real) => real.append(pick(batch, upTo(batch.count).reverse()))),
  ],
  "stores every batch twice": [
    3,
    () =>
      appending((batch, real) =>
        concat(
          from(real.append({ ...batch, producer: undefined })).pipe(ignoreElements()),
          real.append({ ...batch, producer: undefined }),
        ),
      ),
  ],
  "gives less durability than was asked for and says nothing": [
    9,
    () => appending((batch, real) => real.append({ ...batch, durability: undefined })),
  ],
  "refuses a durability that it can give": [
    9,
    () =>
      appending((batch, real) =>
        batch.durability === undefined
          ? real.append(batch)
          : throwError(() => new SluiceError("ERR_UNSUPPORTED", "No")),
      ),
  ],
  "answers and stores nothing": [8, () => appending(() => of({ firstId: 0 }))],
  "answers before it stores": [
    8,
    () =>
      appending(
        (batch, real) => (
          void setTimeout(() => from(real.append(batch)).subscribe(), 20),
          mapped(real.bounds(), ({ end }) => ({ firstId: end }))
        ),
      ),
  ],
  "stores a batch again that is sent again": [
    17,
    () => appending((batch, real) => real.append({ ...batch, producer: undefined })),
  ],
  "knows every producer as a new one": [17, () => ({ partition: () => ({ nextSequence: () => of(0) }) })],
  "counts the events of a producer one too many": [
    17,
    () => ({
      partition: (real) => ({
        nextSequence: (producer) => mapped(real.nextSequence!(producer), (next) => (next === 0 ? 0 : next + 1)),
      }),
    }),
  ],
  "takes a batch behind a gap": [
    17,
    () =>
      appending((batch, real) =>
        from(real.append(batch)).pipe(
          catchError((error) =>
            isSluiceError(error, "ERR_OUT_OF_SEQUENCE")
              ? from(real.append({ ...batch, producer: undefined }))
              : throwError(() => error),
          ),
        ),
      ),
  ],
  "takes all producers for one": [
    17,
    () =>
      appending((batch, real) =>
        real.append({ ...batch, producer: batch.producer && { ...batch.producer, id: "everybody" } }),
      ),
  ],
  "forgets producers with the connection": [
    17,
    () => ({
      partition: (real, _topic, connection) => ({
        append: (batch) =>
          real.append({
            ...batch,
            producer: batch.producer && { ...batch.producer, id: `${connection} ${batch.producer.id}` },
          }),
      }),
    }),
  ],
  "answers a repeated batch with wrong ids": [17, repeatsWithWrongIds],
  "answers with ids that are one too high": [
    2,
    () => appending((batch, real) => mapped(real.append(batch), ({ firstId }) => ({ firstId: firstId + 1 }))),
  ],
  "gives an id twice": [
    2,
    () =>
      reading((batch) => ({ ...batch, ids: Float64Array.from(upTo(batch.count), (i) => batch.firstId + (i >> 1)) })),
  ],
  "gives ids that begin at 1": [2, idsFromOne],
  "forgets when an event was pushed": [
    1,
    () => appending((batch, real) => real.append({ ...batch, timestamps: new Float64Array(batch.count) })),
  ],
  "keeps the data of the caller instead of a copy": [16, keepsData],
  "gives every reader the same memory": [16, sharesData],
  "stores the first segment of the data only": [
    1,
    () =>
      appending((batch, real) =>
        real.append(
          batch.data.length > 1 && batch.count === 1
            ? { ...batch, data: batch.data.slice(0, 1), dataEnds: Float64Array.of(batch.data[0]!.length) }
            : batch,
        ),
      ),
  ],
  "knows seven bits of a byte": [
    1,
    () => appending((batch, real) => real.append({ ...batch, metadata: batch.metadata.map((byte) => byte & 0x7f) })),
  ],
  "gives data to the wrong event": [
    1,
    () =>
      reading((batch) =>
        batch.dataEnds === undefined
          ? batch
          : { ...batch, dataEnds: batch.dataEnds.map((_, i, ends) => ends[Math.max(0, i - 1)]!) },
      ),
  ],
  "cuts data off at a megabyte": [
    1,
    () =>
      reading((batch) =>
        batch.dataEnds === undefined
          ? batch
          : { ...batch, dataEnds: batch.dataEnds.map((end) => Math.min(end, 1 << 20)) },
      ),
  ],
  "refuses more than 1024 events": [
    10,
    () =>
      appending((batch, real) =>
        batch.count > 1024 ? throwError(() => new SluiceError("ERR_STORAGE", "too many")) : real.append(batch),
      ),
  ],
  "refuses an event that is larger than a batch": [
    10,
    () =>
      appending((batch, real) =>
        (batch.dataEnds?.at(-1) ?? 0) > 150
          ? throwError(() => new SluiceError("ERR_STORAGE", "too large"))
          : real.append(batch),
      ),
  ],
  "answers only once another batch has come": [11, answersLate],
  "forgets to answer every tenth batch": [
    12,
    () => counting((n, batch, real) => (n % 10 === 9 ? NEVER : real.append(batch))),
  ],
  "fails every tenth batch in silence": [
    12,
    () => counting((n, batch, real) => (n % 10 === 9 ? of({ firstId: n }) : real.append(batch))),
  ],
  "stores batches that are in flight at once in the wrong order": [
    13,
    () =>
      counting((n, batch, real) =>
        n % 3 === 1
          ? timer(2).pipe(switchMap(() => real.append({ ...batch, producer: undefined })))
          : real.append({ ...batch, producer: undefined }),
      ),
  ],
  "takes events after the seal": [
    27,
    () =>
      appending((batch, real) =>
        from(real.append(batch)).pipe(
          catchError((error) =>
            isSluiceError(error, "ERR_TOPIC_SEALED") ? of({ firstId: 0 }) : throwError(() => error),
          ),
        ),
      ),
  ],
  "takes events after the deletion": [
    33,
    () =>
      appending((batch, real) =>
        from(real.append(batch)).pipe(
          catchError((error) =>
            isSluiceError(error, "ERR_TOPIC_NOT_FOUND") ? of({ firstId: 0 }) : throwError(() => error),
          ),
        ),
      ),
  ],
  "does not tell that a batch was not stored": [
    8,
    () => appending((batch, real) => from(real.append(batch)).pipe(catchError(() => NEVER))),
  ],
  "stores everything in the first partition": [
    7,
    () => ({
      topic: (real) => ({
        get partitions() {
          return real.partitions.map(() => real.partitions[0]!);
        },
      }),
    }),
  ],
};

type Append = (batch: EventBatch, real: BackendPartition) => ReturnType<BackendPartition["append"]>;

function appending(append: Append): Fault {
  return { partition: (real) => ({ append: (batch) => append(batch, real) }) };
}

function counting(append: (n: number, ...rest: Parameters<Append>) => ReturnType<Append>): Fault {
  let n = 0;
  return appending((batch, real) => defer(() => append(n++, batch, real)));
}

function reading(change: (batch: StoredBatch) => StoredBatch): Fault {
  return { partition: (real) => ({ read: (position, limits) => mapped(real.read(position, limits), change) }) };
}

function repeatsWithWrongIds(): Fault {
  const seen = new Set<string>();
  return appending((batch, real) => {
    const key = JSON.stringify(batch.producer ?? {});
    const isRepeated = batch.producer !== undefined && seen.has(key);
    seen.add(key);
    return mapped(real.append(batch), (appended): Appended => (isRepeated ? { firstId: 1000 } : appended));
  });
}

function idsFromOne(): Fault {
  return {
    partition: (real) => ({
      append: (batch) => mapped(real.append(batch), ({ firstId }) => ({ firstId: firstId + 1 })),
      read: (position, limits) =>
        mapped(real.read(Math.max(0, position - 1), limits), (batch) => ({
          ...batch,
          firstId: batch.firstId + 1,
          next: batch.next + 1,
        })),
      fetch: (reads) => real.fetch(reads.map((read) => ({ ...read, id: read.id - 1 }))),
      bounds: () => mapped(real.bounds(), ({ start, end, sealed }) => ({ start: start + 1, end: end + 1, sealed })),
    }),
  };
}

function keepsData(): Fault {
  const kept = new Map<number, Uint8Array[]>();
  return {
    partition: (real) => ({
      append: (batch) =>
        from(real.append(batch)).pipe(
          tap(({ firstId }) => {
            for (const i of upTo(batch.count)) kept.set(firstId + i, dataAt(batch, i));
          }),
        ),
      fetch: (reads) => of(reads.map(({ id, ranges }) => selectBytes(kept.get(id)!, ranges))),
    }),
  };
}

function sharesData(): Fault {
  const shared = new Map<string, readonly Uint8Array[]>();
  return {
    partition: (real) => ({
      fetch: (reads) =>
        mapped(real.fetch(reads), (answers) =>
          answers.map((segments, i) => {
            const key = `${reads[i]!.id} ${reads[i]!.ranges.join()}`;
            const known = shared.get(key) ?? segments;
            shared.set(key, known);
            return known;
          }),
        ),
    }),
  };
}

function answersLate(): Fault {
  let answer = () => {};
  return appending((batch, real) => {
    answer();
    return from(real.append(batch)).pipe((stored) =>
      concat(from(new Promise<void>((resolve) => (answer = resolve))).pipe(ignoreElements()), stored),
    );
  });
}

/** The events of a batch at some indexes, as a batch. */
function pick(batch: EventBatch, indexes: readonly number[]): EventBatch {
  const metadata = indexes.map((i) =>
    batch.metadata.subarray(i === 0 ? 0 : batch.metadataEnds[i - 1], batch.metadataEnds[i]),
  );
  const data = indexes.map((i) => dataAt(batch, i));
  return {
    ...batch,
    count: indexes.length,
    metadata: Uint8Array.from(metadata.flatMap((bytes) => [...bytes])),
    metadataEnds: Uint32Array.from(endsOf(metadata.map(({ length }) => length))),
    timestamps: Float64Array.from(indexes, (i) => batch.timestamps[i]!),
    data: data.flat(),
    dataEnds:
      batch.dataEnds &&
      Float64Array.from(endsOf(data.map((parts) => parts.reduce((size, { length }) => size + length, 0)))),
  };
}

function head(batch: EventBatch, count: number): EventBatch {
  return pick(batch, upTo(count));
}

function dataAt({ data, dataEnds }: EventBatch, index: number): Uint8Array[] {
  if (dataEnds === undefined) return [];
  const start = index === 0 ? 0 : dataEnds[index - 1]!;
  return selectBytes(data, Float64Array.of(start, dataEnds[index]! - start));
}

function endsOf(sizes: readonly number[]): number[] {
  let end = 0;
  return sizes.map((size) => (end += size));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
