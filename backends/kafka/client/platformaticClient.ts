import * as kafka from "@platformatic/kafka";
import type { Connection, ConnectionOptions, Reader, Writer } from "@platformatic/kafka";
import type { BrokerAddress, ClusterState, Destination, KafkaClient, MemberIdentity, TopicState } from "./client.ts";
import { decompress } from "../compression.ts";
import { KafkaError, protocolError } from "./kafkaError.ts";
import {
  fetchRequest,
  parseEndTransactionResponse,
  parseFetchResponse,
  parseProduceResponse,
  plainBytes,
  produceRequest,
  topicIdVersion,
} from "./platformaticHotPath.ts";

/** What a client of Kafka needs to reach a cluster. */
export interface ClientOptions {
  readonly clientId: string;
  readonly bootstrap: readonly BrokerAddress[];
  /** TLS, SASL and timeouts, as the library takes them. */
  readonly connection: ConnectionOptions;
  /** Milliseconds that a member may wait for others to join. */
  readonly rebalanceTimeout: number;
}

type Api<A extends unknown[], R> = { readonly async: (connection: Connection, ...args: A) => Promise<R> };

/** A request of the protocol, whose answer this module reads by itself. */
interface RawRequest<T> {
  readonly key: number;
  readonly version: number;
  readonly write: () => Writer;
  readonly read: (reader: Reader) => T;
}

/**
 * {@link KafkaClient} on the connections and requests of @platformatic/kafka. Its Producer, Consumer and Admin are not used:
 * they decide what this backend has to decide. Every request has the version that brokers from 3.2 to the newest know.
 */
