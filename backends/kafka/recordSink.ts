import { SluiceError } from "../../src/model/errors.ts";
import type { ProducerIds } from "./client/client.ts";
import { isKafkaError, protocolError, type KafkaError } from "./client/kafkaError.ts";
import type { KafkaCluster, TopicRef } from "./cluster.ts";
import { failed } from "./cluster.ts";
import type { Compressor } from "./compression.ts";
import { findBatches } from "./records/decodeBatches.ts";
import { BatchEncoder } from "./records/encodeBatch.ts";

/** How records are stored. */
export interface SinkOptions {
  readonly compressor: Compressor | undefined;
  /** Milliseconds for which a batch is sent again before it fails. */
  readonly deliveryTimeout: number;
  /** Milliseconds that a broker may take for one attempt. */
  readonly requestTimeout: number;
}

/** Bytes of memory that is kept for the next batch, at the most. */
const maxSpare = 4 << 20;

/** The broker has lost the thread of this producer, or never had it. */
const lostSequence = [
  protocolError.outOfOrderSequence,
  protocolError.unknownProducer,
  protocolError.invalidProducerEpoch,
  protocolError.producerFenced,
];

/** The last epoch that a producer id has. */
const lastEpoch = 0x7fff;

/** How a batch is stored. */
export interface SendRules {
  /** What has to be stored before it: when that fails, the batch is not stored and fails with the same error. */
  readonly needs?: Promise<unknown> | undefined;
  /**
   * What happens when an earlier batch, of which nobody knew what had become, was stored after all: the batch is stored behind it,
   * or fails with {@link PlaceTaken}, since it may be the same. @default "store"
   */
  readonly whenTaken?: "store" | "tell" | undefined;
}

/** An earlier batch has been stored of which nobody knew what had become. */
export class PlaceTaken extends Error {
  override readonly name = "PlaceTaken";
}

/** What stores batches of records in one partition, in the order in which they are given. */
export interface BatchSink {
  /** Begins a batch of about so many bytes. */
  newBatch(size: number): BatchEncoder;
  /** Stores a batch, and answers with the offset of its first record. */
  send(encoder: BatchEncoder, rules?: SendRules): Promise<number>;
  /** It is known what became of every batch: the next one is stored behind them. */
  renew?(): void;
}

/**
 * Stores batches of records in one partition, one after the other and each once: under a producer id of this partition's
 * own, whose sequence lets the broker recognise a batch that is sent again.
 *
 * A batch whose answer never came may still lie somewhere on its way, at a broker that is stopped for one. So the next batch takes
 * the same place in the sequence: brokers store one of the two, and refuse the other for ever.
 */
export class RecordSink implements BatchSink {
  readonly #cluster: KafkaCluster;
  readonly #topic: TopicRef;
  readonly #partition: number;
  readonly #options: SinkOptions;
  #identity: Promise<ProducerIds> | undefined;
  #sequence = 0;
  /** How many records the batches have of which nobody knows whether they were stored, all in the same place. */
  #doubts: number[] = [];
  #last: Promise<unknown> = Promise.resolve();
  /** Memory of a batch that is over. Memory that is used again is much faster than fresh memory. */
  #spare: Uint8Array | undefined;

