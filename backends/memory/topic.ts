import { asapScheduler, defer, Observable, of, type Subscriber } from "rxjs";
import type { BackendTopic, JoinOptions, Lease, TopicConfig } from "../../src/model/backend.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { Group, type CursorStore } from "../../src/model/group.ts";
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
  readonly #groups = new Map<string, Group>();
  readonly #now: () => number;
  #config: TopicConfig;
  #sealed = false;
  #gone: SluiceError | undefined;

  constructor(name: string, config: TopicConfig, now: () => number) {
    this.name = name;
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
      for (const group of this.#groups.values()) group.rebalance();
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
    return new Observable((subscriber) => {
      this.#assertThere();
      const group = this.#groups.get(consumer) ?? this.#newGroup(consumer);
      subscriber.add(group.join(options).subscribe(subscriber));
      subscriber.add(() => {
        if (group.isEmpty) this.#groups.delete(consumer);
      });
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
    for (const group of [...this.#groups.values()]) group.fail(error);
  }

  /** Drops what the topic's retention allows. Called when something was stored or acknowledged. */
  retain(partition: MemoryPartition): void {
    const { maxBytes = Infinity, maxAge = Infinity, acknowledgedBy } = this.#config.retention ?? {};
    if (this.#config.retention === undefined) return;
    const oldest = this.#now() - maxAge;
    const acknowledged = acknowledgedBy && this.#acknowledgedByAll(acknowledgedBy, partition.index);
    partition.retain(
      ({ next, newest }, bytes) =>
        bytes > maxBytes || newest < oldest || (acknowledged !== undefined && next <= acknowledged),
    );
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  #acknowledgedByAll(consumers: readonly string[], partition: number): number {
    return Math.min(...consumers.map((consumer) => this.#cursors.get(consumer)?.[partition]?.position ?? 0));
  }

  #grow(count: number): void {
    while (this.partitions.length < count) {
      const partition = new MemoryPartition(this.partitions.length, (stored) => this.retain(stored));
      if (this.#sealed) partition.seal();
      this.partitions.push(partition);
    }
  }

  #newGroup(consumer: string): Group {
    const group = new Group({
      consumer,
      partitions: () => this.partitions.length,
      cursors: this.#cursorStore(consumer),
      answer: (subscriber) => void asapScheduler.schedule(() => complete(subscriber)),
    });
    this.#groups.set(consumer, group);
    return group;
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

function complete(subscriber: Subscriber<void>): void {
  subscriber.next();
  subscriber.complete();
}
