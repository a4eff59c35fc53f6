import { randomUUID } from "node:crypto";
import { firstValueFrom, Observable } from "rxjs";
import type { TransactionAppend } from "../../../src/model/backend.ts";
import type { Appended, EventBatch } from "../../../src/model/batch.ts";
import type { SluiceError } from "../../../src/model/errors.ts";
import { storedElsewhere, type Transaction } from "../../../src/model/group.ts";
import type { Entry } from "../cursorLog.ts";
import { closed, writeFailed } from "../logErrors.ts";
import type { LogPartition } from "../partition.ts";
import { transactionPrefix } from "../producers.ts";
import { LogTopic, type LogTopicOptions, type TopicTransactions } from "../topic.ts";
import { journalDirectory } from "../topicName.ts";
import { makeTopic, type StoredTopic } from "../topicFile.ts";
import { AppliedMark } from "./appliedMark.ts";
import { readTransactions, type StoredTransaction } from "./readTransactions.ts";
import { encodeTransaction, type TargetBatch } from "./transactionRecord.ts";

/** What the log of transactions needs of the store. */
export interface TransactionLogOptions extends Omit<LogTopicOptions, "transactions" | "recovered"> {
  /** Opens a topic by the name of its directory; undefined when it was deleted. */
  readonly topicIn: (directory: string) => Promise<LogTopic | undefined>;
}

/** The journal as a topic. Nobody can make another one of its name. */
const stored: StoredTopic = {
  version: 1,
  name: "(transactions)",
  config: {
    partitions: 1,
    components: {
      validator: { type: "accept-all" },
      partitionSelector: { type: "round-robin" },
      serializer: { type: "json" },
    },
    retention: { acknowledgedBy: [AppliedMark.consumer] },
  },
  sealed: false,
};

/** Bytes of a file of the journal: it is dropped when all in it was applied. */
const segmentBytes = 8 << 20;

/** The journal, and how far it has been applied. */
interface Journal {
  readonly journal: LogTopic;
  readonly mark: AppliedMark;
}

/** A batch of a transaction, and where it goes. */
interface Target {
  readonly topic: LogTopic;
  readonly partition: LogPartition;
  readonly batch: TargetBatch["batch"];
}

/** A transaction that is under way. */
interface Commit {
  readonly source: LogTopic;
  /** The position that moves. */
  readonly entry: Entry;
  readonly targets: readonly Target[];
  /** Ends the claim on the position, when nothing comes of it. */
  readonly giveUp: () => void;
}

/** What one lease has stored in other partitions: each of its batches has a number, so that it is stored once. */
interface Stream {
  readonly id: string;
  readonly sequences: Map<LogPartition, number>;
}

/**
 * Transactions over several files. Each is first written to a journal, which is a topic like any other that only the log
 * reads, as one batch; that is the moment at which it is committed. Then its batches are appended where they belong, and the
 * position is moved. What a crash has left unfinished is finished when the log is opened, before anybody reads: each batch
 * has the number of its producer, so what is there already is not stored again.
 */
export class TransactionLog implements TopicTransactions {
  readonly #options: TransactionLogOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #underWay = new Set<Promise<unknown>>();
  /** Tells the streams of this opening apart from those of others. */
  readonly #session = randomUUID();
  /** Undefined until there is something to be kept in it. */
  #journal: Journal | undefined;
  #making: Promise<unknown> | undefined;
  #failure: SluiceError | undefined;

  constructor(options: TransactionLogOptions) {
    this.#options = options;
  }

  /** Why nothing is committed any more. */
  get failure(): SluiceError | undefined {
    return this.#failure;
  }