  constructor(cluster: KafkaCluster, topic: TopicRef, partition: number, options: SinkOptions) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#partition = partition;
    this.#options = options;
  }

  newBatch(size: number): BatchEncoder {
    const spare = this.#spare;
    this.#spare = undefined;
    return new BatchEncoder(size, spare);
  }

  async send(encoder: BatchEncoder, { needs, whenTaken = "store" }: SendRules = {}): Promise<number> {
    const { compressor } = this.#options;
    // It is compressed while the batches before it are on their way.
    const compressed = compressor?.compress(encoder.records).then((bytes) => encoder.replaceRecords(bytes));
    compressed?.catch(() => undefined); // It is waited for below, unless something fails before.
    const before = this.#last;
    const sent = (async () => {
      await Promise.allSettled([before]);
      await needs;
      await compressed;
      try {
        return await this.#store(encoder);
      } catch (error) {
        if (!(error instanceof PlaceTaken) || whenTaken === "tell") throw error;
        this.renew();
        return this.#store(encoder);
      }
    })();
    this.#last = sent;
    return sent;
  }

  /** Goes on in a new epoch: brokers that have seen a batch of it store nothing of the one before any more. */
  renew(): void {
    this.#identity = this.#identity?.then(({ id, epoch }) =>
      epoch < lastEpoch ? { id, epoch: epoch + 1 } : this.#newIdentity(),
    );
    this.#sequence = 0;
    this.#doubts = [];
  }

  async #store(encoder: BatchEncoder): Promise<number> {
    const attributes = this.#options.compressor?.bits ?? 0;
    try {
      const identity = await (this.#identity ??= this.#newIdentity());
      const batch = encoder.finish(attributes, identity, this.#sequence, (bytes) => this.#cluster.client.crc32c(bytes));
      const { baseOffset, attempts } = await this.#produce(batch, encoder.count);
      // A batch of as many records in the same place is what the answer may have been about.
      if (this.#doubts.includes(encoder.count) && !(await this.#isStored(batch, baseOffset))) throw new PlaceTaken();
      // The first attempt was answered, so no connection has a byte of it to send any more.
      if (attempts === 1 && encoder.memory.length <= maxSpare) this.#spare = encoder.memory;
      this.#sequence += encoder.count;
      this.#doubts = [];
      return baseOffset;
    } catch (error) {
      throw isKafkaError(error) ? failed(`store a batch in topic "${this.#topic.name}"`, error) : error;
    }
  }

  async #produce(
    batch: Uint8Array,
    count: number,
  ): Promise<{ readonly baseOffset: number; readonly attempts: number }> {
    const { deliveryTimeout, requestTimeout: timeout } = this.#options;
    const request = { topic: this.#topic, partition: this.#partition, batch, timeout };
    let attempts = 0;
    /** Whether an attempt was not answered, or answered by somebody who had stored it, but not everywhere. */
    let isInDoubt = false;
    try {
      return await this.#cluster.onLeader(
        this.#topic,
        this.#partition,
        async (to) => {
          attempts++;
          try {
            return { ...(await this.#cluster.client.produce(to, request)), attempts };
          } catch (error) {
            isInDoubt ||= !isKafkaError(error) || mayBeStored(error);
            throw error;
          }
        },
        deliveryTimeout,
      );
    } catch (error) {
      if (isKafkaError(error, ...lostSequence)) {
        if (this.#doubts.length > 0 && isKafkaError(error, protocolError.outOfOrderSequence)) throw new PlaceTaken();
        this.#forget();
        throw isInDoubt ? uncertain(error) : error;
      }
      if (isInDoubt) this.#doubts.push(count);
      throw error;
    }
  }

  /** Nobody knows what the broker remembers: everything that follows is new to it. */
  #forget(): void {
    this.#identity = undefined;
    this.#sequence = 0;
    this.#doubts = [];
  }

  /** Whether what stands at an offset is this batch, and not one that was sent before it. */
  async #isStored(batch: Uint8Array, offset: number): Promise<boolean> {
    const { client } = this.#cluster;
    const wish = {
      topicId: this.#topic.id,
      partition: this.#partition,
      offset,
      maxBytes: batch.length + 1024,
    };
    const [fetched] = await this.#cluster.onLeader(this.#topic, this.#partition, ({ node }) =>
      client.fetch(
        { node, lane: "marks" },
        { partitions: [wish], maxWait: 1000, maxBytes: wish.maxBytes, isolation: "uncommitted" },
      ),
    );
    const plain = async (bytes: Uint8Array) => {
      const found = findBatches(bytes, (each) => client.crc32c(each))[0];
      if (found === undefined) return undefined;
      const { compression, records, baseTimestamp } = found;
      // Brokers may compress in another way than we do.
      return { baseTimestamp, records: compression === 0 ? records : await client.decompress(compression, records) };
    };
    const [own, stored] = await Promise.all([plain(batch), plain(fetched!.records)]);
    return (
      stored !== undefined &&
      stored.baseTimestamp === own!.baseTimestamp &&
      Buffer.compare(stored.records, own!.records) === 0
    );
  }

  #newIdentity(): Promise<ProducerIds> {
    const asked = this.#cluster.onAny("get a producer id", (to) => this.#cluster.client.newProducer(to, undefined, 0));
    asked.catch(() => (this.#identity = undefined)); // It is asked for again by the next batch.
    return asked;
  }
}

/** Whether a broker may have stored, or may still store, what it was sent. */
function mayBeStored({ code }: KafkaError): boolean {
  return (
    code === undefined || code === protocolError.requestTimedOut || code === protocolError.notEnoughReplicasAfterAppend
  );
}

function uncertain(cause: KafkaError): SluiceError {
  return new SluiceError("ERR_STORAGE", "A batch may have been stored: the broker no longer knows its producer", {
    cause,
    details: { outcome: "unknown", kafka: cause.code },
  });
}
