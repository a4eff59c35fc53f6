import { filter, firstValueFrom, from, lastValueFrom, map, startWith, Subject, take, type Subscription } from "rxjs";
import { isSluiceError, SluiceError, type Lease } from "sluice";
import type { TopicPart } from "./topicPart.ts";

/**
 * The leases of one consumer over the part of a topic that one rank has. Rank 0 shares the partitions of all ranks among the
 * members of a group, so it is the only member at each rank, and stores there what is acknowledged.
 */
export class HeldLeases {
  readonly #part: TopicPart;
  readonly #consumer: string;
  readonly #leases = new Map<number, Lease>();
  #changed = new Subject<void>();
  #joined: Subscription | undefined;

  constructor(part: TopicPart, consumer: string) {
    this.#part = part;
    this.#consumer = consumer;
  }

  /** Stores that everything before a position has been acknowledged. */
  async acknowledge(partition: number, position: number): Promise<void> {
    for (;;) {
      const lease = await this.#leaseOf(partition);
      try {
        return await lastValueFrom(from(lease.acknowledge(position)), { defaultValue: undefined });
      } catch (error) {
        // The rank was started anew and has forgotten the lease; nobody else takes one, so another is on its way.
        if (!isSluiceError(error, "ERR_FENCED")) throw error;
        this.#drop(lease);
      }
    }
  }

  /** Gives everything back, and fails what waits for a lease. The next acknowledgement joins anew. */
  leave(error: unknown): void {
    this.#joined?.unsubscribe();
    this.#joined = undefined;
    this.#leases.clear();
    const waiting = this.#changed;
    this.#changed = new Subject();
    waiting.error(error);
  }

  #leaseOf(partition: number): Promise<Lease> {
    const lease = this.#changed.pipe(
      startWith(undefined),
      map(() => this.#leases.get(partition)),
      filter((each) => each !== undefined),
    );
    const found = firstValueFrom(lease);
    this.#join();
    return found;
  }

  #join(): void {
    if (this.#joined !== undefined) return;
    const joining = this.#part.use((topic) => topic.join(this.#consumer, { partitions: undefined }));
    this.#joined = joining.subscribe({
      next: (leases) => {
        for (const lease of leases) this.#take(lease);
        this.#changed.next();
      },
      error: (error: unknown) => this.leave(error),
      complete: () => this.leave(new SluiceError("ERR_CLOSED", "The group of a topic has ended")),
    });
    if (this.#joined.closed) this.#joined = undefined; // It has ended while it was being joined.
  }

  #take(lease: Lease): void {
    this.#leases.set(lease.partition, lease);
    from(lease.revoked)
      .pipe(take(1))
      .subscribe(() => this.#drop(lease));
  }

  #drop(lease: Lease): void {
    if (this.#leases.get(lease.partition) === lease) this.#leases.delete(lease.partition);
    lease.release();
  }
}
