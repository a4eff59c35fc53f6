import { finalize, type Observable, type Subscriber } from "rxjs";
import { Group, SluiceError, type CursorStore, type JoinOptions, type Lease } from "sluice";
import type { HeldLeases } from "./heldLeases.ts";

/** Where what is acknowledged in a partition is stored. */
export interface CursorPlace {
  readonly leases: HeldLeases;
  /** Its number there. */
  readonly partition: number;
}

/**
 * The consumers of one name, who share the partitions of all ranks. What they acknowledge is stored by the rank that has the
 * partition. It stays for as long as the topic does: an acknowledgement may come when everybody has left.
 */
export class RankedGroup {
  readonly #group: Group;
  readonly #placeOf: (partition: number) => CursorPlace;
  readonly #positions: (number | undefined)[];
  readonly #epochs: number[] = [];
  readonly #used = new Set<HeldLeases>();
  #unstored = 0;
  /** What is being stored of each partition. */
  readonly #storing = new Map<number, { readonly position: number; readonly stored: Promise<void> }>();
  /** The partition that is being acknowledged in. */
  #asked = 0;

  /** @param positions - What has been acknowledged before. */
  constructor(
    consumer: string,
    positions: readonly (number | undefined)[],
    partitions: () => number,
    placeOf: (partition: number) => CursorPlace,
  ) {
    this.#positions = [...positions];
    this.#placeOf = placeOf;
    const answer = (subscriber: Subscriber<void>) => this.#answer(subscriber);
    this.#group = new Group({ consumer, partitions, cursors: this.#cursors(), answer });
  }

  join(options: JoinOptions): Observable<readonly Lease[]> {
    return this.#group.join(options).pipe(finalize(() => queueMicrotask(() => this.#rest())));
  }

  rebalance(): void {
    this.#group.rebalance();
  }

  fail(error: unknown): void {
    this.#group.fail(error);
  }

  #cursors(): CursorStore {
    // Epochs begin where an earlier rank 0 has hardly come to.
    const epoch = (partition: number) => (this.#epochs[partition] ??= Date.now());
    return {
      position: (partition) => {
        this.#asked = partition;
        return this.#storing.get(partition)?.position ?? this.#positions[partition];
      },
      move: (partition, position) => {
        const stored = this.#store(partition, position);
        stored.catch(() => undefined); // Whoever asked is told by the answer.
        this.#storing.set(partition, { position, stored });
      },
      epoch,
      renew: (partition) => (this.#epochs[partition] = epoch(partition) + 1),
    };
  }

  /** Answers the acknowledgement that was just made, once it is stored, also where an earlier one is being stored that says as much. */
  #answer(subscriber: Subscriber<void>): void {
    const stored = this.#storing.get(this.#asked)?.stored ?? Promise.resolve();
    stored.then(
      () => {
        subscriber.next();
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  }

  async #store(number: number, position: number): Promise<void> {
    const { leases, partition } = this.#placeOf(number);
    this.#used.add(leases);
    this.#unstored++;
    try {
      await leases.acknowledge(partition, position);
      this.#positions[number] = Math.max(position, this.#positions[number] ?? 0);
    } finally {
      if (this.#storing.get(number)?.position === position) this.#storing.delete(number);
      this.#unstored--;
      this.#rest();
    }
  }

  /** Holds no leases at the ranks that nobody needs. */
  #rest(): void {
    if (!this.#group.isEmpty || this.#unstored > 0) return;
    const nobody = new SluiceError("ERR_FENCED", "Nobody is left in the group");
    for (const leases of this.#used) leases.leave(nobody);
    this.#used.clear();
  }
}
