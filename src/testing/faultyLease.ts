import { defer, merge, ReplaySubject, Subscription, tap, throwError, timer, type Observable } from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import type { Lease } from "../model/backend.ts";
import { SluiceError } from "../model/errors.ts";
import type { JoinCall } from "./calls.ts";
import type { FaultPlan } from "./faultPlan.ts";
import type { Journal } from "./journal.ts";
import type { LeaseControl } from "./leaseControl.ts";

/** A lease that can be fenced and revoked at will. @internal */
export class FaultyLease implements Lease, LeaseControl {
  readonly topic: string;
  readonly consumer: string;
  readonly partition: number;
  readonly epoch: number;
  readonly position: number | undefined;
  readonly revoked: Observable<unknown>;
  readonly #lease: Lease;
  readonly #plan: FaultPlan;
  readonly #journal: Journal;
  readonly #revocation = new ReplaySubject<void>(1);
  readonly #return = new Subscription();
  #away = 0;
  #isFenced = false;
  #isReleased = false;

  constructor(lease: Lease, { topic, consumer }: JoinCall, plan: FaultPlan, journal: Journal) {
    this.topic = topic;
    this.consumer = consumer;
    this.partition = lease.partition;
    this.epoch = lease.epoch;
    this.position = lease.position;
    this.revoked = merge(innerFrom(lease.revoked), this.#revocation);
    this.#lease = lease;
    this.#plan = plan;
    this.#journal = journal;
    plan.leases.add(this);
  }

  acknowledge(position: number): Observable<void> {
    const { topic, consumer, partition } = this;
    // Told of the answer, and not only of the end: whoever has the answer may unsubscribe.
    const note = once(() => this.#journal.acknowledged.next({ consumer, partition, position }));
    const store = () => innerFrom(this.#lease.acknowledge(position)).pipe(tap({ next: note, complete: note }));
    const work = () => (this.#isFenced ? throwError(() => this.#fencedError()) : store());
    return this.#plan.acknowledge.run({ topic, partition, consumer, position }, () => defer(work));
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#plan.leases.delete(this);
    if (this.#away === 0) this.#lease.release();
    else if (this.#away !== Infinity) this.#return.add(timer(this.#away).subscribe(() => this.#lease.release()));
  }

  fence(): void {
    this.#isFenced = true;
  }

  revoke(away: number): void {
    this.#away = away;
    this.#revocation.next();
  }

  /** The member has left, and the backend has taken everything back from it. */
  end(): void {
    this.#isReleased = true;
    this.#plan.leases.delete(this);
    this.#return.unsubscribe();
  }

  #fencedError(): SluiceError {
    const { topic, consumer, partition, epoch } = this;
    return new SluiceError("ERR_FENCED", `Consumer "${consumer}" was fenced off partition ${partition} by a fault`, {
      details: { topic, consumer, partition, epoch },
    });
  }
}

function once(callback: () => void): () => void {
  let called = false;
  return () => {
    if (!called) callback();
    called = true;
  };
}
