import { concat, defer, forkJoin, from, last, map, of, switchMap, toArray, type Observable } from "rxjs";
import type { Appended, Lease, TransactionAppend } from "../../../src/index.ts";
import { leasing } from "./cursors.ts";
import { type Fault, type Faults } from "./fault.ts";

type Transact = NonNullable<Lease["transact"]>;

/** Faults in how events are stored together with a position. */
export const transactions: Faults = {
  "stores the events of a transaction without the position": [
    35,
    () => transacting((_lease) => (_position, appends) => store(appends)),
  ],
  "stores the position of a transaction without its events": [
    35,
    () =>
      transacting((lease) => (position, appends) => {
        const answers = appends.map((): Appended => ({ firstId: 0 }));
        return from(lease.acknowledge(position)).pipe(map(() => answers));
      }),
  ],
  "stores the events first, and the position where it may": [
    35,
    () =>
      transacting((lease) => (position, appends) => {
        const acknowledge = defer(() => from(lease.acknowledge(position)));
        return store(appends).pipe(switchMap((appended) => acknowledge.pipe(map(() => appended))));
      }),
  ],
  "stores batch after batch, each for itself": [
    35,
    () =>
      transacting((lease) => (position, appends) => {
        const each = appends.map(({ topic, partition, batch }) =>
          defer(() => from(topic.partitions[partition]!.append(batch))),
        );
        const acknowledge = defer(() => from(lease.acknowledge(position)));
        return concat(...each).pipe(
          toArray(),
          switchMap((appended) => acknowledge.pipe(map(() => appended))),
        );
      }),
  ],
  "answers with the ids of a transaction in another order": [
    35,
    () =>
      transacting(
        (lease) => (position, appends) =>
          from(lease.transact!(position, appends)).pipe(map((appended) => appended.toReversed())),
      ),
  ],
  "loses all but the last batch of a transaction": [
    35,
    () =>
      transacting(
        (lease) => (position, appends) =>
          from(lease.transact!(position, appends.slice(-1))).pipe(
            last(),
            map((appended) => appends.map(() => appended[0]!)),
          ),
      ),
  ],
};

function transacting(change: (lease: Lease) => Transact): Fault {
  return leasing((lease) => ({ transact: change(lease) }));
}

function store(appends: readonly TransactionAppend[]): Observable<readonly Appended[]> {
  if (appends.length === 0) return of([]);
  return forkJoin(appends.map(({ topic, partition, batch }) => from(topic.partitions[partition]!.append(batch))));
}
