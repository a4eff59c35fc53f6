import { randomBytes } from "node:crypto";
import type { TopicConfig } from "../../src/model/backend.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { ignoreMissing } from "./storage/storage.ts";
import { closed, notFound, unreadableTopic } from "./logErrors.ts";
import { journalDirectory, stemOf } from "./topicName.ts";
import { LogTopic, type LogTopicOptions } from "./topic.ts";
import { assertKnownVersion, makeTopic, readTopic, type StoredTopic } from "./topicFile.ts";
import { TransactionLog } from "./transactions/transactionLog.ts";

/** Endings of directories that are being made or removed. What a crash has left of them goes when the store is opened. */
const unfinished = /\.(new|gone)$/;

/** What a store is told. Its directory is that of the whole log. */
export type StoreOptions = Omit<LogTopicOptions, "transactions">;

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
 * topics/transactions/          a topic of the log itself, made with its first transaction
 * ```
 */
export class TopicStore {
  readonly #options: LogTopicOptions;
  readonly #transactions: TransactionLog;
  readonly #unlock: () => Promise<void>;
  readonly #topics = new Map<string, Known>();
  /** Topics that are being made: their names are taken, and they are not there yet. */
  readonly #making = new Set<string>();
  /** Directories whose `topic.json` cannot be read. */
  readonly #unreadable: string[] = [];
  #closed = false;

  private constructor(options: StoreOptions, unlock: () => Promise<void>) {
    const directory = `${options.directory}/topics`;
    const topicIn = (name: string) => this.#topicIn(name);
    this.#transactions = new TransactionLog({ ...options, directory, topicIn });
    this.#options = { ...options, directory, transactions: this.#transactions };
    this.#unlock = unlock;
  }

  /** Takes a directory that is there, reads which topics there are, and finishes the transactions that a crash has left. */
  static async open(options: StoreOptions): Promise<TopicStore> {
    const { storage, directory } = options;
    const topics = `${directory}/topics`;
    const unlock = await storage.lock(directory);
    try {
      await storage.makeDirectory(topics);
      const store = new TopicStore(options, unlock);
      const names = await storage.list(topics);
      for (const name of names) await store.#discover(name);
      if (names.includes(journalDirectory)) await store.#transactions.open();
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
    const { storage, directory } = this.#options;
    const path = `${directory}/${stemOf(name)}-${randomBytes(4).toString("hex")}`;
    try {
      const stored: StoredTopic = { version: 1, name, config, sealed: false };
      await makeTopic(storage, directory, path, stored);
      this.#topics.set(name, { directory: path, stored, topic: undefined });
    } catch (error) {
      // As far as that can be done: it would be there the next time, although it was said that it could not be made.
      await storage.removeDirectory(path).catch(() => undefined);
      throw error;
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
    assertKnownVersion(known.stored);
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
    await this.#transactions.close();
    await this.#unlock();
  }

  /** Opens the topic of a directory; undefined when there is none any more. */
  async #topicIn(directory: string): Promise<LogTopic | undefined> {
    for (const [name, known] of this.#topics) if (known.directory.endsWith(`/${directory}`)) return this.find(name);
    if (!this.#unreadable.includes(directory)) return undefined;
    throw unreadableTopic(directory, `${this.#options.directory}/${directory}/topic.json`);
  }

  async #discover(name: string): Promise<void> {
    const { storage, directory } = this.#options;
    const path = `${directory}/${name}`;
    if (unfinished.test(name)) return storage.removeDirectory(path);
    if (name === journalDirectory) return;
    const stored = await readTopic(storage, path).catch(ignoreMissing);
    if (stored === undefined) this.#unreadable.push(name);
    else if (await this.#isTheOne(stored.name, path))
      this.#topics.set(stored.name, { directory: path, stored, topic: undefined });
  }

  /**
   * Whether a directory is that of a topic. Where making one failed at the very end, its directory may be there all the
   * same, and another one may have been made since. Nobody has ever stored anything in the first, so it goes.
   */
  async #isTheOne(name: string, path: string): Promise<boolean> {
    const known = this.#topics.get(name);
    if (known === undefined) return true;
    const { storage } = this.#options;
    const isUsed = async (directory: string) => (await storage.list(directory)).some((each) => /^p\d+$/.test(each));
    const [isKnownUsed, isThisUsed] = [await isUsed(known.directory), await isUsed(path)];
    if (isKnownUsed && isThisUsed)
      throw new SluiceError("ERR_STORAGE", `Topic "${name}" is there twice, in "${known.directory}" and in "${path}"`, {
        details: { topic: name, directories: [known.directory, path] },
      });
    await storage.removeDirectory(isThisUsed ? known.directory : path);
    return isThisUsed;
  }

  /** A topic that may be there, but whose description is damaged, is neither missing nor free to be made anew. */
  #assertReadable(name: string): void {
    const directory = this.#unreadable.find((each) => each.slice(0, each.lastIndexOf("-")) === stemOf(name));
    if (directory === undefined) return;
    throw unreadableTopic(name, `${this.#options.directory}/${directory}/topic.json`);
  }

  #assertOpen(): void {
    if (this.#closed) throw closed();
  }
}
