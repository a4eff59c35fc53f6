import { asapScheduler, defer, of, type Observable, type Subscriber } from "rxjs";
import type { BackendTopic, JoinOptions, Lease, TopicConfig } from "../../src/model/backend.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import type { Appended } from "../../src/model/batch.ts";
import type { CursorStore, Transaction } from "../../src/model/group.ts";
import { retentionRule } from "../../src/model/retentionRule.ts";
import { settleAll } from "../../src/model/settleAll.ts";
import { TopicGroups } from "../../src/model/topicGroups.ts";
import { CursorLog, type Entry } from "./cursorLog.ts";
import { LogPartition } from "./partition.ts";
import type { WriterOptions } from "./write/partitionWriter.ts";
import type { RecoveryReport } from "./recovery/recoveryReport.ts";
import { writeTopic, type StoredTopic } from "./topicFile.ts";

/** What a topic is told by the store. */
export interface LogTopicOptions extends WriterOptions {
  readonly recovered: (report: RecoveryReport) => void;
  /** Undefined where there are none: for the journal of transactions itself. */
  readonly transactions: TopicTransactions | undefined;
}

/** What stores transactions over several topics. Those of one store have it in common. */
export interface TopicTransactions {
  /** Stores a transaction of a topic, as `Lease.transact` says. */
  commit(source: LogTopic, transaction: Transaction): Observable<readonly Appended[]>;
  /** Resolves when what is under way now has come to its end. */
  settled(): Promise<void>;
  /** Why nothing is committed any more. */
  readonly failure: SluiceError | undefined;
}

