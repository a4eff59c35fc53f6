import type { Keys } from "../encryption/keys.ts";
import { ignoreMissing, type Storage } from "../storage/storage.ts";
import { closed, notFound, unreadableTopic } from "../logErrors.ts";
import { assertKnownVersion, readTopic } from "../topicFile.ts";
import { journalDirectory, stemOf } from "../topicName.ts";
import { ReadOnlyTopic } from "./readOnlyTopic.ts";

/** What files are read with. */
export interface Reading {
  readonly storage: Storage;
  readonly keys: Keys;
}

/** The topics of a directory that another process may be writing. Nothing is changed in it, and no lock is taken. */
export class ReadOnlyStore {
  readonly #storage: Storage;
  readonly #keys: Keys;
  readonly #directory: string;
  readonly #topics = new Map<string, ReadOnlyTopic>();
  #closed = false;

  /** @param directory - Where the log is. It need not be there yet. */
  constructor(directory: string, { storage, keys }: Reading) {
    this.#storage = storage;
    this.#keys = keys;
    this.#directory = `${directory}/topics`;
  }

  /** The names of all topics there are now. */
  async names(): Promise<string[]> {
    this.#assertOpen();
    const stored = await Promise.all((await this.#directories()).map((name) => this.#read(name)));
    return stored.flatMap((topic) => (topic === undefined ? [] : [topic.name]));
  }

  /** Opens a topic; everybody gets the same one, until it is deleted. */
  async find(name: string): Promise<ReadOnlyTopic> {
    this.#assertOpen();
    const known = this.#topics.get(name);
    if (known !== undefined) {
      await known.refresh();
      if (!known.isGone) return known;
      this.#topics.delete(name);
    }
    let unreadable: string | undefined;
    for (const each of await this.#directories()) {
      if (each.slice(0, each.lastIndexOf("-")) !== stemOf(name)) continue; // Not one of this name, whatever is in it.
      const stored = await this.#read(each);
      if (stored === undefined) unreadable = each;
      if (stored?.name !== name) continue;
      assertKnownVersion(stored);
      this.#assertOpen();
      const options = {
        storage: this.#storage,
        keys: this.#keys,
        directory: `${this.#directory}/${each}`,
        deleted: notFound(name),
      };
      const topic = this.#topics.get(name) ?? new ReadOnlyTopic(stored, options);
      this.#topics.set(name, topic);
      await topic.refresh();
      return topic;
    }
    throw unreadable === undefined
      ? notFound(name)
      : unreadableTopic(name, `${this.#directory}/${unreadable}/topic.json`);
  }

  /** Ends everybody who reads, and lets go of all files. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#topics.values()].map((topic) => topic.close(closed())));
  }

  async #directories(): Promise<string[]> {
    const names = (await this.#storage.list(this.#directory).catch(ignoreMissing)) ?? [];
    return names.filter((name) => name !== journalDirectory && !/\.(new|gone)$/.test(name));
  }

  #read(name: string) {
    return readTopic(this.#storage, `${this.#directory}/${name}`).catch(ignoreMissing);
  }

  #assertOpen(): void {
    if (this.#closed) throw closed();
  }
}
