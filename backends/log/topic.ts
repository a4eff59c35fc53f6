import { asapScheduler, defer, Observable, of, type Subscriber } from "rxjs";
import type { BackendTopic, JoinOptions, Lease, TopicConfig } from "../../src/model/backend.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { Group, type CursorStore } from "../../src/model/group.ts";
import { CursorLog } from "./cursorLog.ts";
import { answerWith, LogPartition } from "./partition.ts";
import type { WriterOptions } from "./partitionWriter.ts";
import type { RecoveryReport } from "./recovery.ts";
import { writeTopic, type StoredTopic } from "./topicFile.ts";

/** What a topic is told by the store. */
export interface LogTopicOptions extends WriterOptions {
  readonly recovered: (report: RecoveryReport) => void;
}

/** One topic on the disk. */
export class LogTopic implements BackendTopic {
  readonly name: string;
  readonly partitions: LogPartition[] = [];
  readonly #options: LogTopicOptions;
  readonly #cursors: CursorLog;
  readonly #groups = new Map<string, Group>();
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

  addPartitions(count: number): Observable<void> {
    return this.#change(async () => {
      const partitions = this.#config.partitions + count;
      const config = { ...this.#config, partitions };
      await this.#save(config, this.#sealed);
      await this.#grow(partitions);
      this.#config = config;
      for (const group of this.#groups.values()) group.rebalance();
    });
  }

  seal(): Observable<void> {
    return this.#change(async () => {
      await Promise.all(this.partitions.map((partition) => partition.refuse()));
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
      return of(this.partitions.map(({ index }) => this.#cursors.position(consumer, index)));
    });
  }

  /** Ends everybody who reads, writes or waits with one error, once what was taken is stored. */
  async close(error: SluiceError): Promise<void> {
    this.#gone ??= error;
    for (const group of [...this.#groups.values()]) group.fail(error);
    await this.#changing.catch(() => undefined);
    await Promise.allSettled([...this.partitions.map((partition) => partition.close(error)), this.#cursors.close()]);
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  async #grow(count: number): Promise<void> {
    const { directory, durability, now, recovered, segmentBytes, storage } = this.#options;
    const numbers = Array.from({ length: count - this.partitions.length }, (_, i) => this.partitions.length + i);
    const opened = await Promise.allSettled(
      numbers.map((index) =>
        LogPartition.open({
          storage,
          durability,
          now,
          directory: `${directory}/p${index}`,
          segmentBytes: this.#segmentBytes(segmentBytes),
          topic: this.name,
          index,
          stored: (partition) => this.#retain(partition),
        }),
      ),
    );
    const failed = opened.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason as Error;
    for (const each of opened) {
      const { value: partition } = each as PromiseFulfilledResult<LogPartition>;
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
    const { maxBytes = Infinity, maxAge = Infinity, acknowledgedBy } = retention;
    const oldest = this.#options.now() - maxAge;
    // What is on the disk counts: a position that is lost with the power must not be in front of the first event.
    const positions = acknowledgedBy?.map((name) => this.#cursors.storedPosition(name, partition.index) ?? 0);
    const acknowledged = positions && Math.min(...positions);
    this.#retaining.add(partition);
    void partition
      .retain(
        ({ next, newest }, bytes) =>
          bytes > maxBytes || newest < oldest || (acknowledged !== undefined && next <= acknowledged),
      )
      .finally(() => this.#retaining.delete(partition));
  }

  #change(work: () => Promise<void>): Observable<void> {
    return answerWith(() => {
      const changed = this.#changing.then(() => {
        this.#assertThere();
        return work();
      });
      this.#changing = changed.catch(() => undefined);
      return changed;
    });
  }

  #save(config: TopicConfig, sealed: boolean): Promise<void> {
    return writeTopic(this.#options.storage, this.#options.directory, { version: 1, name: this.name, config, sealed });
  }

  #newGroup(consumer: string): Group {
    const group = new Group({
      consumer,
      partitions: () => this.partitions.length,
      cursors: this.#cursorStore(consumer),
      answer: (subscriber) => this.#answer(subscriber),
    });
    this.#groups.set(consumer, group);
    return group;
  }

  #answer(subscriber: Subscriber<void>): void {
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
      position: (partition) => this.#cursors.position(consumer, partition),
      move: (partition, position) => {
        this.#assertThere();
        this.#cursors.move(consumer, partition, position);
      },
      epoch: (partition) => epochs[partition] ?? 0,
      renew: (partition) => (epochs[partition] = (epochs[partition] ?? 0) + 1),
    };
  }
}
