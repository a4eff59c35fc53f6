import { Observable } from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import type { BackendPartition, BackendTopic, JoinOptions, Lease, TopicConfig, TopicRanks } from "../model/backend.ts";
import type { JoinCall } from "./calls.ts";
import type { FaultPlan } from "./faultPlan.ts";
import { FaultyLease } from "./faultyLease.ts";
import { FaultyPartition } from "./faultyPartition.ts";
import type { Journal } from "./journal.ts";

/** A topic whose calls meet the faults of a plan, and whose acknowledgements are noted. @internal */
export class FaultyTopic implements BackendTopic {
  /** The topic without faults. */
  readonly original: BackendTopic;
  readonly journal: Journal;
  readonly #plan: FaultPlan;
  readonly #partitions: FaultyPartition[] = [];

  constructor(original: BackendTopic, plan: FaultPlan, journal: Journal) {
    this.original = original;
    this.journal = journal;
    this.#plan = plan;
  }

  get name(): string {
    return this.original.name;
  }

  get config(): TopicConfig {
    return this.original.config;
  }

  get partitions(): readonly BackendPartition[] {
    // Partitions are only ever added, behind those that there are.
    for (const partition of this.original.partitions.slice(this.#partitions.length)) {
      this.#partitions.push(new FaultyPartition(this.name, partition, this.#plan));
    }
    return this.#partitions;
  }

  get ranks(): TopicRanks | undefined {
    return this.original.ranks;
  }

  addPartitions(count: number, rank?: number): Observable<void> {
    return this.#plan.addPartitions.run({ topic: this.name, count }, () => this.original.addPartitions(count, rank));
  }

  seal(): Observable<void> {
    return this.#plan.seal.run({ topic: this.name }, () => this.original.seal());
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    const call: JoinCall = { topic: this.name, consumer, options };
    return this.#plan.join.run(call, () => this.#join(call));
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return this.#plan.cursors.run({ topic: this.name, consumer }, () => this.original.cursors(consumer));
  }

  #join(call: JoinCall): Observable<readonly Lease[]> {
    return new Observable((subscriber) => {
      const owned: FaultyLease[] = [];
      // Added first, so that no lease is given back twice: by a timer of its own and by leaving.
      subscriber.add(() => {
        for (const lease of owned) lease.end();
      });
      return innerFrom(this.original.join(call.consumer, call.options)).subscribe({
        next: (leases) => {
          const faulty = leases.map((lease) => new FaultyLease(lease, call, this.#plan, this.journal, originalOf));
          owned.push(...faulty);
          subscriber.next(faulty);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
  }
}

/** The topic below all faults. @internal */
export function originalOf(topic: BackendTopic): BackendTopic {
  return topic instanceof FaultyTopic ? originalOf(topic.original) : topic;
}

/** The journal next to the backend itself, below all faults; undefined where there is none. @internal */
export function journalOf(topic: BackendTopic): Journal | undefined {
  return topic instanceof FaultyTopic ? (journalOf(topic.original) ?? topic.journal) : undefined;
}
