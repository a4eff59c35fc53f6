import { firstValueFrom, from, lastValueFrom } from "rxjs";
import type { Backend, BackendTopic, TopicConfig } from "../../../src/model/backend.ts";
import { isSluiceError, SluiceError } from "../../../src/model/errors.ts";

/** A topic that the service has opened. */
export interface DirectoryEntry {
  readonly name: string;
  /** Tells the topic apart from an earlier or a later one of the same name. */
  readonly incarnation: number;
  readonly topic: BackendTopic;
  /** Called when partitions were added. */
  readonly grown: Set<() => void>;
}

/** The topics of a service, each opened once for all its clients. */
export class Directory {
  readonly #backend: Backend;
  readonly #entries = new Map<string, DirectoryEntry>();
  #incarnations = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async create(name: string, config: TopicConfig): Promise<DirectoryEntry> {
    const topic = await firstValueFrom(from(this.#backend.createTopic(name, config)));
    return this.#enter(name, topic);
  }

  /** Fails with `ERR_TOPIC_NOT_FOUND` when there is none, or only a later one than the one that is meant. */
  async open(name: string, incarnation?: number): Promise<DirectoryEntry> {
    try {
      const topic = await firstValueFrom(from(this.#backend.openTopic(name)));
      const known = this.#entries.get(name);
      const entry = known?.topic === topic ? known : this.#enter(name, topic, known);
      if (incarnation === undefined || incarnation === entry.incarnation) return entry;
    } catch (error) {
      if (isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) this.#entries.delete(name);
      throw error;
    }
    throw new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}" any more, but a new one of its name`, {
      details: { topic: name },
    });
  }

  /** Whether it was this directory that opened a topic. */
  has({ name, incarnation, grown }: DirectoryEntry): boolean {
    const known = this.#entries.get(name);
    return known?.incarnation === incarnation && known.grown === grown;
  }

  async list(): Promise<readonly string[]> {
    return firstValueFrom(from(this.#backend.listTopics()));
  }

  async delete(name: string): Promise<void> {
    await lastValueFrom(from(this.#backend.deleteTopic(name)), { defaultValue: undefined });
    this.#entries.delete(name);
  }

  async addPartitions({ topic, grown }: DirectoryEntry, count: number, rank?: number): Promise<void> {
    await lastValueFrom(from(topic.addPartitions(count, rank)), { defaultValue: undefined });
    if (topic.grown === undefined) tellAll(grown);
  }

  /**
   * A backend may hand out a new object for the same topic each time; only a deletion makes it another topic. One that went through
   * another process shows by the id.
   */
  #enter(name: string, topic: BackendTopic, before?: DirectoryEntry): DirectoryEntry {
    const known = before?.topic.config.id === topic.config.id ? before : undefined;
    const entry: DirectoryEntry = {
      name,
      incarnation: known?.incarnation ?? ++this.#incarnations,
      topic,
      grown: known?.grown ?? new Set(),
    };
    this.#entries.set(name, entry);
    if (topic !== before?.topic) topic.grown?.subscribe(() => tellAll(entry.grown));
    return entry;
  }
}

function tellAll(listeners: ReadonlySet<() => void>): void {
  for (const each of [...listeners]) each();
}
