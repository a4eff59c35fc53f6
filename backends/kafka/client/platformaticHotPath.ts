// The two requests that carry events: the library would take and give one object a record; here a batch stays bytes. And answers that
// are newer than the library.

import { Writer, type Reader } from "@platformatic/kafka";
import type { Fetched, FetchRequest, FetchWish, ProduceRequest, ProducerIds } from "./client.ts";
import { KafkaError } from "./kafkaError.ts";

const allReplicas = -1;
const isolationLevels = { uncommitted: 0, committed: 1 } as const;

/** The version from which produce requests and their answers have the id of a topic instead of its name. */
export const topicIdVersion = 13;

/** Produce request, versions 9 to 13: one batch for one partition. */
export function produceRequest(request: ProduceRequest, version: number): Writer {
  const { topic, partition, batch, transaction, timeout } = request;
  return Writer.create()
    .appendString(transaction?.transactionalId ?? null)
    .appendInt16(allReplicas)
    .appendInt32(timeout)
    .appendArray([topic], (ofTopic, { name, id }) => {
      if (version < topicIdVersion) ofTopic.appendString(name);
      else ofTopic.appendUUID(id);
      ofTopic.appendArray([partition], (ofPartition, index) => {
        ofPartition
          .appendInt32(index)
          .appendUnsignedVarInt(batch.length + 1)
          .append(Buffer.from(batch.buffer, batch.byteOffset, batch.length));
      });
    })
    .appendTaggedFields();
}

/** Produce response, versions 9 to 13. Throws the error of the partition. */
export function parseProduceResponse(reader: Reader, version: number): { readonly baseOffset: number } {
  const answers = reader.readArray((ofTopic) => {
    if (version < topicIdVersion) ofTopic.readString();
    else ofTopic.readUUID();
    return ofTopic.readArray((ofPartition) => {
      ofPartition.readInt32();
      const code = ofPartition.readInt16();
      const baseOffset = Number(ofPartition.readInt64());
      ofPartition.readInt64();
      ofPartition.readInt64();
      const messages = ofPartition.readArray((each) => {
        each.readInt32();
        return each.readNullableString();
      });
      const message = ofPartition.readNullableString() ?? messages.find((each) => each !== null);
      return { code, baseOffset, message };
    });
  });
  const { code, baseOffset, message } = answers[0]![0]!;
  if (code !== 0) throw new KafkaError(message ?? `The broker refused a batch with error ${code}`, code);
  return { baseOffset };
}

/** EndTxn response, version 5: who writes the next transaction. */
export function parseEndTransactionResponse(reader: Reader): ProducerIds {
  reader.readInt32();
  const code = reader.readInt16();
  if (code !== 0) throw new KafkaError(`The coordinator refused to end a transaction with error ${code}`, code);
  return { id: reader.readInt64(), epoch: reader.readInt16() };
}

/** Fetch request, version 13, without a session: what is wanted changes with the credits of the readers. */
export function fetchRequest({ partitions, maxWait, maxBytes, isolation = "committed" }: FetchRequest): Writer {
  const byTopic = new Map<string, FetchWish[]>();
  for (const wish of partitions) byTopic.set(wish.topicId, [...(byTopic.get(wish.topicId) ?? []), wish]);
  return Writer.create()
    .appendInt32(-1)
    .appendInt32(maxWait)
    .appendInt32(1)
    .appendInt32(maxBytes)
    .appendInt8(isolationLevels[isolation])
    .appendInt32(0)
    .appendInt32(-1)
    .appendArray([...byTopic], (ofTopic, [topicId, wishes]) => {
      ofTopic.appendUUID(topicId).appendArray(wishes, (ofPartition, wish) => {
        ofPartition
          .appendInt32(wish.partition)
          .appendInt32(-1)
          .appendInt64(BigInt(wish.offset))
          .appendInt32(-1)
          .appendInt64(-1n)
          .appendInt32(wish.maxBytes);
      });
    })
    .appendArray([], () => undefined)
    .appendString("")
    .appendTaggedFields();
}

/** Fetch response, version 13. The records stay as they came; an error of a partition is part of the answer. */
export function parseFetchResponse(reader: Reader): readonly Fetched[] {
  reader.readInt32();
  const code = reader.readInt16();
  if (code !== 0) throw new KafkaError(`The broker refused to fetch with error ${code}`, code);
  reader.readInt32();
  const fetched = reader.readArray((ofTopic) => {
    const topicId = ofTopic.readUUID();
    return ofTopic.readArray((ofPartition) => parsePartition(ofPartition, topicId));
  });
  return fetched.flat();
}

function parsePartition(reader: Reader, topicId: string): Fetched {
  const partition = reader.readInt32();
  const error = reader.readInt16();
  const highWatermark = Number(reader.readInt64());
  const lastStableOffset = Number(reader.readInt64());
  const start = Number(reader.readInt64());
  const aborted = reader.readNullableArray((each) => ({
    producerId: each.readInt64(),
    firstOffset: Number(each.readInt64()),
  }));
  reader.readInt32();
  const size = Math.max(0, reader.readUnsignedVarInt() - 1);
  // The client gives its memory in the pieces in which it came from the socket: several of them are joined here, once.
  const records = plainBytes(reader.buffer.slice(reader.position, reader.position + size));
  reader.skip(size);
  return { topicId, partition, error, highWatermark, lastStableOffset, start, aborted: aborted ?? [], records };
}

/** A view that is no Buffer: the `slice` of a Buffer is no copy, and what is given to users has to be one. */
export function plainBytes({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
