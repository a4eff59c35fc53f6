import { timer, type Subscription } from "rxjs";
import type { JoinOptions, Lease } from "../../../src/model/backend.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import type { Access, Credential } from "./access.ts";
import { Answers } from "./answers.ts";
import type { DirectoryEntry } from "./directory.ts";
import { Membership } from "./membership.ts";

/** What a session tells the connection that it has at the moment. */
export interface SessionLink {
  /** A membership has changed, or has ended. */
  membershipChanged(stream: number, membership: Membership): void;
  /** The same session has come by another connection. */
  superseded(): void;
}

/** Leases that were given back and can still be acknowledged under, at the most. */
const maxReleased = 16_384;

/**
 * What a client holds at a service: its memberships, and the answers that it may not have received. It outlives a lost
 * connection by the lease time, so that a client that comes back goes on as if nothing had happened.
 */
export class Session {
  readonly id: string;
  /** Who it belongs to, and by which token its client came last. */
  credential: Credential;
  readonly answers = new Answers();
  readonly #nextLease: () => number;
  readonly #memberships = new Map<number, Membership>();
  /** Leases by their numbers, also those that were given back: what was delivered under them may still be acknowledged. */
  readonly #leases = new Map<number, { readonly lease: Lease; readonly entry: DirectoryEntry }>();
  /** The newest lease for each consumer of each partition. The older ones are fenced anyway. */
  readonly #newest = new Map<string, number>();
  #link: SessionLink | undefined;
  #expiry: Subscription | undefined;
  #isOver = false;

  constructor(id: string, credential: Credential, nextLease: () => number) {
    this.id = id;
    this.credential = credential;
    this.#nextLease = nextLease;
  }

  get user(): string {
    return this.credential.user;
  }

  /** Whether a connection has it at the moment. */
  get isAttached(): boolean {
    return this.#link !== undefined;
  }

  /** How many memberships it has. */
  get memberships(): number {
    return this.#memberships.size;
  }

  /** Gives it to a connection. Memberships that the client does not want any more are left. */
  attach(link: SessionLink, wanted: readonly number[]): void {
    this.#expiry?.unsubscribe();
    const old = this.#link;
    this.#link = link;
    old?.superseded();
    const streams = new Set(wanted);
    for (const stream of [...this.#memberships.keys()]) if (!streams.has(stream)) this.leave(stream);
  }

  /** The connection is lost. What the client holds is given back when it does not come in time. */
  detach(link: SessionLink, leaseTime: number, expired: () => void): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#expiry = timer(leaseTime).subscribe(() => {
      this.end();
      expired();
    });
  }

  /** Gives back everything at once. */
  end(): void {
    this.#isOver = true;
    this.#expiry?.unsubscribe();
    this.#link = undefined;
    for (const stream of [...this.#memberships.keys()]) this.leave(stream);
    this.#leases.clear();
    this.#newest.clear();
  }

  /** Joins a group, unless it is over: who has asked may have gone while the topic was being opened. */
  join(stream: number, entry: DirectoryEntry, consumer: string, options: JoinOptions): void {
    if (this.#isOver) return;
    const membership = new Membership(entry, consumer, {
      changed: (changed) => this.#link?.membershipChanged(stream, changed),
      granted: (to, lease) => this.#number(to, lease),
    });
    this.#memberships.set(stream, membership);
    membership.join(options);
  }

  /** The membership of a stream, when it has one. */
  membership(stream: number): Membership | undefined {
    return this.#memberships.get(stream);
  }

  leave(stream: number): void {
    this.#memberships.get(stream)?.leave();
    this.#memberships.delete(stream);
  }

  /** Ends what its user may not have any more. */
  recheck(access: Access): void {
    const isLost = ({ topic }: DirectoryEntry) => !access.may(this.user, "subscribe", topic.name);
    for (const [key, number] of this.#newest) {
      const entry = this.#leases.get(number)?.entry;
      if (entry === undefined || !isLost(entry)) continue;
      this.#newest.delete(key);
      this.#leases.delete(number);
    }
    for (const [stream, membership] of [...this.#memberships]) {
      if (!isLost(membership.entry)) continue;
      const message = `User "${this.user}" may not subscribe on topic "${membership.entry.topic.name}" any more`;
      membership.ended = { error: new SluiceError("ERR_FORBIDDEN", message) };
      this.#link?.membershipChanged(stream, membership);
      this.leave(stream);
    }
  }

  /** @throws SluiceError `ERR_FENCED` when the session has no such lease. */
  lease(number: number): { readonly lease: Lease; readonly entry: DirectoryEntry } {
    const known = this.#leases.get(number);
    if (known !== undefined) return known;
    throw new SluiceError(
      "ERR_FENCED",
      `The lease ${number} has ended: the service has given it to nobody who is still here`,
    );
  }

  #number({ entry, consumer }: Membership, lease: Lease): number {
    const number = this.#nextLease();
    const key = `${entry.incarnation}/${consumer}/${lease.partition}`;
    const older = this.#newest.get(key);
    if (older !== undefined) this.#leases.delete(older);
    this.#newest.delete(key);
    this.#newest.set(key, number);
    this.#leases.set(number, { lease, entry });
    if (this.#newest.size > maxReleased) this.#forgetOldest();
    return number;
  }

  #forgetOldest(): void {
    const held = new Set(
      [...this.#memberships.values()].flatMap(({ state }) => state.leases.map(({ lease }) => lease)),
    );
    for (const [key, number] of this.#newest) {
      if (held.has(number)) continue;
      this.#newest.delete(key);
      this.#leases.delete(number);
      return;
    }
  }
}
