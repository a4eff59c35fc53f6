import type { Fetched, FetchWish } from "./client/client.ts";
import { isKafkaError } from "./client/kafkaError.ts";
import type { KafkaCluster } from "./cluster.ts";

/** How fetching is bounded. */
export interface FetcherOptions {
  /** Milliseconds that a broker waits for something to come. */
  readonly maxWait: number;
  /** How many requests may wait at one node, each on a connection of its own. */
  readonly lanes: number;
}

interface Wish extends FetchWish {
  readonly signal: AbortSignal;
  readonly resolve: (fetched: Fetched) => void;
  readonly reject: (error: unknown) => void;
}

/** The wishes for one node, and which of its lanes are busy. */
interface Node {
  waiting: Wish[];
  readonly busy: Set<number>;
  /** The part of the bytes wished for that it is asked for. */
  share: number;
}

/** The least part of the bytes wished for, and what an answer adds to the part. */
const shares = { least: 1 / 1024, step: 1 / 16 };

/**
 * Fetches for all readers of a connection. A broker answers the requests of one connection in their order, so a request
 * that waits for events holds up what comes behind it: wishes that come meanwhile are put together and take another lane.
 * Where no answer comes, half as much is fetched the next time, down to one batch: a link that is too slow for a whole answer
 * within the time of a request, or that does not last for so long, would never bring anything.
 */
export class Fetcher {
  readonly #cluster: KafkaCluster;
  readonly #options: FetcherOptions;
  readonly #nodes = new Map<number, Node>();

  constructor(cluster: KafkaCluster, options: FetcherOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Fetches once from one partition. It may bring nothing. */
  fetch(node: number, wish: FetchWish, signal: AbortSignal): Promise<Fetched> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const queue = this.#nodes.get(node) ?? { waiting: [], busy: new Set<number>(), share: 1 };
      this.#nodes.set(node, queue);
      queue.waiting.push({ ...wish, signal, resolve, reject });
      // Wishes of the same turn travel together.
      if (queue.waiting.length === 1) queueMicrotask(() => this.#send(node, queue));
    });
  }

  #send(node: number, queue: Node): void {
    queue.waiting = queue.waiting.filter(({ signal }) => !signal.aborted);
    if (queue.waiting.length === 0 || queue.busy.size >= this.#options.lanes) return;
    const lane = freeLane(queue.busy);
    const taken = takeOnce(queue);
    queue.busy.add(lane);
    const partitions = queue.share === 1 ? taken : taken.map((wish) => partOf(wish, queue.share));
    const maxBytes = Math.min(
      partitions.reduce((sum, wish) => sum + wish.maxBytes, 0),
      0x7fff_ffff,
    );
    this.#cluster.client
      .fetch({ node, lane: `fetch-${lane}` }, { partitions, maxWait: this.#options.maxWait, maxBytes })
      .then(
        (answers) => {
          queue.share = Math.min(1, queue.share + shares.step);
          settle(taken, answers);
        },
        (error: unknown) => {
          if (isLost(error)) queue.share = Math.max(shares.least, queue.share / 2);
          taken.forEach(({ reject }) => reject(error));
        },
      )
      .finally(() => {
        queue.busy.delete(lane);
        this.#send(node, queue);
      });
    if (queue.waiting.length > 0) this.#send(node, queue);
  }
}

function freeLane(busy: ReadonlySet<number>): number {
  let lane = 0;
  while (busy.has(lane)) lane++;
  return lane;
}

function partOf(wish: Wish, share: number): FetchWish {
  return { ...wish, maxBytes: Math.ceil(wish.maxBytes * share) };
}

/** Whether no answer came, or not the whole of it. */
function isLost(error: unknown): boolean {
  return isKafkaError(error) && error.code === undefined;
}

/** Takes the waiting wishes, but of each partition one only: a request can name it once. */
function takeOnce(queue: Node): Wish[] {
  const seen = new Set<string>();
  const taken: Wish[] = [];
  const left: Wish[] = [];
  for (const wish of queue.waiting) {
    const key = `${wish.topicId}/${wish.partition}`;
    if (seen.has(key)) left.push(wish);
    else {
      seen.add(key);
      taken.push(wish);
    }
  }
  queue.waiting = left;
  return taken;
}

function settle(wishes: readonly Wish[], answers: readonly Fetched[]): void {
  const byPartition = new Map(answers.map((answer) => [`${answer.topicId}/${answer.partition}`, answer]));
  for (const { topicId, partition, resolve, reject } of wishes) {
    const answer = byPartition.get(`${topicId}/${partition}`);
    if (answer === undefined) reject(new Error(`The broker did not answer for partition ${partition}`));
    else resolve(answer);
  }
}
