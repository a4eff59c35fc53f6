import { filter, firstValueFrom, from, map, Subject, type Subscription } from "rxjs";
import type { Backend, BackendTopic, Lease, TopicConfig } from "../../../src/model/backend.ts";
import { isSluiceError, SluiceError } from "../../../src/model/errors.ts";
import { messageOf } from "../../../src/model/mapError.ts";
import { answerOf } from "./answerOf.ts";

/** The name under which it is noted what has been sent. */
export const sender = "sender";

/** The numbers of a journal's topics, which are used in turn: of two of them it can be told which is the older one. */
const numbers = [0, 1, 2];

/** Journals that are open in this process: a directory of the log can be had more than once in one. */
const open = new WeakSet<BackendTopic>();

/**
 * The topic that a journal is kept in, one at a time, and the leases of its partitions.
 *
 * Files of the log are dropped whole. To give space back while little is left to be sent, the journal is written anew
 * into a topic of the next number, with what is left, and the old one is deleted in one step. Where a crash has left both,
 * the older one counts.
 */
export class JournalStore {
  readonly #backend: Backend;
  readonly #leases = new Map<number, Lease>();
  readonly #joined = new Subject<void>();
  #number: number;
  #topic: BackendTopic;
  #membership: Subscription | undefined;
  #failure: SluiceError | undefined;

  private constructor(backend: Backend, number: number, topic: BackendTopic) {
    this.#backend = backend;
    this.#number = number;
    this.#topic = topic;
    this.#join();
  }

  /** Opens the topic that counts, or makes the first one. Fails with `ERR_LOCKED` when this process has it open. */
  static async open(backend: Backend, config: () => TopicConfig): Promise<JournalStore> {
    const number = await find(backend, config);
    const topic = await answerOf(backend.openTopic(nameOf(number)));
    if (open.has(topic))
      throw new SluiceError("ERR_LOCKED", "The journal is in use by this process", { details: { pid: undefined } });
    open.add(topic);
    return new JournalStore(backend, number, topic);
  }

  /** The topic. */
  get topic(): BackendTopic {
    return this.#topic;
  }

  /** Why nothing can be stored any more. */
  get failure(): SluiceError | undefined {
    return this.#failure;
  }

  /** The lease of a partition, when it has been given. */
  async leaseOf(partition: number): Promise<Lease> {
    const lease = this.#leases.get(partition);
    const given = this.#joined.pipe(
      map(() => this.#leases.get(partition)),
      filter((found) => found !== undefined),
    );
    return lease ?? firstValueFrom(given);
  }

  /** Puts a topic in the place of this one, once everything has been written into it. */
  async replace(config: TopicConfig, write: (topic: BackendTopic) => Promise<void>): Promise<void> {
    const number = behind(this.#number);
    const topic = await this.#make(nameOf(number), config, write);
    this.#membership?.unsubscribe();
    try {
      await answerOf(this.#backend.deleteTopic(nameOf(this.#number)));
    } catch (cause) {
      // Both are there now, and the older one, which counts, takes nothing any more.
      this.#failure = new SluiceError("ERR_STORAGE", `The journal could not be written anew: ${messageOf(cause)}`, {
        cause,
      });
      throw this.#failure;
    }
    open.delete(this.#topic);
    open.add(topic);
    this.#topic = topic;
    this.#number = number;
    this.#join();
  }

  /** Lets go of the topic. */
  release(): void {
    this.#membership?.unsubscribe();
    open.delete(this.#topic);
  }

  #join(): void {
    this.#leases.clear();
    this.#membership = from(this.#topic.join(sender, { partitions: undefined })).subscribe({
      next: (leases) => {
        for (const lease of leases) this.#leases.set(lease.partition, lease);
        this.#joined.next();
      },
      error: () => undefined, // The topic has gone, and every other call says so.
    });
  }

  /** Writes a topic. What cannot be written whole goes again. */
  async #make(name: string, config: TopicConfig, write: (topic: BackendTopic) => Promise<void>): Promise<BackendTopic> {
    try {
      const topic = await answerOf(this.#backend.createTopic(name, config));
      await write(topic);
      return topic;
    } catch (error) {
      await answerOf(this.#backend.deleteTopic(name)).catch(() => undefined);
      throw error;
    }
  }
}

/** Finds the number of the topic that counts; makes the first one where there is none. */
async function find(backend: Backend, config: () => TopicConfig): Promise<number> {
  const found: number[] = [];
  // Each is asked for by its name: one that cannot be read is not listed, and must not be taken for one that is not there.
  for (const number of numbers) if (await exists(backend, nameOf(number))) found.push(number);
  const [only] = found;
  if (only === undefined) await create(backend, nameOf(numbers[0]!), config());
  if (found.length < 2) return only ?? numbers[0]!;
  // One that says nothing was never used: its making failed, and it was found on the disk all the same.
  const used: number[] = [];
  for (const number of found) if (await isUsed(backend, nameOf(number))) used.push(number);
  if (used.length === numbers.length) throw new SluiceError("ERR_STORAGE", "The journal is there three times");
  const oldest = used.find((number) => used.length === 1 || used.includes(behind(number))) ?? only!;
  for (const number of found) if (number !== oldest) await answerOf(backend.deleteTopic(nameOf(number)));
  return oldest;
}

async function isUsed(backend: Backend, name: string): Promise<boolean> {
  const { partitions } = await answerOf(backend.openTopic(name));
  return (await answerOf(partitions[0]!.bounds())).end > 0;
}

/** What the topic is that a journal was made for, as far as it is known: its components and how many partitions it had. */
export async function journalConfig(backend: Backend): Promise<TopicConfig | undefined> {
  for (const number of numbers) {
    if (!(await exists(backend, nameOf(number)))) continue;
    const { config, partitions } = await answerOf(backend.openTopic(nameOf(number)));
    return { partitions: partitions.length - 1, components: config.components };
  }
  return undefined;
}

/** Somebody else of this process may be making the same journal. Only one of the two will get it. */
async function create(backend: Backend, name: string, config: TopicConfig): Promise<void> {
  try {
    await answerOf(backend.createTopic(name, config));
  } catch (error) {
    if (!isSluiceError(error, "ERR_TOPIC_EXISTS")) throw error;
  }
}

async function exists(backend: Backend, name: string): Promise<boolean> {
  try {
    await answerOf(backend.openTopic(name));
    return true;
  } catch (error) {
    if (isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) return false;
    throw error;
  }
}

/** The number of the topic that takes the place of another one. */
function behind(number: number): number {
  return (number + 1) % numbers.length;
}

function nameOf(number: number): string {
  return `journal.${number}`;
}