/** One topic on the disk. */
export class LogTopic implements BackendTopic {
  readonly name: string;
  readonly partitions: LogPartition[] = [];
  readonly #options: LogTopicOptions;
  readonly #cursors: CursorLog;
  readonly #groups = new TopicGroups({
    partitions: () => this.partitions.length,
    cursors: (consumer) => this.#cursorStore(consumer),
    answer: (subscriber) => this.#answer(subscriber),
    transact: (transaction) => this.transactions!.commit(this, transaction),
  });
  /** How many owners each partition has had, by consumer. They end with the process, so nothing of it is stored. */
  readonly #epochs = new Map<string, number[]>();
  readonly #retaining = new Set<LogPartition>();
  #config: TopicConfig;
  #sealed: boolean;
  #gone: SluiceError | undefined;
  /** Changes of the topic itself, one after the other. */
  #changing: Promise<void> = Promise.resolve();

  private constructor(stored: StoredTopic, options: LogTopicOptions, cursors: CursorLog) {
    this.name = stored.name;
    this.#config = stored.config;
    this.#sealed = stored.sealed;
    this.#options = options;
    this.#cursors = cursors;
  }

  /** Opens a topic with its partitions. */
  static async open(stored: StoredTopic, options: LogTopicOptions): Promise<LogTopic> {
    const advanced = (partition: number) => topic.#retain(topic.partitions[partition]!);
    const cursors = await CursorLog.open(options.storage, options.directory, options.durability, advanced);
    const topic = new LogTopic(stored, options, cursors);
    try {
      await topic.#grow(stored.config.partitions);
    } catch (error) {
      await cursors.close();
      throw error;
    }
    return topic;
  }

  get config(): TopicConfig {
    return this.#config;
  }

  /** The name of its directory, which no other topic has had. */
  get directory(): string {
    return this.#options.directory.slice(this.#options.directory.lastIndexOf("/") + 1);
  }

  /** What its transactions go through. */
  get transactions(): TopicTransactions | undefined {
    return this.#options.transactions;
  }

  /** Throws when it was closed or deleted. */
  assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  /**
   * Takes a position for a transaction, so that nobody is given an earlier one.
   *
   * @returns What ends the claim where nothing came of it: the position stays where it was, and whoever was given the claimed one
   * meanwhile is fenced.
   */
  claim(entry: Entry): () => void {
    const [consumer, partition] = entry;
    const { epoch, renew } = this.#cursorStore(consumer);
    const claimedIn = epoch(partition);
    this.#cursors.claim(entry);
    return () => {
      this.#cursors.unclaim(entry);
      if (epoch(partition) !== claimedIn) renew(partition);
    };
  }

  /** Moves a position that a transaction has committed, at once. Resolves when it is stored. */
  moveTo(entry: Entry): Promise<void> {
    this.#cursors.move(entry);
    this.#cursors.unclaim(entry);
    return new Promise<void>((stored, failed) => this.#cursors.whenStored({ stored, failed }));
  }

  addPartitions(count: number): Observable<void> {
    return this.#change(async () => {
      const partitions = this.#config.partitions + count;
      const config = { ...this.#config, partitions };
      await this.#save(config, this.#sealed);
      await this.#grow(partitions);
      this.#config = config;
      this.#groups.rebalance();
    });
  }

  seal(): Observable<void> {
    return this.#change(async () => {
      await Promise.all(this.partitions.map((partition) => partition.refuse()));
      await this.transactions?.settled(); // What was committed before comes to its end.
      try {
        await this.#save(this.#config, true);
      } catch (error) {
        if (!this.#sealed) for (const partition of this.partitions) partition.acceptAgain();
        throw error;
      }
      this.#sealed = true;
      for (const partition of this.partitions) partition.seal();
    });
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return defer(() => {
      this.assertThere();
      return this.#groups.join(consumer, options);
    });
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return defer(() => {
      this.assertThere();
      return of(this.partitions.map(({ index }) => this.#cursors.position(consumer, index)));
    });
  }

  /** Ends everybody who reads, writes or waits with one error, once what was taken is stored. */
  async close(error: SluiceError): Promise<void> {
    this.#gone ??= error;
    this.#groups.fail(error);
    await this.#changing.catch(() => undefined);
    await this.transactions?.settled();
    await Promise.allSettled([...this.partitions.map((partition) => partition.close(error)), this.#cursors.close()]);
  }

  async #grow(count: number): Promise<void> {
    const { directory, durability, keys, now, recovered, segmentBytes, storage } = this.#options;
    const numbers = Array.from({ length: count - this.partitions.length }, (_, i) => this.partitions.length + i);
    const opened = await settleAll(
      numbers.map((index) =>
        LogPartition.open({
          storage,
          durability,
          keys,
          now,
          directory: `${directory}/p${index}`,
          segmentBytes: this.#segmentBytes(segmentBytes),
          topic: this.name,
          index,
          stored: (partition) => this.#retain(partition),
          compaction: this.#config.compaction,
        }),
      ),
    );
    for (const partition of opened) {
      if (this.#sealed) partition.seal();
      this.#cursors.limit(partition.index, partition.report.end);
      this.partitions.push(partition);
      recovered(partition.report);
    }
  }

  /** Only whole segments are dropped, so a topic that keeps little has smaller ones. */
  #segmentBytes(segmentBytes: number): number {
    const { maxBytes = Infinity } = this.#config.retention ?? {};
    return Math.min(segmentBytes, Math.max(64 << 10, Math.floor(maxBytes / 4)));
  }

  /** Drops what the topic's retention allows. Called when something was stored or acknowledged. */
  #retain(partition: LogPartition): void {
    const { retention } = this.#config;
    if (retention === undefined || this.#retaining.has(partition)) return;
    // What is on the disk counts: a position that is lost with the power must not be in front of the first event.
    const positionOf = (consumer: string) => this.#cursors.storedPosition(consumer, partition.index);
    const rule = retentionRule(retention, this.#options.now(), positionOf);
    this.#retaining.add(partition);
    void partition.retain(rule).finally(() => this.#retaining.delete(partition));
  }

  #change(work: () => Promise<void>): Observable<void> {
    return defer(() => {
      const changed = this.#changing.then(() => {
        this.assertThere();
        return work();
      });
      this.#changing = changed.catch(() => undefined);
      return changed;
    });
  }

  #save(config: TopicConfig, sealed: boolean): Promise<void> {
    return writeTopic(this.#options.storage, this.#options.directory, { version: 1, name: this.name, config, sealed });
  }

  /** What is acknowledged may be behind a position that a transaction is about to move. */
  #answer(subscriber: Subscriber<void>): void {
    const { isClaimed } = this.#cursors;
    if (!isClaimed) return this.#answerWhenStored(subscriber);
    void this.transactions!.settled().then(() => {
      // It moved nothing where the transaction in front of it was to move the position further.
      const { failure } = this.transactions!;
      if (failure === undefined) this.#answerWhenStored(subscriber);
      else subscriber.error(failure);
    });
  }

  #answerWhenStored(subscriber: Subscriber<void>): void {
    this.#cursors.whenStored({
      stored: () => {
        subscriber.next();
        subscriber.complete();
      },
      // Later than the call, as every answer: a log that has failed says so at once.
      failed: (error) => void asapScheduler.schedule(() => subscriber.error(error)),
    });
  }

  #cursorStore(consumer: string): CursorStore {
    const epochs = this.#epochs.get(consumer) ?? [];
    this.#epochs.set(consumer, epochs);
    return {
      position: (partition) => this.#cursors.nextPosition(consumer, partition),
      move: (partition, position) => {
        this.assertThere();
        this.#cursors.move([consumer, partition, position]);
      },
      epoch: (partition) => epochs[partition] ?? 0,
      renew: (partition) => (epochs[partition] = (epochs[partition] ?? 0) + 1),
    };
  }
}