  /** Finishes what an earlier process has committed. To be called where there is a journal. */
  async open(): Promise<void> {
    const { journal, mark } = await this.#openJournal();
    try {
      for await (const transaction of readTransactions(journal.partitions[0]!, mark.position)) {
        await this.#finish(transaction);
        mark.begin(transaction.id, transaction.next, transaction.bytes);
        mark.applied(transaction.id);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Stores a transaction, as `Lease.transact` says. */
  commit(source: LogTopic, { consumer, partition, position, appends }: Transaction): Observable<readonly Appended[]> {
    return new Observable((subscriber) => {
      source.assertThere();
      if (this.#failure !== undefined) throw this.#failure;
      const stream = this.#streamOf(`${source.directory}/${partition}/${consumer}`);
      const targets = appends.map((append) => this.#targetOf(source, append, stream));
      for (const [i, { partition: target }] of targets.entries()) target.check(appends[i]!.batch);
      for (const target of targets) stream.sequences.set(target.partition, endOf(target.batch));
      const isFree = position > source.partitions[partition]!.end;
      const entry: Entry = [consumer, partition, position, isFree ? "free" : undefined];
      const giveUp = source.claim(entry);
      // Once the journal had to be made, all wait for that in the same line, which keeps their order.
      const isThere = this.#journal !== undefined && this.#making === undefined;
      const commit: Commit = { source, entry, targets, giveUp };
      const work = isThere ? this.#write(commit) : this.#begin(commit);
      const held = work.catch(() => undefined).finally(() => this.#underWay.delete(held));
      this.#underWay.add(held);
      work.then(
        (appended) => {
          subscriber.next(appended);
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(error),
      );
    });
  }

  /** Resolves when what is under way now is committed and applied, or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#journal?.mark.close();
    await this.#journal?.journal.close(closed());
  }

  async #openJournal(): Promise<Journal> {
    const directory = `${this.#options.directory}/${journalDirectory}`;
    const journal = await LogTopic.open(stored, {
      ...this.#options,
      directory,
      segmentBytes: Math.min(segmentBytes, this.#options.segmentBytes),
      transactions: undefined,
      recovered: () => {},
    });
    return (this.#journal = { journal, mark: await AppliedMark.open(journal) });
  }

  /** Makes the journal, then writes to it. */
  async #begin(commit: Commit): Promise<readonly Appended[]> {
    const { storage, directory } = this.#options;
    this.#making ??= makeTopic(storage, directory, `${directory}/${journalDirectory}`, stored).then(() =>
      this.#openJournal(),
    );
    try {
      await this.#making;
    } catch (error) {
      commit.giveUp();
      throw this.#fail(writeFailed(directory, error));
    }
    return this.#write(commit);
  }

  #streamOf(key: string): Stream {
    const id = `${transactionPrefix}${this.#session}/${this.#streams.size}`;
    const stream = this.#streams.get(key) ?? { id, sequences: new Map<LogPartition, number>() };
    this.#streams.set(key, stream);
    return stream;
  }

  #targetOf(source: LogTopic, { topic, partition: index, batch }: TransactionAppend, stream: Stream): Target {
    if (!(topic instanceof LogTopic) || topic.transactions !== this) throw storedElsewhere(topic.name, source.name);
    topic.assertThere();
    const partition = topic.partitions[index]!;
    const producer = batch.producer ?? { id: stream.id, sequence: stream.sequences.get(partition) ?? 0 };
    return { topic, partition, batch: { ...batch, producer } };
  }

  /** Commits a transaction to the journal, then applies it in the order of the journal. */
  #write(commit: Commit): Promise<readonly Appended[]> {
    const { source, entry, targets, giveUp } = commit;
    const [consumer, partition, position, kind] = entry;
    const head = { topic: source.directory, partition, consumer, position, kind, appends: targets.length };
    const record = encodeTransaction(
      head,
      targets.map(({ topic, partition: { index }, batch }) => ({ topic: topic.directory, partition: index, batch })),
      this.#options.now(),
    );
    return new Promise((resolve, reject) => {
      this.#journal!.journal.partitions[0]!.append(record).subscribe({
        // Within this call, so that transactions are applied in the order in which they were committed.
        next: ({ firstId }) => resolve(this.#apply(commit, record, firstId)),
        error: (error: unknown) => {
          giveUp();
          reject(this.#fail(error));
        },
      });
    });
  }

  async #apply({ source, entry, targets }: Commit, record: EventBatch, id: number): Promise<readonly Appended[]> {
    const { mark } = this.#journal!;
    mark.begin(id, id + record.count, record.metadata.length + (record.dataEnds?.at(-1) ?? 0));
    try {
      const appended = await Promise.all(
        targets.map(({ partition, batch }) => firstValueFrom(partition.complete(batch))),
      );
      // Who sees the position sees the events. It is the journal that keeps it until it is stored where it belongs.
      source.moveTo(entry).then(
        () => mark.applied(id),
        (error: unknown) => this.#fail(error),
      );
      return appended;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Nothing is committed any more: what is in the journal and could not be applied is when the log is opened again. */
  #fail(error: unknown): unknown {
    this.#failure ??= error as SluiceError;
    return error;
  }

  /** Applies a transaction as far as that has not been done. */
  async #finish({ head, targets }: StoredTransaction): Promise<void> {
    for await (const { topic, partition: index, batch } of targets()) {
      const partition = (await this.#options.topicIn(topic))?.partitions[index];
      if (partition === undefined) continue; // It was deleted since.
      const next = await firstValueFrom(partition.nextSequence(batch.producer.id));
      if (next < batch.producer.sequence) await completeAlone(partition, batch);
      else if (next < endOf(batch)) await firstValueFrom(partition.complete(batch));
    }
    const source = await this.#options.topicIn(head.topic);
    await source?.moveTo([head.consumer, head.partition, head.position, head.kind]);
  }
}

/**
 * Stores a batch of which the partition has lost what came before: with the power, where nobody asked for a sync, or by a
 * repair. It gets a number that tells whether it is there already.
 */
async function completeAlone(partition: LogPartition, batch: TargetBatch["batch"]): Promise<void> {
  const producer = { id: `${batch.producer.id}/${batch.producer.sequence}`, sequence: 0 };
  const next = await firstValueFrom(partition.nextSequence(producer.id));
  if (next < batch.count) await firstValueFrom(partition.complete({ ...batch, producer }));
}

function endOf({ producer, count }: TargetBatch["batch"]): number {
  return producer.sequence + count;
}
