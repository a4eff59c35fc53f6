import { from, Observable, ReplaySubject, type ObservableInput, type Subscriber } from "rxjs";
import type { JoinOptions, Lease, TransactionAppend } from "./backend.ts";
import type { Appended } from "./batch.ts";
import { checkTransaction } from "./checkTransaction.ts";
import { SluiceError } from "./errors.ts";

/** Where a group keeps what its consumers have acknowledged. It outlives the group, which ends with its last member. */
export interface CursorStore {
  /** The acknowledged position of a partition; undefined when nothing has been acknowledged. */
  position(partition: number): number | undefined;
  /** Stores a position that is ahead of the stored one. */
  move(partition: number, position: number): void;
  /** The epoch of the newest lease of a partition, 0 before the first. */
  epoch(partition: number): number;
  /** Begins the next epoch of a partition and returns it. */
  renew(partition: number): number;
}

/** What a group has to be told. */
export interface GroupOptions {
  /** The name that its consumers share. */
  readonly consumer: string;
  /** How many partitions the topic has now. */
  readonly partitions: () => number;
  /** Where positions are kept. */
  readonly cursors: CursorStore;
  /** Runs an acknowledgement's answer later than the call, so that acknowledgements made together are stored together. */
  readonly answer: (subscriber: Subscriber<void>) => void;
  /** Stores a transaction whose lease and position have been checked; its leases have no `transact` when it is left out. */
  readonly transact?: ((transaction: Transaction) => ObservableInput<readonly Appended[]>) | undefined;
}

/** A transaction of the owner of a partition. From the call on, nobody else is given an earlier position. */
export interface Transaction {
  /** The name of the consumer. */
  readonly consumer: string;
  /** The partition whose position moves. */
  readonly partition: number;
  /** Everything before it is acknowledged. */
  readonly position: number;
  /** What is stored in the same step. */
  readonly appends: readonly TransactionAppend[];
}

interface Member {
  readonly wanted: readonly number[] | undefined;
  readonly leases: Set<OwnedLease>;
  readonly granted: (leases: readonly Lease[]) => void;
  readonly failed: (error: unknown) => void;
}

interface OwnedLease extends Lease {
  readonly owner: Member;
  readonly revocation: ReplaySubject<void>;
  revoking: boolean;
  released: boolean;
}

/**
 * Shares the partitions of a topic among the consumers of one name, inside one process. A partition has one owner at a
 * time; what moves is first drained by its old owner. Assignments are sticky and differ by one partition at the most. For
 * backends that have no groups of their own.
 *
 * @example
 * ```ts
 * import { Group } from "sluice";
 *
 * const positions = new Map<number, number>();
 * const epochs = new Map<number, number>();
 * const group = new Group({
 *   consumer: "app2",
 *   partitions: () => 3,
 *   cursors: {
 *     position: (partition) => positions.get(partition),
 *     move: (partition, position) => void positions.set(partition, position),
 *     epoch: (partition) => epochs.get(partition) ?? 0,
 *     renew: (partition) => (epochs.set(partition, (epochs.get(partition) ?? 0) + 1), epochs.get(partition)!),
 *   },
 *   answer: (subscriber) => subscriber.complete(),
 * });
 * group.join({ partitions: undefined }).subscribe((leases) => console.log(leases.length)); // 3
 * ```
 */
export class Group {
  readonly #options: GroupOptions;
  readonly #members = new Set<Member>();
  readonly #owners = new Map<number, OwnedLease>();

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Joins the group for as long as it is subscribed to. */
  join({ partitions }: JoinOptions): Observable<readonly Lease[]> {
    return new Observable((subscriber) => {
      const member: Member = {
        wanted: partitions,
        leases: new Set(),
        granted: (leases) => subscriber.next(leases),
        failed: (error) => subscriber.error(error),
      };
      this.#members.add(member);
      this.rebalance();
      if (member.leases.size === 0) member.granted([]);
      return () => this.#leave(member);
    });
  }

