import { SluiceError, type ErrorCode } from "../../src/model/errors.ts";
import type { ClusterState, Destination, KafkaClient, TopicState } from "./client/client.ts";
import { isKafkaError, KafkaError, protocolError } from "./client/kafkaError.ts";
import { pause, unlessAborted } from "./pause.ts";

/** A topic as this connection found it. One that is made again under the same name has another id. */
export interface TopicRef {
  /** Its name in the cluster. */
  readonly name: string;
  readonly id: string;
  /** Aborted with `ERR_TOPIC_NOT_FOUND` when the topic is found to be gone, and with `ERR_CLOSED` at the end. */
  readonly gone: AbortController;
}

/** The shortest and the longest pause between two attempts, in milliseconds. */
const pauses = { first: 20, longest: 1000 };
/** How often in a row a topic has to be missing before it counts as deleted: a node may not have heard of a new one yet. */
const misses = 4;

/** Knows who leads what, and tries again where the cluster says that it will be better soon. */
export class KafkaCluster {
  readonly client: KafkaClient;
  readonly #retryTimeout: number;
  readonly #leaders = new Map<string, TopicState>();
  readonly #coordinators = new Map<string, number>();
  readonly #closed = new AbortController();
  #controller: number | undefined;
  #nodes: readonly number[] = [];

  /** @param retryTimeout - Milliseconds for which a request is tried again. */
  constructor(client: KafkaClient, retryTimeout: number) {
    this.client = client;
    this.#retryTimeout = retryTimeout;
  }

