import { isKafkaError, KafkaError, protocolError } from "./client/kafkaError.ts";
import type { KafkaCluster, TopicRef } from "./cluster.ts";

/** Milliseconds between the end of one look and the next. */
const interval = 1000;

/** Work on a topic that is done now and then for as long as somebody asks for it: one at a time, and never twice for nothing. */
export class Upkeep {
  readonly #work: () => Promise<void>;
  readonly #isOver: () => boolean;
  #state: "idle" | "busy" | "again" | "forbidden" = "idle";

  /** @param work - What is done. When it fails it is tried again, unless the user may not do it. */
  constructor(cluster: KafkaCluster, topic: TopicRef, work: () => Promise<void>) {
    this.#work = work;
    this.#isOver = () => topic.gone.signal.aborted || cluster.closed.aborted;
  }

  /** There may be something to do. */
  look(): void {
    if (this.#state === "forbidden") return;
    if (this.#state !== "idle") return void (this.#state = "again");
    this.#state = "busy";
    void this.#work()
      .catch((error: unknown) => {
        // Whoever may not do it leaves it to others. Everything else is tried again.
        const isForbidden = isKafkaError(error, protocolError.topicAuthorizationFailed);
        this.#state = isForbidden ? "forbidden" : "again";
      })
      .finally(() => setTimeout(() => this.#rest(), interval).unref());
  }

  #rest(): void {
    if (this.#state === "forbidden") return;
    const isWanted = this.#state === "again" && !this.#isOver();
    this.#state = "idle";
    if (isWanted) this.look();
  }
}

/** Drops what stands in front of an offset. */
export async function dropBefore(
  cluster: KafkaCluster,
  topic: TopicRef,
  partition: number,
  offset: number,
): Promise<void> {
  await cluster.onLeader(topic, partition, async (to) => {
    const code = await cluster.client.deleteRecords(to, topic.name, partition, offset);
    if (code !== 0) throw new KafkaError(`The broker refused to drop events with error ${code}`, code);
  });
}
