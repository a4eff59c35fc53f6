import { randomBytes } from "node:crypto";
import type { TopicConfig } from "../../src/model/backend.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { ignoreMissing } from "./storage.ts";
import { LogTopic, type LogTopicOptions } from "./topic.ts";
import { readTopic, writeTopic, type StoredTopic } from "./topicFile.ts";

/** Endings of directories that are being made or removed. What a crash has left of them goes when the store is opened. */
const unfinished = /\.(new|gone)$/;

/** A topic that is known, and that is opened when it is first asked for. */
interface Known {
  readonly directory: string;
  readonly stored: StoredTopic;
  topic: Promise<LogTopic> | undefined;
}

/**
 * The topics of one directory:
 *
 * ```text
 * LOCK                          who has the directory
 * topics/collisions-3f2a91c0/   a topic, under a part of its name (as far as every file system can tell it from others) and a random number
 *   topic.json                  its name, partitions, components, retention
 *   cursors                     what its consumers have acknowledged
 *   p0/                         a partition, made with its first event
 *     0000000000.seg …          its segments
 *     head                      how far the newest one reached
 *     quarantine/               torn tails
 * ```
 */
export class TopicStore {
  readonly #options: LogTopicOptions;
  readonly #unlock: () => Promise<void>;
  readonly #topics = new Map<string, Known>();
  /** Topics that are being made: their names are taken, and they are not there yet. */
  readonly #making = new Set<string>();
  /** Directories whose `topic.json` cannot be read. */
  readonly #unreadable: string[] = [];
  #closed = false;

  private constructor(options: LogTopicOptions, unlock: () => Promise<void>) {
    this.#options = options;
    this.#unlock = unlock;
  }

  /** Takes a directory, and reads which topics there are. */
  static async open(options: LogTopicOptions): Promise<TopicStore> {
    const { storage, directory } = options;
    const topics = `${directory}/topics`;
    await storage.makeDirectory(directory);
    const unlock = await storage.lock(directory);
    try {
      await storage.makeDirectory(topics);
      const store = new TopicStore({ ...options, directory: topics }, unlock);
      for (const name of await storage.list(topics)) await store.#discover(name);
      return store;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** The names of all topics. */
  names(): string[] {
    return [...this.#topics.keys()];
  }

  /** Makes a topic. It is there whole or not at all. */
  async create(name: string, config: TopicConfig): Promise<LogTopic> {
    this.#assertOpen();
    this.#assertReadable(name);
    if (this.#topics.has(name) || this.#making.has(name)) {
      throw new SluiceError("ERR_TOPIC_EXISTS", `Topic "${name}" exists already`, { details: { topic: name } });
    }
    this.#making.add(name);
    try {
      const { storage, directory } = this.#options;
      const path = `${directory}/${stemOf(name)}-${randomBytes(4).toString("hex")}`;
      const stored: StoredTopic = { version: 1, name, config, sealed: false };
      await storage.makeDirectory(`${path}.new`);
      await writeTopic(storage, `${path}.new`, stored);
      await storage.rename(`${path}.new`, path);
      await storage.syncDirectory(directory);
      this.#topics.set(name, { directory: path, stored, topic: undefined });
    } finally {
      this.#making.delete(name);
    }
    return this.find(name);
  }

  /** Opens a topic; everybody gets the same one. */
  async find(name: string): Promise<LogTopic> {
    this.#assertOpen();
    const known = this.#topics.get(name);
    if (known === undefined) {
      this.#assertReadable(name);
      throw notFound(name);
    }
    const opening = (known.topic ??= LogTopic.open(known.stored, { ...this.#options, directory: known.directory }));
    opening.catch(() => (known.topic = undefined)); // The next one who asks tries again.
    return opening;
  }

  /** Removes a topic with everything in it. */
  async delete(name: string): Promise<void> {
    const topic = await this.find(name);
    const known = this.#topics.get(name);
    if (known === undefined) throw notFound(name);
    this.#topics.delete(name);
    const { storage, directory } = this.#options;
    await topic.close(notFound(name));
    await storage.rename(known.directory, `${known.directory}.gone`);
    await storage.syncDirectory(directory);
    await storage.removeDirectory(`${known.directory}.gone`);
  }

  /** Closes every topic in good order, and gives the directory back. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#topics.values()].map(async ({ topic }) =>
      (await topic?.catch(() => undefined))?.close(closed()),
    );
    await Promise.allSettled(open);
    await this.#unlock();
  }

  async #discover(name: string): Promise<void> {
    const { storage, directory } = this.#options;
    const path = `${directory}/${name}`;
    if (unfinished.test(name)) return storage.removeDirectory(path);
    const stored = await readTopic(storage, path).catch(ignoreMissing);
    if (stored === undefined) this.#unreadable.push(name);
    else this.#topics.set(stored.name, { directory: path, stored, topic: undefined });
  }

  /** A topic that may be there, but whose description is damaged, is neither missing nor free to be made anew. */
  #assertReadable(name: string): void {
    const directory = this.#unreadable.find((each) => each.slice(0, each.lastIndexOf("-")) === stemOf(name));
    if (directory === undefined) return;
    const path = `${this.#options.directory}/${directory}/topic.json`;
    throw new SluiceError("ERR_STORAGE", `Topic "${name}" may be the one in "${path}", which cannot be read`, {
      details: { topic: name, path },
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw closed();
  }
}

/** A part of a name that is a file name everywhere: no upper case, no dots, not too long. */
function stemOf(name: string): string {
  return name.toLowerCase().replaceAll(".", "_").slice(0, 60);
}

function notFound(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}"`, { details: { topic: name } });
}

function closed(): SluiceError {
  return new SluiceError("ERR_CLOSED", "The log is closed");
}
