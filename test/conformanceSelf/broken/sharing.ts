import { from, NEVER, Observable, tap, type Subscription } from "rxjs";
import type { Lease } from "../../../src/index.ts";
import { mapped, overlay, type Fault, type Faults } from "./fault.ts";

/** Faults in how consumers of one name share partitions. */
export const sharing: Faults = {
  "gives a partition to everybody": [21, givesToEverybody],
  "never takes a partition back": [21, () => leases(() => ({ revoked: NEVER }))],
  "takes a partition away without waiting for its owner": [21, takesAway],
  "never lets a member go": [29, neverLetsGo],
  "keeps the partitions of a member that has left": [21, neverLetsGo],
  "does not share partitions that come later": [
    21,
    () => ({
      topic: (real) => ({
        join: (consumer, { partitions }) =>
          real.join(consumer, { partitions: partitions ?? real.partitions.map(({ index }) => index) }),
      }),
    }),
  ],
  "ignores which partitions a member wants": [
    18,
    () => ({ topic: (real) => ({ join: (consumer) => real.join(consumer, { partitions: undefined }) }) }),
  ],
  "has groups of one connection": [
    21,
    () => ({
      topic: (real, connection) => ({ join: (consumer, options) => real.join(`${consumer}-${connection}`, options) }),
    }),
  ],
  "gives one partition at a time and forgets the others": [
    18,
    () => ({
      topic: (real) => ({
        join: (consumer, options) => mapped(real.join(consumer, options), (given) => given.slice(0, 1)),
      }),
    }),
  ],
  "has one group for all names": [
    18,
    () => ({ topic: (real) => ({ join: (_consumer, options) => real.join("everybody", options) }) }),
  ],
};

function leases(change: (lease: Lease) => Partial<Lease>): Fault {
  return {
    topic: (real) => ({
      join: (consumer, options) =>
        mapped(real.join(consumer, options), (given) => given.map((lease) => overlay(lease, change(lease)))),
    }),
  };
}

function givesToEverybody(): Fault {
  let members = 0;
  return { topic: (real) => ({ join: (consumer, options) => from(real.join(`${consumer}-${members++}`, options)) }) };
}

function takesAway(): Fault {
  return leases((lease) => ({ revoked: from(lease.revoked).pipe(tap(() => lease.release())) }));
}

function neverLetsGo(): Fault {
  const members: Subscription[] = [];
  return {
    topic: (real) => ({
      join: (consumer, options) =>
        new Observable((subscriber) => {
          members.push(
            from(real.join(consumer, options)).subscribe({
              next: (given) => subscriber.next(given),
              error: (error: unknown) => subscriber.error(error),
            }),
          );
        }),
    }),
  };
}
