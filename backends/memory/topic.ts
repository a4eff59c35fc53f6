import { asapScheduler, defer, Observable, of, type Subscriber } from "rxjs";
import type { BackendTopic, JoinOptions, Lease, TopicConfig, TransactionAppend } from "../../src/model/backend.ts";
import type { Appended } from "../../src/model/batch.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { storedElsewhere, type CursorStore, type Transaction } from "../../src/model/group.ts";
import { retentionRule } from "../../src/model/retentionRule.ts";
import { TopicGroups } from "../../src/model/topicGroups.ts";
import { MemoryPartition } from "./partition.ts";

/** What one consumer has acknowledged in one partition, and how many owners the partition has had. */
interface Cursor {
  position: number | undefined;
  epoch: number;
}

/** One topic in memory. */
export class MemoryTopic implements BackendTopic {
  readonly name: string;
  readonly partitions: MemoryPartition[] = [];
  readonly #cursors = new Map<string, Cursor[]>();
  readonly #groups = new TopicGroups({
    partitions: () => this.partitions.length,
    cursors: (consumer) => this.#cursorStore(consumer),
    answer: (subscriber) => void asapScheduler.schedule(() => answer(subscriber, undefined)),
    transact: (transaction) => this.#transact(transaction),
  });
  readonly #now: () => number;
  /** What it has in common with the topics that can be part of the same transaction. */
  readonly #store: object;
  #config: TopicConfig;
  #sealed = false;
  #gone: SluiceError | undefined;

  constructor(name: string, config: TopicConfig, store: object, now: () => number) {
    this.name = name;
    this.#store = store;
    this.#config = config;
    this.#now = now;
    this.#grow(config.partitions);
  }

  get config(): TopicConfig {
    return this.#config;
  }

  addPartitions(count: number): Observable<void> {
    return defer(() => {
      this.#assertThere();
      this.#grow(this.partitions.length + count);
      this.#config = { ...this.#config, partitions: this.partitions.length };
      this.#groups.rebalance();
      return of(undefined);
    });
  }

  seal(): Observable<void> {
    return defer(() => {
      this.#assertThere();
      this.#sealed = true;
      for (const partition of this.partitions) partition.seal();
      return of(undefined);
    });
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return defer(() => {
      this.#assertThere();
      return this.#groups.join(consumer, options);
    });
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return defer(() => {
      this.#assertThere();
      const stored = this.#cursors.get(consumer);
      return of(this.partitions.map(({ index }) => stored?.[index]?.position));
    });
  }

  /** Ends everybody who reads, writes or waits, since the topic is no more. */
  remove(error: SluiceError): void {
    this.#gone = error;
    for (const partition of this.partitions) partition.remove(error);
    this.#groups.fail(error);
  }

  /** Drops what the topic's retention allows. Called when something was stored or acknowledged. */
  retain(partition: MemoryPartition): void {
    const { retention } = this.#config;
    if (retention === undefined) return;
    const positionOf = (consumer: string) => this.#cursors.get(consumer)?.[partition.index]?.position;
    partition.retain(retentionRule(retention, this.#now(), positionOf));
  }

  /** What would keep any of it from being stored is found before any of it is. */
  #transact({ consumer, partition, position, appends }: Transaction): Observable<readonly Appended[]> {
    return new Observable((subscriber) => {
      this.#assertThere();
      const targets = appends.map((append) => this.#targetOf(append));
      for (const [i, target] of targets.entries()) target.check(appends[i]!.batch);
      const appended = targets.map((target, i) => target.store(appends[i]!.batch));
      this.#cursorStore(consumer).move(partition, position);
      return asapScheduler.schedule(() => answer(subscriber, appended));
    });
  }

  #targetOf({ topic, partition }: TransactionAppend): MemoryPartition {
    if (!(#store in topic) || topic.#store !== this.#store) throw storedElsewhere(topic.name, this.name);
    return topic.partitions[partition]!;
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  #grow(count: number): void {
    while (this.partitions.length < count) {
      const partition = new MemoryPartition({
        index: this.partitions.length,
        compaction: this.#config.compaction,
        now: this.#now,
        stored: (stored) => this.retain(stored),
      });
      if (this.#sealed) partition.seal();
      this.partitions.push(partition);
    }
  }

  #cursorStore(consumer: string): CursorStore {
    const stored = this.#cursors.get(consumer) ?? [];
    this.#cursors.set(consumer, stored);
    const cursor = (partition: number): Cursor => (stored[partition] ??= { position: undefined, epoch: 0 });
    return {
      position: (partition) => cursor(partition).position,
      move: (partition, position) => {
        this.#assertThere();
        cursor(partition).position = position;
        this.retain(this.partitions[partition]!);
      },
      epoch: (partition) => cursor(partition).epoch,
      renew: (partition) => ++cursor(partition).epoch,
    };
  }
}

function answer<T>(subscriber: Subscriber<T>, value: T): void {
  subscriber.next(value);
  subscriber.complete();
}
