import { catchError, defer, from, of, tap, throwError, timer } from "rxjs";
import { isSluiceError, type BackendTopic, type Lease } from "../../../src/index.ts";
import { mapped, overlay, type Fault, type Faults } from "./fault.ts";

/** Faults in how acknowledgements are kept. */
export const cursors: Faults = {
  "takes an acknowledgement back": [19, () => keeping({ store: (_old, position) => position })],
  "stores no acknowledgement": [19, () => keeping({ store: (old) => old })],
  "stores the first acknowledgement only": [19, () => keeping({ store: (old, position) => old ?? position })],
  "acknowledges one event too few": [19, () => keeping({ store: (old, position) => Math.max(old ?? 0, position - 1) })],
  "acknowledges one event too many": [
    19,
    () => keeping({ store: (old, position) => Math.max(old ?? 0, position + 1) }),
  ],
  "has one position for all partitions": [19, () => keeping({ key: (consumer) => consumer })],
  "has one position for all names": [18, () => keeping({ key: (_consumer, partition) => String(partition) })],
  "loses acknowledgements with the connection": [
    19,
    () => keeping({ key: (consumer, partition, connection) => `${connection} ${consumer} ${partition}` }),
  ],
  "answers an acknowledgement before it is stored": [19, storesLate],
  "acknowledges what was read": [20, acknowledgesReads],
  "begins a name that is new behind the last event": [18, beginsAtTheEnd],
  "takes a late acknowledgement": [
    21,
    () =>
      leasing((lease) => ({
        acknowledge: (position) => from(lease.acknowledge(position)).pipe(catchError(() => of(undefined))),
      })),
  ],
  "refuses every acknowledgement": [
    20,
    () => leasing(() => ({ acknowledge: () => throwError(() => new Error("no")) })),
  ],
  "stores acknowledgements of the old owner": [21, fencesNobody],
};

/** Leases that are changed. */
export function leasing(change: (lease: Lease, real: BackendTopic, consumer: string) => Partial<Lease>): Fault {
  return {
    topic: (real) => ({
      join: (consumer, options) =>
        mapped(real.join(consumer, options), (leases) =>
          leases.map((lease) => overlay(lease, change(lease, real, consumer))),
        ),
    }),
  };
}

interface Keeping {
  readonly store?: (old: number | undefined, position: number) => number | undefined;
  readonly key?: (consumer: string, partition: number, connection: number) => string;
}

/** Positions that are kept beside those of the real backend, by a rule of their own. */
function keeping({
  store = (old, position) => Math.max(old ?? 0, position),
  key = (consumer, partition) => `${consumer} ${partition}`,
}: Keeping): Fault {
  const positions = new Map<string, number>();
  return {
    topic: (real, connection) => ({
      cursors: (consumer) =>
        defer(() => of(real.partitions.map(({ index }) => positions.get(key(consumer, index, connection))))),
      join: (consumer, options) =>
        mapped(real.join(consumer, options), (leases) =>
          leases.map((lease) => {
            const mine = key(consumer, lease.partition, connection);
            const acknowledge = (position: number) =>
              from(lease.acknowledge(position)).pipe(
                tap(() => {
                  const stored = store(positions.get(mine), position);
                  if (stored !== undefined) positions.set(mine, stored);
                }),
              );
            return overlay<Lease>(lease, { position: positions.get(mine), acknowledge });
          }),
        ),
    }),
  };
}

function storesLate(): Fault {
  return leasing((lease) => ({
    acknowledge: (position) =>
      defer(() => {
        timer(20).subscribe(() => from(lease.acknowledge(position)).subscribe({ error: () => undefined }));
        return of(undefined);
      }),
  }));
}

function acknowledgesReads(): Fault {
  const leases = new Map<number, Lease>();
  return {
    topic: (real) => ({
      join: (consumer, options) =>
        from(real.join(consumer, options)).pipe(
          tap((given) => given.forEach((lease) => leases.set(lease.partition, lease))),
        ),
    }),
    partition: (real) => ({
      read: (position, limits) =>
        from(real.read(position, limits)).pipe(
          tap(({ next }) => {
            const lease = leases.get(real.index);
            if (lease !== undefined) from(lease.acknowledge(next)).subscribe({ error: () => undefined });
          }),
        ),
    }),
  };
}

function beginsAtTheEnd(): Fault {
  const ends = new Map<number, number>();
  return {
    partition: (real) => ({
      append: (batch) =>
        from(real.append(batch)).pipe(tap(({ firstId }) => ends.set(real.index, firstId + batch.count))),
    }),
    topic: (real) => ({
      join: (consumer, options) =>
        mapped(real.join(consumer, options), (leases) =>
          leases.map((lease) => overlay<Lease>(lease, { position: lease.position ?? ends.get(lease.partition) })),
        ),
    }),
  };
}

function fencesNobody(): Fault {
  const newest = new Map<string, Lease>();
  return {
    topic: (real) => ({
      join: (consumer, options) =>
        mapped(real.join(consumer, options), (leases) =>
          leases.map((lease) => {
            const key = `${consumer} ${lease.partition}`;
            newest.set(key, lease);
            const acknowledge = (position: number) =>
              from(lease.acknowledge(position)).pipe(
                catchError((error) =>
                  isSluiceError(error, "ERR_FENCED")
                    ? from(newest.get(key)!.acknowledge(position))
                    : throwError(() => error),
                ),
              );
            return overlay<Lease>(lease, { acknowledge });
          }),
        ),
    }),
  };
}
