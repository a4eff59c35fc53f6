import { Observable, ReplaySubject, type Subscriber } from "rxjs";
import type { JoinOptions, Lease, TransactionAppend } from "../../../src/model/backend.ts";
import type { Appended } from "../../../src/model/batch.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { encodeJson } from "../protocol/boundedJson.ts";
import { messageTypes } from "../protocol/frame.ts";
import { decodeLeases, encodeNumbers, type LeaseState } from "../protocol/leaseCodec.ts";
import { readPlaces } from "../protocol/ranksCodec.ts";
import type { SluiceError } from "../../../src/model/errors.ts";
import type { Attachable, Call } from "./call.ts";
import type { ServiceClient } from "./serviceClient.ts";
import { transactCall } from "./transactCall.ts";

/** Joins the consumers of one name at a service, for as long as it is subscribed to. */
export function joinGroup(
  client: ServiceClient,
  topic: Attachable,
  consumer: string,
  options: JoinOptions,
): Observable<readonly Lease[]> {
  return new Observable((subscriber) => {
    const member = new Member(client, topic, consumer, options, subscriber);
    member.stream = client.start(member);
    return () => client.cancel(member.stream);
  });
}

/**
 * One member. The service tells it all its leases each time, so that nothing is missed over a lost connection; it finds out
 * what has changed. When the service has forgotten it, all its leases are taken back, and it joins anew.
 */
class Member implements Call {
  readonly type = messageTypes.join;
  readonly topic: Attachable;
  stream = 0;
  readonly #client: ServiceClient;
  readonly #consumer: string;
  readonly #options: JoinOptions;
  readonly #subscriber: Subscriber<readonly Lease[]>;
  /** Leases that were handed on and are not given back. */
  readonly #held = new Map<number, RemoteLease>();
  /** Leases that were given back, until the service has heard of it. */
  readonly #released = new Set<number>();
  #told: readonly LeaseState[] = [];
  #hasEmitted = false;

  constructor(
    client: ServiceClient,
    topic: Attachable,
    consumer: string,
    options: JoinOptions,
    subscriber: Subscriber<readonly Lease[]>,
  ) {
    this.#client = client;
    this.topic = topic;
    this.#consumer = consumer;
    this.#options = options;
    this.#subscriber = subscriber;
  }

  body(): readonly Uint8Array[] {
    const { partitions = null } = this.#options;
    return [encodeJson({ handle: this.topic.handle, consumer: this.#consumer, partitions })];
  }

  take(type: number, body: Uint8Array): boolean {
    if (type !== messageTypes.leases) throw malformed("an answer of another kind");
    const { partitions, places, leases } = decodeLeases(body);
    this.topic.grow(partitions, readPlaces(places)); // Before a lease of a new partition is handed on.
    this.#told = leases;
    const numbers = new Set(leases.map(({ lease }) => lease));
    for (const number of [...this.#released]) {
      if (numbers.has(number)) this.#tellReleased(number);
      else this.#released.delete(number);
    }
    for (const { lease, revoked } of leases) if (revoked) this.#held.get(lease)?.revoke();
    for (const [number, held] of this.#held) if (!numbers.has(number)) held.revoke();
    this.#handOn();
    return false;
  }

  fail(error: unknown): void {
    this.#subscriber.error(error);
  }

  again(isKnown: boolean): SluiceError | undefined {
    if (isKnown) return undefined;
    this.#told = [];
    this.#released.clear();
    for (const lease of [...this.#held.values()]) lease.revoke();
    return undefined;
  }

  /** Gives a lease back. */
  release(lease: RemoteLease): void {
    if (!this.#held.delete(lease.number)) return;
    this.#released.add(lease.number);
    this.#tellReleased(lease.number);
    this.#handOn();
  }

  /** Hands on what is new, except for a partition of which an older lease has not been given back. */
  #handOn(): void {
    const busy = new Set([...this.#held.values()].map(({ partition }) => partition));
    const fresh: RemoteLease[] = [];
    for (const state of this.#told) {
      if (this.#held.has(state.lease) || this.#released.has(state.lease) || busy.has(state.partition)) continue;
      const lease = new RemoteLease(this.#client, this, state);
      this.#held.set(state.lease, lease);
      busy.add(state.partition);
      fresh.push(lease);
      if (state.revoked) lease.revoke();
    }
    if (fresh.length === 0 && this.#hasEmitted) return;
    this.#hasEmitted = true;
    this.#subscriber.next(fresh);
  }

  #tellReleased(number: number): void {
    this.#client.tell(messageTypes.release, this.stream, encodeNumbers(number));
  }
}

class RemoteLease implements Lease {
  readonly number: number;
  readonly partition: number;
  readonly epoch: number;
  readonly position: number | undefined;
  readonly revoked = new ReplaySubject<void>(1); // It may be revoked before its owner listens.
  /** Only where the service's backend has it. */
  readonly transact?: (position: number, appends: readonly TransactionAppend[]) => Observable<readonly Appended[]>;
  readonly #client: ServiceClient;
  readonly #member: Member;
  #isRevoked = false;

  constructor(client: ServiceClient, member: Member, { lease, partition, epoch, position }: LeaseState) {
    this.#client = client;
    this.#member = member;
    this.number = lease;
    this.partition = partition;
    this.epoch = epoch;
    this.position = position;
    if (client.capabilities.exactlyOnce === true) {
      this.transact = (moved, appends) => transactCall(client, member.topic, lease, moved, appends);
    }
  }

  acknowledge(position: number): Observable<void> {
    return new Observable((subscriber) => {
      this.#client.start({
        type: messageTypes.acknowledge,
        body: () => encodeNumbers(this.number, position),
        take: (type) => {
          if (type !== messageTypes.end) throw malformed("an answer of another kind");
          subscriber.next();
          subscriber.complete();
          return true;
        },
        fail: (error) => subscriber.error(error),
      });
    });
  }

  release(): void {
    this.#member.release(this);
  }

  revoke(): void {
    if (this.#isRevoked) return;
    this.#isRevoked = true;
    this.revoked.next();
  }
}
