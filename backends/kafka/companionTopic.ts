import { isKafkaError, protocolError } from "./client/kafkaError.ts";
import { asUserError, type TopicRef } from "./cluster.ts";
import type { OpenedTopic, TopicHost } from "./topicHost.ts";
import { companionOf, settingsOf } from "./topicSettings.ts";

/** The topic that has the chunks of another one's data. It is made when it is first needed. */
export class CompanionTopic {
  readonly #opened: OpenedTopic;
  readonly #host: TopicHost;
  readonly #countPartitions: () => number;
  #found: Promise<TopicRef | undefined> | undefined;

  /** @param countPartitions - How many partitions the topic has by now. */
  constructor(opened: OpenedTopic, host: TopicHost, countPartitions: () => number) {
    this.#opened = opened;
    this.#host = host;
    this.#countPartitions = countPartitions;
  }

  /** Looks for it, once; `make` makes one where there is none. */
  async open(how: "make" | "find"): Promise<TopicRef | undefined> {
    const found = await (this.#found ??= this.#lookFor(how));
    return found === undefined && how === "make" ? this.open("make") : found;
  }

  async #lookFor(how: "make" | "find"): Promise<TopicRef | undefined> {
    let found: TopicRef | undefined;
    try {
      found = (await this.#find()) ?? (how === "make" ? await this.#make() : undefined);
    } finally {
      if (found === undefined) this.#found = undefined; // It may be made later, or be reached.
    }
    return found;
  }

  async #find(): Promise<TopicRef | undefined> {
    const { ref } = this.#opened;
    const name = companionOf(ref.name);
    const found = await this.#host.cluster.topic(name);
    return found && { name, id: found.id, gone: ref.gone };
  }

  async #make(): Promise<TopicRef> {
    const { cluster, options } = this.#host;
    const { config, ref } = this.#opened;
    const name = companionOf(ref.name);
    const settings = settingsOf(config, "chunks", options);
    const count = this.#countPartitions();
    await cluster
      .onController(`create "${name}"`, (to) => cluster.client.createTopic(to, name, count, options.replicas, settings))
      .catch((error: unknown) => {
        if (!isKafkaError(error, protocolError.topicExists)) throw asUserError(`create topic "${name}"`, error);
      });
    return cluster.retrying(`find topic "${name}"`, async () => {
      const made = await this.#find();
      if (made === undefined) throw cluster.notYet(`Topic "${name}" is not there yet`);
      return made;
    });
  }
}