export function platformaticClient({ clientId, bootstrap, connection, rebalanceTimeout }: ClientOptions): KafkaClient {
  const lanes = new Map<string, kafka.ConnectionPool>();
  const addresses = new Map<number, BrokerAddress>();
  let closed = false;

  const laneOf = (name: string): kafka.ConnectionPool => {
    const existing = lanes.get(name);
    if (existing !== undefined) return existing;
    // A join is answered when all members have come, so its connection waits longer than others.
    const patience = name.startsWith("member") ? { requestTimeout: rebalanceTimeout + 5000 } : {};
    const pool = new kafka.ConnectionPool(clientId, { ...connection, ...patience });
    // An error that arrives when nothing is under way has no other listener, and would end the process.
    pool.on("connecting", (payload) => payload.connection.on("error", () => undefined));
    lanes.set(name, pool);
    return pool;
  };
  const connect = async ({ node, lane = "main" }: Destination): Promise<Connection> => {
    if (closed) throw new KafkaError("The connection to Kafka is closed", closedCode);
    const address = addresses.get(node);
    if (address === undefined) throw new KafkaError(`Node ${node} is not known`, protocolError.notLeader);
    return laneOf(lane).get(address);
  };
  const call = async <A extends unknown[], R>(to: Destination, { async: send }: Api<A, R>, ...args: A): Promise<R> => {
    try {
      return await send(await connect(to), ...args);
    } catch (error) {
      throw toKafkaError(error);
    }
  };
  const raw = async <T>(to: Destination, { key, version, write, read }: RawRequest<T>): Promise<T> => {
    try {
      const open = await connect(to);
      return await new Promise<T>((resolve, reject) => {
        open.send<T>(
          key,
          version,
          write,
          (_id, _key, _version, reader) => read(reader),
          true,
          true,
          (error, answer) => (error === null ? resolve(answer as T) : reject(error)),
        );
      });
    } catch (error) {
      throw toKafkaError(error);
    }
  };
  /** The newest version of produce requests that the node at the other end knows. */
  const newestProduce = new WeakMap<Connection, number>();
  const newestOf = async (to: Destination, key: number): Promise<number> => {
    const { apiKeys } = await call(to, kafka.apiVersionsV3.api, "sluice", "0");
    return apiKeys.find(({ apiKey }) => apiKey === key)?.maxVersion ?? -1;
  };
  const newestProduceOf = async (to: Destination): Promise<number> => {
    try {
      const open = await connect(to);
      const known = newestProduce.get(open) ?? (await newestOf(to, 0));
      newestProduce.set(open, known);
      return known;
    } catch (error) {
      throw toKafkaError(error);
    }
  };
  const anyConnection = async (): Promise<Connection> => {
    if (closed) throw new KafkaError("The connection to Kafka is closed", closedCode);
    return laneOf("main").getFirstAvailable([...new Set([...bootstrap, ...addresses.values()])]);
  };

  return {
    async clusterState(topics) {
      let answer: kafka.metadataV12.MetadataResponse;
      try {
        answer = await kafka.metadataV12.api.async(
          await anyConnection(),
          topics === undefined ? null : [...topics],
          false,
        );
      } catch (error) {
        const partial = responseOf<kafka.metadataV12.MetadataResponse>(error);
        if (partial === undefined) throw toKafkaError(error);
        answer = partial; // Some topics have errors: those are told apart below.
      }
      for (const { nodeId, host, port } of answer.brokers) addresses.set(nodeId, { host, port });
      return stateOf(answer);
    },

    async produce(to, request) {
      const { transaction } = request;
      // Newer versions make a transaction one of the newer kind, so those of the older kind do not ask.
      const newest = transaction?.version === 1 ? 9 : await newestProduceOf(to);
      const version = newest >= topicIdVersion ? topicIdVersion : transaction?.version === 2 ? 12 : 9;
      const write = () => produceRequest(request, version);
      return raw(to, { key: 0, version, write, read: (reader) => parseProduceResponse(reader, version) });
    },
    fetch: (to, request) =>
      raw(to, { key: 1, version: 13, write: () => fetchRequest(request), read: parseFetchResponse }),

    async offsetAt(to, topic, partition, time, isolation = "committed") {
      const wish = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: BigInt(time) };
      const answer = await call(to, kafka.listOffsetsV7.api, -1, isolation === "committed" ? 1 : 0, [
        { name: topic, partitions: [wish] },
      ]);
      return Number(answer.topics[0]!.partitions[0]!.offset);
    },

    async coordinator(of, key) {
      try {
        const answer = await kafka.findCoordinatorV4.api.async(await anyConnection(), of === "group" ? 0 : 1, [key]);
        const { nodeId, host, port } = answer.coordinators[0]!;
        addresses.set(nodeId, { host, port });
        return nodeId;
      } catch (error) {
        throw toKafkaError(error);
      }
    },

    async joinGroup(to, { group, member, instance, sessionTimeout, rebalanceTimeout: timeout, protocol, metadata }) {
      const protocols = [{ name: protocol, metadata: bufferOf(metadata) }];
      try {
        const joined = await call(
          to,
          kafka.joinGroupV9.api,
          group,
          sessionTimeout,
          timeout,
          member,
          instance ?? null,
          "consumer",
          protocols,
        );
        return {
          generation: joined.generationId,
          member: joined.memberId,
          isLeader: joined.leader === joined.memberId,
          members: joined.members.map((each) => ({ member: each.memberId, metadata: each.metadata })),
        };
      } catch (error) {
        const given = responseOf<{ memberId?: string }>((error as Error).cause)?.memberId;
        if (!given || (error as KafkaError).code !== protocolError.memberIdRequired) throw error;
        return { generation: -1, member: given, isLeader: false, members: [] };
      }
    },

    async syncGroup(to, { group, member, generation, instance }, protocol, assignments) {
      const all = assignments.map((each) => ({ memberId: each.member, assignment: bufferOf(each.assignment) }));
      const id = instance ?? null;
      return (await call(to, kafka.syncGroupV5.api, group, generation, member, id, "consumer", protocol, all))
        .assignment;
    },

    async heartbeat(to, { group, member, generation, instance }) {
      await call(to, kafka.heartbeatV4.api, group, generation, member, instance ?? null);
    },

    async leaveGroup(to, { group, member, instance }) {
      await call(to, kafka.leaveGroupV5.api, group, [{ memberId: member, groupInstanceId: instance ?? null }]);
    },

    async groupHeartbeat(to, { group, member, epoch, instance, rebalanceTimeout: timeout, topic, held }) {
      const owned = held.length === 0 ? [] : [{ topicId: topic.id, partitions: [...held] }];
      const names = [topic.name];
      const about = [group, member, epoch, instance ?? null, null, timeout, names, null, null, owned] as const;
      const { api } = kafka.consumerGroupHeartbeatV1;
      const { memberEpoch, heartbeatIntervalMs, assignment } = await call(to, api, ...about);
      const given = assignment?.topicPartitions.filter(({ topicId }) => topicId === topic.id);
      return {
        epoch: memberEpoch,
        interval: heartbeatIntervalMs,
        assignment: given?.flatMap(({ partitions }) => partitions),
      };
    },

    newestVersion: newestOf,

    async commitOffsets(to, { group, member, generation, instance, protocol }, topic, offsets) {
      const partitions = offsets.map(offsetEntry);
      const topics = [{ name: topic, partitions }];
      // Brokers want the newer version of members of the newer protocol; those that do not know that have no version 9.
      const { api } = protocol === "consumer" ? kafka.offsetCommitV9 : kafka.offsetCommitV8;
      await call(to, api, group, generation, member, instance ?? null, topics);
    },

    async committedOffsets(to, group, topic, partitions) {
      const groups = [
        { groupId: group, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [...partitions] }] },
      ];
      const answer = await call(to, kafka.offsetFetchV8.api, groups, true);
      const stored = answer.groups[0]?.topics[0]?.partitions ?? [];
      return new Map(
        stored
          .filter(({ committedOffset }) => committedOffset >= 0n)
          .map(({ partitionIndex: partition, committedOffset, metadata }) => [
            partition,
            { partition, offset: Number(committedOffset), note: metadata ?? "" },
          ]),
      );
    },

    async createTopic(to, name, numPartitions, replicationFactor, settings) {
      const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
      const topic = { name, numPartitions, replicationFactor, assignments: [], configs };
      return (await call(to, kafka.createTopicsV7.api, [topic], adminTimeout, false)).topics[0]!.topicId;
    },

    async deleteTopic(to, name) {
      await call(to, kafka.deleteTopicsV6.api, [{ name }], adminTimeout);
    },

    async deleteRecords(to, name, partitionIndex, before) {
      const topics = [{ name, partitions: [{ partitionIndex, offset: BigInt(before) }] }];
      return (await call(to, kafka.deleteRecordsV2.api, topics, adminTimeout)).topics[0]!.partitions[0]!.errorCode;
    },

    async addPartitions(to, name, count) {
      await call(to, kafka.createPartitionsV3.api, [{ name, count, assignments: null }], adminTimeout, false);
    },

    async topicSettings(to, resourceName, names) {
      const resourceType = kafka.ConfigResourceTypes.TOPIC;
      const wish = { resourceType, resourceName, configurationKeys: [...names] };
      const { results } = await call(to, kafka.describeConfigsV4.api, [wish], false, false);
      return Object.fromEntries(results[0]!.configs.map(({ name, value }) => [name, value ?? ""]));
    },

    async setTopicSettings(to, resourceName, settings) {
      const configOperation = kafka.IncrementalAlterConfigOperationTypes.SET;
      const configs = Object.entries(settings).map(([name, value]) => ({ name, value, configOperation }));
      const resource = { resourceType: kafka.ConfigResourceTypes.TOPIC, resourceName, configs };
      await call(to, kafka.incrementalAlterConfigsV1.api, [resource], false);
    },

    async newProducer(to, transactionalId, timeout) {
      const answer = await call(to, kafka.initProducerIdV4.api, transactionalId ?? null, timeout, -1n, -1);
      return { id: answer.producerId, epoch: answer.producerEpoch };
    },

    async addPartitionToTransaction(to, { transactionalId, producerId, epoch }, name, partition) {
      const topics = [{ name, partitions: [partition] }];
      const transaction = { transactionalId, producerId, producerEpoch: epoch, verifyOnly: false, topics };
      await call(to, kafka.addPartitionsToTxnV3.api, [transaction]);
    },

    async addOffsetsToTransaction(to, { transactionalId, producerId, epoch }, group) {
      await call(to, kafka.addOffsetsToTxnV3.api, transactionalId, producerId, epoch, group);
    },

    async commitOffsetsInTransaction(to, who, member: MemberIdentity, name, offsets) {
      const topics = [{ name, partitions: offsets.map(offsetEntry) }];
      const { transactionalId, producerId, epoch, version } = who;
      const { group, generation, member: id, instance } = member;
      const of = [transactionalId, group, producerId, epoch, generation, id, instance ?? null] as const;
      if (version === 1) return void (await call(to, kafka.txnOffsetCommitV3.api, ...of, topics));
      // The library has no version 5. It looks like version 4, and takes the group into the transaction by itself.
      const { createRequest, parseResponse } = kafka.txnOffsetCommitV4;
      const write = () => createRequest(...of, topics);
      await raw(to, { key: 28, version: 5, write, read: (reader) => parseResponse(0, 28, 5, reader) });
    },

    async endTransaction(to, { transactionalId, producerId, epoch, version }, how) {
      const of = [transactionalId, producerId, epoch, how === "commit"] as const;
      if (version === 2) {
        const write = () => kafka.endTxnV4.createRequest(...of);
        return raw(to, { key: 26, version: 5, write, read: parseEndTransactionResponse });
      }
      await call(to, kafka.endTxnV3.api, ...of);
      return { id: producerId, epoch };
    },

    async transactionVersion(to) {
      const { finalizedFeatures } = await call(to, kafka.apiVersionsV3.api, "sluice", "0");
      const agreed = finalizedFeatures?.find(({ name }) => name === "transaction.version");
      return (agreed?.maxVersionLevel ?? 0) >= 2 ? 2 : 1;
    },

    closeLane(lane) {
      void lanes.get(lane)?.close();
      lanes.delete(lane);
    },

    // The library copies plain bytes before it sums them, which takes longer than the sum; its own buffers it takes as they are.
    crc32c: (bytes) => kafka.crc32c(kafka.Writer.create().append(bufferOf(bytes)).dynamicBuffer) >>> 0,

    decompress: async (compression, bytes) => plainBytes(await decompress(compression, bytes)),

    async close() {
      closed = true;
      const pools = [...lanes.values()];
      lanes.clear();
      await Promise.allSettled(pools.map((pool) => pool.close()));
    },
  };
}

