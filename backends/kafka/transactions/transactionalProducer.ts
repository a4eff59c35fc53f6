import { SluiceError } from "../../../src/model/errors.ts";
import type { ProducerIds, TransactionIdentity, TransactionVersion } from "../client/client.ts";
import { isKafkaError, protocolError, type KafkaError } from "../client/kafkaError.ts";
import { failed, type KafkaCluster, type TopicRef } from "../cluster.ts";
import { BatchEncoder, transactionalBit } from "../records/encodeBatch.ts";
import type { BatchSink, SinkOptions } from "../recordSink.ts";

/** Milliseconds after which the brokers give up a transaction of which they hear nothing. */
export const transactionTimeout = 60_000;

/** Somebody else writes under the same id by now, or the brokers have given the transaction up. */
const replaced: readonly number[] = [
  protocolError.invalidProducerEpoch,
  protocolError.invalidProducerIdMapping,
  protocolError.producerFenced,
];

/** Whether a failure says that somebody else writes under the same id by now. */
export function isReplaced(error: unknown): boolean {
  const code = error instanceof SluiceError ? error.details["kafka"] : isKafkaError(error) ? error.code : undefined;
  return typeof code === "number" && replaced.includes(code);
}

/**
 * Writes transactions, one after the other, under an id that belongs to one partition of one group. Whoever begins under an id
 * ends what was begun under it before, and fences who did.
 */
export class TransactionalProducer {
  readonly #cluster: KafkaCluster;
  readonly #id: string;
  readonly #options: SinkOptions;
  #ids: ProducerIds | undefined;
  #version: TransactionVersion = 1;
  /** The sequence numbers of the next record of each partition. */
  readonly #sequences = new Map<string, number>();
  /** The partitions that the transaction under way writes to. */
  #enlisted = new Map<string, Promise<void>>();
  /** What is to be done when the transaction under way is aborted. */
  #undo: (() => Promise<void>)[] = [];

  constructor(cluster: KafkaCluster, transactionalId: string, options: SinkOptions) {
    this.#cluster = cluster;
    this.#id = transactionalId;
    this.#options = options;
  }

  /** Ends whatever was begun under an id. */
  static async settle(cluster: KafkaCluster, id: string): Promise<ProducerIds> {
    return cluster.onCoordinator("transaction", id, (to) => cluster.client.newProducer(to, id, transactionTimeout));
  }

  /** Whether it has to begin anew, so that the outcome of what was before is decided only then. */
  get isNew(): boolean {
    return this.#ids === undefined;
  }

  /** Gets ready to write. */
  async begin(): Promise<void> {
    if (this.#ids !== undefined) return;
    this.#sequences.clear();
    this.#version = await this.#coordinate((to) => this.#cluster.client.transactionVersion(to));
    this.#ids = await TransactionalProducer.settle(this.#cluster, this.#id);
  }

  /**
   * Makes a transaction: all of the work, or nothing of it.
   *
   * @param work - Writes, to sinks of this producer.
   * @param acknowledge - Commits a position in the transaction.
   */
  async run<T>(work: () => Promise<T>, acknowledge: (who: TransactionIdentity) => Promise<void>): Promise<T> {
    this.#enlisted = new Map();
    this.#undo = [];
    let answer: T;
    try {
      answer = await work();
      await acknowledge(this.#identity);
    } catch (error) {
      await this.#abort();
      throw error;
    }
    await this.#commit();
    return answer;
  }

  /** Does something when the transaction under way is aborted and nothing of it will ever be seen. */
  whenAborted(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  /** What writes to one partition as a part of the transaction under way. */
  sink(topic: TopicRef, partition: number): BatchSink {
    let last: Promise<unknown> = Promise.resolve();
    return {
      newBatch: (size) => new BatchEncoder(size),
      send: (encoder) => {
        const { compressor } = this.#options;
        const compressed = compressor?.compress(encoder.records).then((bytes) => encoder.replaceRecords(bytes));
        const sent = Promise.all([last, compressed]).then(() =>
          this.#store(topic, partition, encoder, compressor?.bits ?? 0),
        );
        last = sent;
        sent.catch(() => undefined); // Whoever waits for it is told.
        return sent;
      },
    };
  }

  async #store(topic: TopicRef, partition: number, encoder: BatchEncoder, attributes: number): Promise<number> {
    const { client } = this.#cluster;
    const { deliveryTimeout, requestTimeout: timeout } = this.#options;
    const key = `${topic.name}/${partition}`;
    try {
      await this.#enlist(topic, partition, key);
      const sequence = this.#sequences.get(key) ?? 0;
      const bits = attributes | transactionalBit;
      const batch = encoder.finish(bits, this.#ids, sequence, (bytes) => client.crc32c(bytes));
      const request = { topic, partition, batch, transaction: this.#identity, timeout };
      const send = (to: { node: number }) => client.produce(to, request);
      const { baseOffset } = await this.#cluster.onLeader(topic, partition, send, deliveryTimeout);
      this.#sequences.set(key, (sequence + encoder.count) % 0x8000_0000);
      return baseOffset;
    } catch (error) {
      throw isKafkaError(error) ? failed(`store a batch in topic "${topic.name}"`, error) : error;
    }
  }

  /** Tells the coordinator that a partition is part of the transaction, once, where brokers do not tell it themselves. */
  #enlist(topic: TopicRef, partition: number, key: string): Promise<void> {
    if (this.#version === 2) return Promise.resolve();
    const known = this.#enlisted.get(key);
    if (known !== undefined) return known;
    const enlisted = this.#coordinate((to) =>
      this.#cluster.client.addPartitionToTransaction(to, this.#identity, topic.name, partition),
    );
    this.#enlisted.set(key, enlisted);
    return enlisted;
  }

  async #commit(): Promise<void> {
    const { client } = this.#cluster;
    const who = this.#identity;
    let attempts = 0;
    try {
      const next = await this.#coordinate((to) => {
        attempts++;
        return client.endTransaction(to, who, "commit");
      });
      if (next.epoch !== who.epoch || next.id !== who.producerId) this.#sequences.clear();
      this.#ids = next;
    } catch (error) {
      this.#ids = undefined;
      throw attempts > 1 ? uncertain(error as KafkaError) : error;
    }
    // It is decided. Asked again, the coordinator says so once all partitions have heard of it: then readers see it.
    await this.#coordinate((to) => client.endTransaction(to, who, "commit")).catch(() => (this.#ids = undefined));
  }

  /** What was written counts as never written. Where nobody can be told, the next one under the id sees to it. */
  async #abort(): Promise<void> {
    const who = this.#identity;
    this.#ids = undefined; // What is still on its way must not become a part of the next transaction.
    const undo = this.#undo;
    try {
      await this.#coordinate((to) => this.#cluster.client.endTransaction(to, who, "abort"));
    } catch {
      return;
    }
    await Promise.all(undo.map((each) => each()));
  }

  #coordinate<T>(request: (to: { node: number }) => Promise<T>): Promise<T> {
    return this.#cluster.onCoordinator("transaction", this.#id, request);
  }

  get #identity(): TransactionIdentity {
    return { transactionalId: this.#id, producerId: this.#ids!.id, epoch: this.#ids!.epoch, version: this.#version };
  }
}

function uncertain(cause: KafkaError): SluiceError {
  return new SluiceError("ERR_STORAGE", `A transaction may have been committed: ${cause.message}`, {
    cause,
    details: { outcome: "unknown" },
  });
}
