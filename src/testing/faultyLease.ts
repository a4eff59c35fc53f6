import {
  defer,
  merge,
  ReplaySubject,
  Subscription,
  tap,
  throwError,
  timer,
  type Observable,
  type ObservableInput,
} from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import type { BackendTopic, Lease, TransactionAppend } from "../model/backend.ts";
import type { Appended } from "../model/batch.ts";
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
  /** Only where the lease that has the faults can do it. */
  readonly transact?: (position: number, appends: readonly TransactionAppend[]) => Observable<readonly Appended[]>;
  /** As {@link transact}. */
  readonly confirm?: () => void;
  readonly #lease: Lease;
  readonly #plan: FaultPlan;
  readonly #journal: Journal;
  readonly #originalOf: (topic: BackendTopic) => BackendTopic;
  readonly #revocation = new ReplaySubject<void>(1);
  readonly #return = new Subscription();
  #away = 0;
  #isFenced = false;
  #isReleased = false;

  constructor(
    lease: Lease,
    { topic, consumer }: JoinCall,
    plan: FaultPlan,
    journal: Journal,
    originalOf: (topic: BackendTopic) => BackendTopic,
  ) {
    this.topic = topic;
    this.consumer = consumer;
    this.partition = lease.partition;
    this.epoch = lease.epoch;
    this.position = lease.position;
    this.revoked = merge(innerFrom(lease.revoked), this.#revocation);
    this.#lease = lease;
    this.#plan = plan;
    this.#journal = journal;
    this.#originalOf = originalOf;
    plan.leases.add(this);
    if (lease.confirm !== undefined) this.confirm = () => lease.confirm!();
    if (lease.transact !== undefined) this.transact = (moved, appends) => this.#transact(moved, appends);
  }

  acknowledge(position: number): Observable<void> {
    const { topic, consumer, partition } = this;
    const work = () => this.#moving(position, this.#lease.acknowledge(position));
    return this.#plan.acknowledge.run({ topic, partition, consumer, position }, () => defer(work));
  }

  #transact(position: number, appends: readonly TransactionAppend[]): Observable<readonly Appended[]> {
    const { topic, consumer, partition } = this;
    const real = appends.map((append) => ({ ...append, topic: this.#originalOf(append.topic) }));
    const work = () => this.#moving(position, this.#lease.transact!(position, real));
    return this.#plan.transact.run({ topic, partition, consumer, position, appends }, () => defer(work));
  }

  /** What moves the position, unless this lease is fenced, and what is noted when it has. */
  #moving<T>(position: number, moved: ObservableInput<T>): Observable<T> {
    if (this.#isFenced) return throwError(() => this.#fencedError());
    const { consumer, partition } = this;
    // Told of the answer, and not only of the end: whoever has the answer may unsubscribe.
    const note = once(() => this.#journal.acknowledged.next({ consumer, partition, position }));
    return innerFrom(moved).pipe(tap({ next: note, complete: note }));
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
