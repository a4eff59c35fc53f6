import { Observable, type Subscriber } from "rxjs";
import type { JoinOptions, Lease } from "./backend.ts";
import { Group, type CursorStore, type GroupOptions } from "./group.ts";

/** What the groups of a topic have to be told. */
export interface TopicGroupsOptions {
  /** How many partitions the topic has now. */
  readonly partitions: () => number;
  /** Where the positions of a consumer are kept. Asked once for each group that begins. */
  readonly cursors: (consumer: string) => CursorStore;
  /** Runs an acknowledgement's answer later than the call, as for a `Group`. */
  readonly answer: (subscriber: Subscriber<void>) => void;
  /** Stores a transaction, as for a `Group`. */
  readonly transact?: GroupOptions["transact"];
}

/**
 * The groups of consumers of one topic, by name. A group begins with its first member and ends with its last. For
 * backends that have no groups of their own.
 *
 * @example
 * ```ts
 * import { TopicGroups } from "sluice";
 *
 * const groups = new TopicGroups({
 *   partitions: () => 3,
 *   cursors: () => ({ position: () => undefined, move: () => {}, epoch: () => 1, renew: () => 1 }),
 *   answer: (subscriber) => subscriber.complete(),
 * });
 * groups.join("app2", { partitions: [0, 2] }).subscribe((leases) => console.log(leases.length)); // 2
 * ```
 */
export class TopicGroups {
  readonly #options: TopicGroupsOptions;
  readonly #groups = new Map<string, Group>();

  constructor(options: TopicGroupsOptions) {
    this.#options = options;
  }

  /** Joins the consumers of one name, as `BackendTopic.join` asks for it. */
  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return new Observable((subscriber) => {
      const group = this.#groups.get(consumer) ?? this.#begin(consumer);
      subscriber.add(group.join(options).subscribe(subscriber));
      subscriber.add(() => {
        if (group.isEmpty) this.#groups.delete(consumer);
      });
    });
  }

  /** Gives partitions that were added to members. */
  rebalance(): void {
    for (const group of this.#groups.values()) group.rebalance();
  }

  /** Ends the membership of everybody with an error. */
  fail(error: unknown): void {
    for (const group of [...this.#groups.values()]) group.fail(error);
  }

  #begin(consumer: string): Group {
    const { partitions, cursors, answer, transact } = this.#options;
    const group = new Group({ consumer, partitions, cursors: cursors(consumer), answer, transact });
    this.#groups.set(consumer, group);
    return group;
  }
}
