import { from, take, type Subscription } from "rxjs";
import type { JoinOptions, Lease } from "../../../src/model/backend.ts";
import type { LeasesMessage } from "../protocol/leaseCodec.ts";
import { describePlaces } from "../protocol/ranksCodec.ts";
import type { DirectoryEntry } from "./directory.ts";

/** A lease under the number that the client knows it by. */
export interface NumberedLease {
  readonly number: number;
  readonly lease: Lease;
  revoked: boolean;
}

/** What a membership tells the session that it is part of. */
export interface MembershipHooks {
  /** What it holds has changed, and the client has to be told. */
  readonly changed: (membership: Membership) => void;
  /** A lease was given, and gets a number. */
  readonly granted: (membership: Membership, lease: Lease) => number;
}

/**
 * One client's place among the consumers of one name. It belongs to the session, not to the connection: while the client
 * is away nothing is taken from it.
 */
export class Membership {
  readonly entry: DirectoryEntry;
  readonly consumer: string;
  /** Why it has ended, other than by its client. */
  ended: { readonly error: unknown } | undefined;
  readonly #hooks: MembershipHooks;
  readonly #held = new Map<number, NumberedLease>();
  #joined: Subscription | undefined;
  #isTelling = false;
  #left = false;

  constructor(entry: DirectoryEntry, consumer: string, hooks: MembershipHooks) {
    this.entry = entry;
    this.consumer = consumer;
    this.#hooks = hooks;
  }

  join(options: JoinOptions): void {
    this.#joined = from(this.entry.topic.join(this.consumer, options)).subscribe({
      next: (leases) => this.#take(leases),
      error: (error: unknown) => {
        this.ended = { error };
        this.#tell();
      },
    });
    if (this.#left) this.#joined.unsubscribe(); // It may have ended while it was being joined.
  }

  /** What it holds now. */
  get state(): LeasesMessage {
    const leases = [...this.#held.values()].map(({ number, lease, revoked }) => ({
      lease: number,
      partition: lease.partition,
      epoch: lease.epoch,
      position: lease.position,
      revoked,
    }));
    const { topic } = this.entry;
    return { partitions: topic.partitions.length, places: describePlaces(topic), leases };
  }

  /** Gives one lease back. */
  release(number: number): void {
    const held = this.#held.get(number);
    if (held === undefined) return;
    this.#held.delete(number);
    held.lease.release();
  }

  leave(): void {
    this.#left = true;
    this.#joined?.unsubscribe();
    this.#held.clear();
  }

  #take(leases: readonly Lease[]): void {
    for (const lease of leases) {
      const number = this.#hooks.granted(this, lease);
      const held: NumberedLease = { number, lease, revoked: false };
      this.#held.set(number, held);
      from(lease.revoked)
        .pipe(take(1))
        .subscribe(() => {
          held.revoked = true;
          this.#tell();
        });
    }
    this.#tell();
  }

  /** Changes of one turn are told together. */
  #tell(): void {
    if (this.#isTelling || this.#left) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      if (!this.#left) this.#hooks.changed(this);
    });
  }
}