  /** Whether nobody has joined. */
  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** Ends the membership of everybody with an error. */
  fail(error: unknown): void {
    for (const member of [...this.#members]) member.failed(error);
  }

  /** Gives every partition that has no owner to a member, and asks for partitions back where the shares are uneven. */
  rebalance(): void {
    const granted = new Map<Member, OwnedLease[]>();
    const share = new Map([...this.#members].map((member) => [member, steadyLeases(member)]));
    for (let partition = 0; partition < this.#options.partitions(); partition++) {
      const owned = this.#owners.get(partition);
      if (owned !== undefined && !owned.revoking) continue;
      const member = this.#poorest(partition, share);
      if (member === undefined) continue;
      share.set(member, share.get(member)! + 1);
      if (owned === undefined) append(granted, member, this.#grant(partition, member));
    }
    this.#revokeFromTheRich(share);
    for (const [member, leases] of granted) member.granted(leases);
  }

  #grant(partition: number, owner: Member): OwnedLease {
    const { cursors } = this.#options;
    const revocation = new ReplaySubject<void>(1); // It may be asked for before its owner listens.
    const lease: OwnedLease = {
      partition,
      epoch: cursors.renew(partition),
      owner,
      position: cursors.position(partition),
      revocation,
      revoked: revocation,
      revoking: false,
      released: false,
      acknowledge: (position) => new Observable((subscriber) => this.#acknowledge(lease, position, subscriber)),
      release: () => this.#release(lease),
      ...(this.#options.transact !== undefined && {
        transact: (position: number, appends: readonly TransactionAppend[]) =>
          new Observable<readonly Appended[]>((subscriber) => this.#transact(lease, position, appends, subscriber)),
      }),
    };
    owner.leases.add(lease);
    this.#owners.set(partition, lease);
    return lease;
  }

  #acknowledge(lease: OwnedLease, position: number, subscriber: Subscriber<void>): void {
    const { consumer, cursors, answer } = this.#options;
    // It is the epoch that fences. A lease that was given back still takes what its owner had been delivered, for as
    // long as nobody else has been given the partition.
    if (cursors.epoch(lease.partition) !== lease.epoch) return subscriber.error(fenced(consumer, lease));
    const stored = cursors.position(lease.partition);
    if (stored === undefined || position > stored) cursors.move(lease.partition, position);
    answer(subscriber);
  }

  #transact(
    lease: OwnedLease,
    position: number,
    appends: readonly TransactionAppend[],
    subscriber: Subscriber<readonly Appended[]>,
  ): void {
    const { consumer, cursors, transact } = this.#options;
    const { partition } = lease;
    checkTransaction(appends);
    if (cursors.epoch(partition) !== lease.epoch) return subscriber.error(fenced(consumer, lease));
    const stored = cursors.position(partition);
    if (stored !== undefined && position <= stored)
      return subscriber.error(alreadyAcknowledged(consumer, partition, position, stored));
    subscriber.add(from(transact!({ consumer, partition, position, appends })).subscribe(subscriber));
  }

  #release(lease: OwnedLease): void {
    if (lease.released) return;
    this.#end(lease);
    this.rebalance();
  }

  #leave(member: Member): void {
    this.#members.delete(member);
    for (const lease of member.leases) this.#end(lease);
    this.rebalance();
  }

  #end(lease: OwnedLease): void {
    lease.released = true;
    lease.owner.leases.delete(lease);
    this.#owners.delete(lease.partition);
  }

  #poorest(partition: number, share: ReadonlyMap<Member, number>): Member | undefined {
    let poorest: Member | undefined;
    for (const member of this.#members) {
      if (!wants(member, partition)) continue;
      if (poorest === undefined || share.get(member)! < share.get(poorest)!) poorest = member;
    }
    return poorest;
  }

  #revokeFromTheRich(share: Map<Member, number>): void {
    const revoked: OwnedLease[] = [];
    for (const lease of this.#owners.values()) {
      if (lease.revoking) continue;
      const poorest = this.#poorest(lease.partition, share)!;
      if (share.get(lease.owner)! - share.get(poorest)! < 2) continue;
      share.set(lease.owner, share.get(lease.owner)! - 1);
      share.set(poorest, share.get(poorest)! + 1);
      lease.revoking = true;
      revoked.push(lease);
    }
    for (const lease of revoked) lease.revocation.next();
  }
}

function steadyLeases(member: Member): number {
  let count = 0;
  for (const lease of member.leases) if (!lease.revoking) count++;
  return count;
}

function wants(member: Member, partition: number): boolean {
  return member.wanted === undefined || member.wanted.includes(partition);
}

function append(granted: Map<Member, OwnedLease[]>, member: Member, lease: OwnedLease): void {
  const leases = granted.get(member);
  if (leases === undefined) granted.set(member, [lease]);
  else leases.push(lease);
}

function fenced(consumer: string, { partition, epoch }: Lease): SluiceError {
  return new SluiceError(
    "ERR_FENCED",
    `Consumer "${consumer}" no longer owns partition ${partition}: its lease ${epoch} has ended`,
    { details: { consumer, partition, epoch } },
  );
}

/** What a transaction answers to has been committed by another one. @internal */
export function alreadyAcknowledged(
  consumer: string,
  partition: number,
  position: number,
  stored: number,
): SluiceError {
  return new SluiceError(
    "ERR_ALREADY_ACKNOWLEDGED",
    `Consumer "${consumer}" cannot commit position ${position} of partition ${partition}: it has committed ${stored}`,
    { details: { consumer, partition, position, stored } },
  );
}

/** A transaction cannot reach over two stores. @internal */
export function storedElsewhere(topic: string, source: string): SluiceError {
  return new SluiceError(
    "ERR_UNSUPPORTED",
    `Topic "${topic}" cannot be part of a transaction of topic "${source}": open both through one driver`,
    { details: { topic, source } },
  );
}
