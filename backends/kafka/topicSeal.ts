import type { KafkaCluster } from "./cluster.ts";
import type { KafkaPartition } from "./partition.ts";
import type { Registry, TopicEntry } from "./registry.ts";
import type { OpenedTopic } from "./topicHost.ts";
import { transactionTimeout } from "./transactions/transactionalProducer.ts";

/** What a seal needs of its topic. */
export interface SealHost extends Omit<OpenedTopic, "name"> {
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly partitions: readonly KafkaPartition[];
}

/** How long, in milliseconds, a reader at the end believes that a topic is not sealed. */
const maxAge = 400;

/**
 * The seal of a topic. It is a setting of the topic, so that its brokers take nothing more, whoever sends it, and an entry in
 * the registry, so that readers know that the end is one.
 */
export class TopicSeal {
  readonly #host: SealHost;
  #looked = 0;

  constructor(host: SealHost) {
    this.#host = host;
  }

  /** Whether it is set, looked up at most every now and then. */
  async isSet(how: "now" | "lately"): Promise<boolean> {
    const { registry, ref } = this.#host;
    if (registry.peek(ref)?.sealed === "yes") return true;
    if (how === "lately" && Date.now() - this.#looked < maxAge) return false;
    this.#looked = Date.now();
    return (await registry.get(ref))?.sealed === "yes";
  }

  /** Sets it, behind the transactions that are open. */
  async set(): Promise<void> {
    const { cluster, registry, ref, maxBatchBytes } = this.#host;
    const before = String(maxBatchBytes);
    // A topic that takes batches of no bytes takes none: the brokers themselves refuse whoever does not know of the seal.
    await this.#setMaxBytes("0");
    await cluster.retrying(
      `end the transactions of "${ref.name}"`,
      async () => {
        if (!(await this.#hasOpenTransaction())) return;
        // Nor does it take how a transaction ends, so one that is open would stay so for ever.
        await this.#setMaxBytes(before);
        if (await this.#hasOpenTransaction()) throw cluster.notYet("A transaction is open");
        await this.#setMaxBytes("0");
        throw cluster.notYet("A transaction was open");
      },
      2 * transactionTimeout,
    );
    await registry.put(ref.name, this.#entry);
  }

  /** Sets how large a batch may be, and waits until every leader knows. */
  async #setMaxBytes(bytes: string): Promise<void> {
    const { cluster, ref, partitions } = this.#host;
    const { name } = ref;
    const setting = { "max.message.bytes": bytes };
    await cluster.onController(`seal "${name}"`, (to) => cluster.client.setTopicSettings(to, name, setting));
    await Promise.all(
      partitions.map(({ index }) =>
        cluster.onLeader(ref, index, (to) =>
          cluster.retrying(`see the seal of "${name}"`, async () => {
            const seen = await cluster.client.topicSettings(to, name, Object.keys(setting));
            if (seen["max.message.bytes"] !== bytes) throw cluster.notYet("The seal has not reached every broker");
          }),
        ),
      ),
    );
  }

  async #hasOpenTransaction(): Promise<boolean> {
    const open = await Promise.all(this.#host.partitions.map((partition) => partition.hasOpenTransaction()));
    return open.includes(true);
  }

  get #entry(): TopicEntry {
    const { config, layout, ref } = this.#host;
    const { components, retention } = config;
    return {
      topicId: ref.id,
      config: { components, ...(retention && { retention }) },
      layout: layout.name,
      sealed: "yes",
    };
  }
}
