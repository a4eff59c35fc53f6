import { randomBytes } from "node:crypto";
import { defer, firstValueFrom, from, lastValueFrom } from "rxjs";
import { isSluiceError, SluiceError, type Backend, type BackendTopic, type TopicConfig } from "sluice";
import { countsOf, type RankDirectory } from "./rankDirectory.ts";
import { RankedTopic } from "./rankedTopic.ts";

/**
 * Makes one backend of those of several ranks: each partition of a topic is at one of them. What is there is what the directory
 * says, and topics that rank 0 had before there were others stay at rank 0.
 *
 * @param parts - The backend of each rank, all of one kind.
 * @param directory - Which rank has which partition.
 * @returns The backend. Closing it closes the parts.
 */
export async function rankedBackend(parts: readonly Backend[], directory: RankDirectory): Promise<Backend> {
  const ranked = new RankedBackend(parts, directory);
  await ranked.tidy();
  return ranked;
}

class RankedBackend implements Backend {
  readonly capabilities;
  readonly #parts: readonly Backend[];
  readonly #directory: RankDirectory;
  readonly #topics = new Map<string, RankedTopic>();

  constructor(parts: readonly Backend[], directory: RankDirectory) {
    this.#parts = parts;
    this.#directory = directory;
    // What several ranks store is not stored at one moment.
    this.capabilities = { ...parts[0]!.capabilities, exactlyOnce: false };
  }

  /** Clears away what an earlier run has not finished, and takes up the topics that rank 0 had alone. */
  async tidy(): Promise<void> {
    for (const [name, { state }] of [...this.#directory.entries]) if (state !== "there") await this.#remove(name);
    const [first, ...others] = this.#parts;
    await this.#adopt(first!);
    if (this.capabilities.persistent) return;
    // What others have in memory has ended with the rank 0 that knew of it.
    for (const other of others) {
      for (const name of await firstValueFrom(from(other.listTopics()))) {
        if (this.#directory.get(name) === undefined) await deleteAt(other, name);
      }
    }
  }

  /** What rank 0 alone has is as rank 0 has it: it may have been changed while there was no other rank. */
  async #adopt(first: Backend): Promise<void> {
    const names = new Set(await firstValueFrom(from(first.listTopics())));
    for (const [name, { ranks }] of [...this.#directory.entries]) {
      if (!names.has(name) && ranks.every((rank) => rank === 0)) await this.#directory.set(name);
    }
    for (const name of names) {
      const known = this.#directory.get(name);
      if (known?.ranks.some((rank) => rank > 0) === true) continue;
      const { config } = await firstValueFrom(from(first.openTopic(name)));
      if (known?.ranks.length === config.partitions) continue;
      await this.#directory.set(name, { state: "there", config, ranks: Array<number>(config.partitions).fill(0) });
    }
  }

  createTopic(name: string, config: TopicConfig) {
    return defer(() => this.#create(name, config));
  }

  openTopic(name: string) {
    return defer(async (): Promise<BackendTopic> => this.#topic(name));
  }

  listTopics() {
    return defer(async () =>
      [...this.#directory.entries].filter(([, { state }]) => state === "there").map(([name]) => name),
    );
  }

  deleteTopic(name: string) {
    return defer(async () => {
      const topic = this.#topic(name);
      await this.#directory.set(name, { ...this.#directory.get(name)!, state: "going" });
      await topic.remove(notFound(name));
      this.#topics.delete(name);
      await this.#remove(name);
    });
  }

  close() {
    return defer(async () => {
      for (const topic of this.#topics.values()) topic.close();
      for (const part of this.#parts) await lastValueFrom(from(part.close()), { defaultValue: undefined });
    });
  }

  async #create(name: string, given: TopicConfig): Promise<BackendTopic> {
    if (this.#directory.get(name)?.state === "going") await this.#remove(name);
    if (this.#directory.get(name) !== undefined) throw exists(name);
    const ranks = this.#share(given.partitions);
    const config = { ...given, id: randomBytes(16).toString("hex") };
    await this.#directory.set(name, { state: "making", config, ranks });
    try {
      for (const [rank, partitions] of countsOf(ranks)) {
        await firstValueFrom(from(this.#parts[rank]!.createTopic(name, { ...config, partitions })));
      }
    } catch (error) {
      // What cannot be cleared away now, while a rank is away say, is cleared away before the name is used again.
      await this.#directory.set(name, { state: "going", config, ranks });
      await this.#remove(name).catch(() => undefined);
      throw error;
    }
    await this.#directory.set(name, { state: "there", config, ranks });
    return this.#topic(name);
  }

  #topic(name: string): RankedTopic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    if (this.#directory.get(name)?.state !== "there") throw notFound(name);
    const topic = new RankedTopic(name, this.#parts, this.#directory, (count) => this.#share(count));
    this.#topics.set(name, topic);
    return topic;
  }

  /** Each partition goes to the rank that has the fewest, of all topics. */
  #share(count: number): number[] {
    const held = this.#parts.map(() => 0);
    for (const { ranks } of this.#directory.entries.values()) for (const rank of ranks) held[rank]!++;
    return Array.from({ length: count }, () => {
      const rank = held.indexOf(Math.min(...held));
      held[rank]!++;
      return rank;
    });
  }

  async #remove(name: string): Promise<void> {
    for (const part of this.#parts) await deleteAt(part, name); // One may have a part that it was given in vain.
    await this.#directory.set(name);
  }
}

async function deleteAt(part: Backend, name: string): Promise<void> {
  try {
    await lastValueFrom(from(part.deleteTopic(name)), { defaultValue: undefined });
  } catch (error) {
    if (!isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) throw error;
  }
}

function exists(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_EXISTS", `Topic "${name}" exists already`, { details: { topic: name } });
}

function notFound(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}"`, { details: { topic: name } });
}
