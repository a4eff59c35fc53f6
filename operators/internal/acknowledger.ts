import { defer, take } from "rxjs";
import type { Lease, TransactionAppend } from "../../src/model/backend.ts";
import type { Appended } from "../../src/model/batch.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { Future, Promised } from "../../src/model/future.ts";

/**
 * Stores the acknowledgements of one partition. One call of the backend is in flight at a time, and what is acknowledged
 * meanwhile goes together with the next: an acknowledgement never costs a call of its own.
 *
 * @internal
 */
export class Acknowledger {
  /** The id of the last event that was delivered; -1 before the first. */
  delivered = -1;
  /** Everything before this position has been acknowledged. */
  position: number;
  /** As far as it is known to be stored. */
  #stored: number;
  readonly #lease: Lease;
  readonly #failed: (error: unknown) => void;
  readonly #idle: (() => void)[] = [];
  #closed = false;
  #storing = false;
  /** The last transaction that failed. */
  #transactionFailure: { readonly error: unknown } | undefined;
  #next: Promised<void> | undefined;

  /** @param failed - Told of each acknowledgement that could not be stored. */
  constructor(lease: Lease, failed: (error: unknown) => void) {
    this.#lease = lease;
    this.#failed = failed;
    this.position = lease.position ?? 0;
    this.#stored = this.position;
  }

  /** Acknowledges everything up to and including one event. */
  acknowledge(id: number): Future<void> {
    const problem = this.#problemWith(id);
    if (problem !== undefined) {
      this.#failed(problem);
      return Future.rejected(problem);
    }
    this.position = id + 1;
    const promised = (this.#next ??= new Promised<void>());
    if (!this.#storing) this.#store();
    return promised;
  }

  /**
   * Acknowledges everything up to and including one event in the same step as batches are stored. It is under way from the
   * call on, whether or not somebody waits for its answer.
   */
  transact(id: number, appends: readonly TransactionAppend[]): Future<readonly Appended[]> {
    const problem = this.#problemWith(id) ?? this.#cannotTransact();
    if (problem !== undefined) return Future.rejected(problem);
    const promised = new Promised<readonly Appended[]>();
    this.position = id + 1;
    this.#commitAfter(this.#transactionFailure, () => this.#commit(id + 1, appends, promised), promised);
    return promised;
  }

  /** Whether everything that was delivered has been acknowledged. */
  get isDone(): boolean {
    return this.position > this.delivered;
  }

  /** Calls back once nothing is being stored, at once when that is so. */
  whenIdle(callback: () => void): void {
    if (this.#storing) this.#idle.push(callback);
    else callback();
  }

  /** Refuses acknowledgements from now on. */
  close(): void {
    this.#closed = true;
  }

  #problemWith(id: number): SluiceError | undefined {
    const { partition } = this.#lease;
    const details = { details: { partition, id } };
    if (this.#closed)
      return new SluiceError(
        "ERR_CLOSED",
        `Event ${id} of partition ${partition} cannot be acknowledged: the consumer is closed`,
        details,
      );
    if (id > this.delivered) {
      return new SluiceError(
        "ERR_NOT_DELIVERED",
        `Event ${id} of partition ${partition} cannot be acknowledged: it has not been delivered`,
        details,
      );
    }
    if (id < this.position) {
      return new SluiceError(
        "ERR_ALREADY_ACKNOWLEDGED",
        `Event ${id} of partition ${partition} cannot be acknowledged: event ${this.position - 1} has been already`,
        details,
      );
    }
    return undefined;
  }

  #cannotTransact(): SluiceError | undefined {
    if (this.#lease.transact !== undefined) return undefined;
    return new SluiceError("ERR_UNSUPPORTED", "The backend cannot store events and acknowledge others in one step");
  }

  /** Commits once nothing is being stored, unless another transaction has failed since: it would be acknowledged with this one. */
  #commitAfter(
    failure: { readonly error: unknown } | undefined,
    commit: () => void,
    promised: Promised<readonly Appended[]>,
  ): void {
    if (this.#storing) this.#idle.push(() => this.#commitAfter(failure, commit, promised));
    else if (this.#transactionFailure === failure) commit();
    else promised.reject(this.#transactionFailure!.error);
  }

  #commit(position: number, appends: readonly TransactionAppend[], promised: Promised<readonly Appended[]>): void {
    this.#storing = true;
    let appended: readonly Appended[] | undefined;
    defer(() => this.#lease.transact!(position, appends))
      .pipe(take(1))
      .subscribe({
        next: (answer) => (appended = answer),
        error: (error: unknown) => {
          this.position = this.#stored;
          this.#transactionFailure = { error };
          promised.reject(error);
          this.#goOn();
        },
        complete: () => {
          this.#stored = position;
          promised.resolve(appended ?? []);
          this.#goOn();
        },
      });
  }

  #store(): void {
    const promised = this.#next!;
    const position = this.position;
    this.#next = undefined;
    this.#storing = true;
    defer(() => this.#lease.acknowledge(position)).subscribe({
      error: (error: unknown) => {
        // With nothing newer on its way the same event may be acknowledged again.
        if (this.#next === undefined) this.position = this.#stored;
        promised.reject(error);
        this.#failed(error);
        this.#goOn();
      },
      complete: () => {
        this.#stored = position;
        promised.resolve();
        this.#goOn();
      },
    });
  }

  #goOn(): void {
    this.#storing = false;
    if (this.#next !== undefined) return this.#store();
    for (const callback of this.#idle.splice(0)) callback();
  }
}
