import { Observable, ReplaySubject } from "rxjs";
import type { Lease, TransactionAppend } from "../../../src/model/backend.ts";
import type { Appended } from "../../../src/model/batch.ts";
import { SluiceError } from "../../../src/model/errors.ts";

/** What a lease needs of its member. */
export interface LeaseHost {
  readonly acknowledge: (lease: KafkaLease, position: number) => Promise<void>;
  readonly transact: (
    lease: KafkaLease,
    position: number,
    appends: readonly TransactionAppend[],
  ) => Promise<readonly Appended[]>;
  readonly released: (lease: KafkaLease) => void;
  /** Revokes what others may own by now. */
  readonly confirm: () => void;
}

/** The right to one partition, for as long as the group's generations give it to this member. */
export class KafkaLease implements Lease {
  readonly partition: number;
  readonly epoch: number;
  readonly position: number | undefined;
  readonly #revocation = new ReplaySubject<void>(1); // It may be asked for before its owner listens.
  readonly #host: LeaseHost;
  #isGivenUp = false;
  #whenGivenUp: (() => void) | undefined;
  /** `held` by its owner, `released` by it while nobody else has it, or `lost` to somebody else. */
  state: "held" | "released" | "lost" = "held";

  constructor(partition: number, epoch: number, position: number | undefined, host: LeaseHost) {
    this.partition = partition;
    this.epoch = epoch;
    this.position = position;
    this.#host = host;
  }

  get revoked(): Observable<void> {
    return this.#revocation;
  }

  /** Asks for the partition back. */
  revoke(): void {
    this.#revocation.next();
  }

  /** Who wakes up after a long sleep finds events in its memory that are somebody else's. */
  confirm(): void {
    this.#host.confirm();
  }

  acknowledge(position: number): Observable<void> {
    return answered(() => this.#host.acknowledge(this, position));
  }

  transact(position: number, appends: readonly TransactionAppend[]): Observable<readonly Appended[]> {
    return answered(() => this.#host.transact(this, position, appends));
  }

  release(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    if (this.state === "held") this.state = "released";
    this.#host.released(this);
    this.#whenGivenUp?.();
  }

  /** Calls back when the owner has finished with it, at once when it has. */
  whenGivenUp(callback: () => void): void {
    if (this.#isGivenUp) callback();
    else this.#whenGivenUp = callback;
  }
}

/** Work that begins when it is subscribed to, and goes on whoever leaves. */
function answered<T>(work: () => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    work().then(
      (answer) => {
        subscriber.next(answer);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  });
}

/** Somebody else may have the partition. */
export function fenced(
  consumer: string,
  { partition, epoch }: Pick<Lease, "partition" | "epoch">,
  cause?: unknown,
): SluiceError {
  return new SluiceError(
    "ERR_FENCED",
    `Consumer "${consumer}" no longer owns partition ${partition}: its lease ${epoch} has ended`,
    { cause, details: { consumer, partition, epoch } },
  );
}