const adminTimeout = 15_000;
/** A number that the protocol does not use, for what will not get better by trying again. */
const closedCode = -1000;

function offsetEntry({ partition, offset, note }: { partition: number; offset: number; note: string }) {
  return {
    partitionIndex: partition,
    committedOffset: BigInt(offset),
    committedLeaderEpoch: -1,
    committedMetadata: note,
  };
}

function stateOf({ controllerId, brokers, topics }: kafka.metadataV12.MetadataResponse): ClusterState {
  const refused = topics.find(({ errorCode }) => errorCode === protocolError.topicAuthorizationFailed);
  if (refused !== undefined) {
    throw new KafkaError(`Not authorized for topic "${refused.name}"`, protocolError.topicAuthorizationFailed);
  }
  const known = topics.filter(({ errorCode }) => errorCode === 0 || errorCode === protocolError.leaderNotAvailable);
  return { controller: controllerId, nodes: brokers.map(({ nodeId }) => nodeId), topics: known.map(topicOf) };
}

function topicOf({
  name,
  topicId,
  isInternal,
  partitions,
}: kafka.metadataV12.MetadataResponse["topics"][number]): TopicState {
  const inOrder = partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
  const states = inOrder.map(({ leaderId, leaderEpoch }) => ({ leader: leaderId, leaderEpoch }));
  return { name: name ?? "", id: topicId, isInternal, partitions: states };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The answer that the library attaches to an error that it read from it. */
function responseOf<T>(error: unknown): T | undefined {
  return error instanceof kafka.ResponseError ? (error["response"] as T) : undefined;
}

function toKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof kafka.AuthenticationError || each instanceof kafka.UserError) {
      return new KafkaError(each.message, protocolError.authenticationFailed, error);
    }
    if (each instanceof AggregateError) {
      const [first] = each.errors as (Error & { apiCode?: number; apiId?: string; serverErrorMessage?: string })[];
      if (first?.apiCode !== undefined) {
        return new KafkaError(`${first.apiId}: ${first.serverErrorMessage || first.message}`, first.apiCode, error);
      }
      if (first !== undefined) return toKafkaError(first);
    }
  }
  return new KafkaError(error instanceof Error ? error.message : String(error), undefined, error);
}
