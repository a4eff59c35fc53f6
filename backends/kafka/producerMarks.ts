import { isSluiceError } from "../../src/model/errors.ts";
import type { KafkaCluster } from "./cluster.ts";
import { CompactedTopic } from "./compactedTopic.ts";
import type { Fetcher } from "./fetcher.ts";
import { isRecord } from "./layouts/layout.ts";
import type { SinkOptions } from "./recordSink.ts";

/** How far a producer has come in one partition, as it was written down. */
export interface ProducerMark {
  /** The sequence number of its next event, at the least. */
  readonly next: number;
  /** Everything of it that is behind `next` lies from this offset on. */
  readonly offset: number;
  /** Whether something may lie there. A mark that is closed says all. */
  readonly state: "open" | "closed";
}

/** The name of the topic of the marks, without the namespace. */
export const marksName = "__sluice_producers";

/** Milliseconds for which a mark is kept: 90 days, so that those of producers that are no more go some day. */
const retention = 90 * 86_400_000;

/**
 * Marks of producers that outlive their process, in a compacted topic. Before the first batch after a rest, a mark says where
 * the partition ends; some time after the last one, it says how far the producer has come. So whoever comes back after a crash
 * reads from its mark on, and after a rest nothing at all, however much others have written meanwhile.
 */
export class ProducerMarks {
  readonly #marks: CompactedTopic<ProducerMark>;
  /** Whether a user who may not write there does without. */
  #isForbidden = false;

  constructor(cluster: KafkaCluster, fetcher: Fetcher, name: string, replicas: number, sink: SinkOptions) {
    const settings = { "cleanup.policy": "compact,delete", "retention.ms": String(retention) };
    this.#marks = new CompactedTopic(cluster, fetcher, { name, replicas, sink, settings, parse: markOf });
  }

  /** The mark of a producer as it is now; undefined when there is none. */
  async get(key: string): Promise<ProducerMark | undefined> {
    await this.#marks.refresh();
    return this.#marks.peek(key);
  }

  /** Stores a mark, for those who may. */
  async put(key: string, mark: ProducerMark): Promise<void> {
    if (this.#isForbidden) return;
    try {
      await this.#marks.put(key, mark);
    } catch (error) {
      if (!isSluiceError(error, "ERR_FORBIDDEN")) throw error;
      this.#isForbidden = true;
    }
  }
}

function markOf(value: unknown): ProducerMark | undefined {
  if (!isRecord(value)) return undefined;
  const { next, offset, state } = value;
  if (!Number.isSafeInteger(next) || !Number.isSafeInteger(offset)) return undefined;
  return { next: next as number, offset: offset as number, state: state === "closed" ? "closed" : "open" };
}
