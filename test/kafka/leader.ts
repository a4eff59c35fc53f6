import type { KafkaClient, ProducerIds } from "../../backends/kafka/client/client.ts";
import { KafkaError, protocolError } from "../../backends/kafka/client/kafkaError.ts";
import { KafkaCluster, type TopicRef } from "../../backends/kafka/cluster.ts";

interface StoredBatch {
  readonly offset: number;
  readonly first: number;
  readonly last: number;
  readonly epoch: number;
  readonly id: bigint;
  readonly bytes: Uint8Array;
}

/** What becomes of a batch that is sent: its answer is lost once it is stored, or it is kept on its way until it is let go. */
export type Fate = "answered" | "answer lost" | "held back";

/** The leader of one partition, as far as it concerns producers: it stores by Kafka's rules for ids, epochs and sequences. */
export class Leader {
  readonly batches: StoredBatch[] = [];
  /** The fates of the next requests; those that are not named are answered. */
  readonly fates: Fate[] = [];
  #held: Uint8Array[] = [];
  #ids = 0n;

  get end(): number {
    const last = this.batches.at(-1);
    return last === undefined ? 0 : last.offset + last.last - last.first + 1;
  }

  /** Lets go of what was held back, and answers with what the broker says to it: nobody hears of it. */
  letGo(): (number | "stored")[] {
    return this.#held.splice(0).map((bytes) => {
      try {
        this.#append(bytes);
        return "stored";
      } catch (error) {
        return (error as KafkaError).code!;
      }
    });
  }

  cluster(): { readonly cluster: KafkaCluster; readonly topic: TopicRef } {
    const topic = { name: "topic", id: "id", gone: new AbortController() };
    const client: Partial<KafkaClient> = {
      clusterState: async () => ({
        controller: 0,
        nodes: [0],
        topics: [{ name: "topic", id: "id", isInternal: false, partitions: [{ leader: 0, leaderEpoch: 0 }] }],
      }),
      newProducer: async (): Promise<ProducerIds> => ({ id: this.#ids++, epoch: 0 }),
      produce: async (_to, { batch }) => {
        const fate = this.fates.shift() ?? "answered";
        const bytes = batch.slice();
        if (fate === "held back") this.#held.push(bytes);
        const baseOffset = fate === "held back" ? -1 : this.#append(bytes);
        if (fate !== "answered") throw new KafkaError("no answer", undefined);
        return { baseOffset };
      },
      fetch: async (_to, { partitions: [wish] }) => {
        const found = this.batches.filter(({ offset }) => offset >= wish!.offset);
        const about = { topicId: "id", partition: 0, error: 0, highWatermark: this.end, lastStableOffset: this.end };
        return [{ ...about, start: 0, aborted: [], records: Buffer.concat(found.map(({ bytes }) => bytes)) }];
      },
      crc32c: () => 0,
      close: async () => undefined,
    };
    return { cluster: new KafkaCluster(client as KafkaClient, 1000), topic };
  }

  #append(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const id = view.getBigInt64(43);
    const epoch = view.getInt16(51);
    const first = view.getInt32(53);
    const last = first + view.getInt32(57) - 1;
    const own = this.batches.filter((batch) => batch.id === id).slice(-5);
    const newest = own.at(-1);
    if (newest !== undefined && epoch < newest.epoch) throw refusal(protocolError.invalidProducerEpoch);
    const again = own.find((batch) => batch.epoch === epoch && batch.first === first && batch.last === last);
    if (again !== undefined) return again.offset;
    const expected = newest === undefined || newest.epoch !== epoch ? 0 : newest.last + 1;
    if (first !== expected) throw refusal(protocolError.outOfOrderSequence);
    const offset = this.end;
    view.setBigInt64(0, BigInt(offset));
    this.batches.push({ offset, first, last, epoch, id, bytes });
    return offset;
  }
}

function refusal(code: number): KafkaError {
  return new KafkaError(`refused with ${code}`, code);
}