  /** Aborted when the connection is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  async close(): Promise<void> {
    this.#closed.abort(new SluiceError("ERR_CLOSED", "The connection to Kafka is closed"));
    await this.client.close();
  }

  /** All topics of the cluster. */
  async topics(): Promise<readonly TopicState[]> {
    return (await this.retrying("list the topics", () => this.#state(undefined))).topics;
  }

  /** A topic as it is now; undefined when there is none. */
  async topic(name: string): Promise<TopicState | undefined> {
    return (await this.retrying(`look at topic "${name}"`, () => this.#state([name]))).topics[0];
  }

  /** Runs a request at the node that leads a partition, and follows the partition when it moves. */
  onLeader<T>(
    topic: TopicRef,
    partition: number,
    request: (to: Destination) => Promise<T>,
    timeout?: number,
  ): Promise<T> {
    let missing = 0;
    return this.retrying(
      `reach partition ${partition} of topic "${topic.name}"`,
      async () => {
        try {
          return await request({ node: await this.leaderOf(topic, partition) });
        } catch (error) {
          if (!isKafkaError(error)) throw error;
          this.#leaders.delete(topic.name);
          if (!isGone(error)) throw error;
          const found = await this.#state([topic.name]);
          if (found.topics[0]?.id !== topic.id && ++missing >= misses) throw this.#forget(topic);
          throw new KafkaError(error.message, undefined, error); // Perhaps a node that has not heard of it yet.
        }
      },
      timeout,
      topic.gone.signal,
    );
  }

  /** The node that leads a partition, as far as is known. */
  async leaderOf(topic: TopicRef, partition: number): Promise<number> {
    let state = this.#leaders.get(topic.name);
    // The name may be that of another topic by now, which somebody else here has asked for.
    if (state?.id !== topic.id || state.partitions[partition] === undefined) {
      state = (await this.#state([topic.name])).topics[0];
      if (state === undefined || state.id !== topic.id) {
        throw new KafkaError(`There is no topic "${topic.name}"`, protocolError.unknownTopicOrPartition);
      }
    }
    const leader = state.partitions[partition]?.leader ?? -1;
    if (leader < 0) {
      throw new KafkaError(`Partition ${partition} of "${topic.name}" has no leader`, protocolError.leaderNotAvailable);
    }
    return leader;
  }

  /** Forgets who leads a topic, since that was wrong. */
  forgetLeaders(topic: TopicRef): void {
    this.#leaders.delete(topic.name);
  }

  /** Runs a request at any node. */
  onAny<T>(what: string, request: (to: Destination) => Promise<T>): Promise<T> {
    return this.retrying(what, async () => {
      if (this.#nodes.length === 0) await this.#state([]);
      return request({ node: this.#nodes[Math.floor(Math.random() * this.#nodes.length)]! });
    });
  }

  /** Runs a request at the node that controls the cluster. */
  onController<T>(what: string, request: (to: Destination) => Promise<T>): Promise<T> {
    return this.retrying(what, async () => {
      try {
        if (this.#controller === undefined) await this.#state([]);
        return await request({ node: this.#controller! });
      } catch (error) {
        this.#controller = undefined;
        throw error;
      }
    });
  }

  /** Runs a request at the node that coordinates a group or a transaction. */
  onCoordinator<T>(
    of: "group" | "transaction",
    key: string,
    request: (to: Destination) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const known = `${of} ${key}`;
    return this.retrying(
      `reach the coordinator of ${of} "${key}"`,
      async () => {
        try {
          let node = this.#coordinators.get(known);
          if (node === undefined) this.#coordinators.set(known, (node = await this.client.coordinator(of, key)));
          return await request({ node });
        } catch (error) {
          if (isKafkaError(error) && error.isTransient) this.#coordinators.delete(known);
          throw error;
        }
      },
      undefined,
      signal,
    );
  }

  /** Tries until it succeeds, fails for good, or the time is over. */
  async retrying<T>(
    what: string,
    attempt: () => Promise<T>,
    timeout = this.#retryTimeout,
    signal: AbortSignal = this.closed,
  ): Promise<T> {
    const until = Date.now() + timeout;
    for (let wait = pauses.first; ; wait = Math.min(2 * wait, pauses.longest)) {
      try {
        return await unlessAborted(attempt(), signal);
      } catch (error) {
        if (this.closed.aborted) throw this.closed.reason as Error;
        if (!isKafkaError(error)) throw error;
        if (!error.isTransient) throw error;
        if (Date.now() + wait > until) throw failed(what, error);
      }
      await pause(wait * (0.75 + Math.random() / 2), signal);
    }
  }

  /** What an attempt says that has to be made again. */
  notYet(why: string): KafkaError {
    return new KafkaError(why, undefined);
  }

  async #state(topics: readonly string[] | undefined): Promise<ClusterState> {
    const state = await this.client.clusterState(topics);
    this.#controller = state.controller;
    this.#nodes = state.nodes;
    for (const topic of state.topics) this.#leaders.set(topic.name, topic);
    return state;
  }

  #forget(topic: TopicRef): SluiceError {
    const error = topicNotFound(topic.name);
    topic.gone.abort(error);
    return error;
  }
}

/** What a broker says of a topic that it does not know. */
export function isGone(error: unknown): boolean {
  return isKafkaError(error, protocolError.unknownTopicOrPartition, protocolError.unknownTopicId);
}

/** @param name - Its name, as the user knows it. */
export function topicNotFound(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}"`, { details: { topic: name } });
}

/** An error of Kafka as users see it. */
export function failed(what: string, error: KafkaError): SluiceError {
  return new SluiceError(codeOf(error), `Could not ${what}: ${error.message}`, {
    cause: error,
    details: error.code === undefined ? {} : { kafka: error.code },
  });
}

const forbidden: readonly (number | undefined)[] = [
  protocolError.topicAuthorizationFailed,
  protocolError.groupAuthorizationFailed,
  protocolError.clusterAuthorizationFailed,
];

function codeOf({ code }: KafkaError): ErrorCode {
  if (code === undefined) return "ERR_UNREACHABLE";
  if (code === protocolError.authenticationFailed) return "ERR_UNAUTHORIZED";
  if (code === protocolError.messageTooLarge) return "ERR_TOO_LARGE";
  return forbidden.includes(code) ? "ERR_FORBIDDEN" : "ERR_STORAGE";
}

/** Any error as users see it. */
export function asUserError(what: string, error: unknown): unknown {
  return isKafkaError(error) ? failed(what, error) : error;
}
