import { randomBytes } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { TopicConfig } from "sluice";
import { CommandError } from "../../commandError.ts";

/** One topic of a service of several processes. */
export interface RankedEntry {
  /** How far it has come. What a crash has left unfinished is not there, and is cleared away. */
  readonly state: "making" | "there" | "going";
  readonly config: TopicConfig;
  /** The rank of each partition. A rank numbers those that it has in their order. */
  readonly ranks: readonly number[];
}

/** How many of some partitions each rank has. */
export function countsOf(ranks: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const rank of ranks) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  return counts;
}

/** What the file says. */
interface Stored {
  readonly version: 1;
  readonly topics: Readonly<Record<string, RankedEntry>>;
}

/**
 * Which rank has which partition, for all topics of a backend. It is rank 0's, and what it says is what there is. Each change is
 * in the file, synced, before it is answered.
 */
export class RankDirectory {
  readonly #file: string | undefined;
  readonly #entries: Map<string, RankedEntry>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string | undefined, entries: Map<string, RankedEntry>) {
    this.#file = file;
    this.#entries = entries;
  }

  /**
   * Reads the file.
   *
   * @param file - Where it is kept; nowhere for topics that end with their process.
   * @param count - How many ranks there are. Rejects with a CommandError when a topic has a partition at another one.
   */
  static async open(file: string | undefined, count: number): Promise<RankDirectory> {
    const entries = new Map(Object.entries(file === undefined ? {} : await read(file)));
    for (const [name, { ranks }] of entries) {
      const needed = Math.max(...ranks) + 1;
      if (needed <= count) continue;
      throw new CommandError(`Topic "${name}" has partitions at ${needed} ranks: current value of 'ranks' is ${count}`);
    }
    return new RankDirectory(file, entries);
  }

  get(name: string): RankedEntry | undefined {
    return this.#entries.get(name);
  }

  get entries(): ReadonlyMap<string, RankedEntry> {
    return this.#entries;
  }

  /** Stores what there is of a topic; nothing of it from then on when it is left out. */
  set(name: string, entry?: RankedEntry): Promise<void> {
    if (entry === undefined) this.#entries.delete(name);
    else this.#entries.set(name, entry);
    if (this.#file === undefined) return Promise.resolve();
    const file = this.#file;
    const writing = this.#writing.then(() => write(file, this.#entries));
    this.#writing = writing.catch(() => undefined); // Whoever asked for it is told.
    return writing;
  }
}

/** Whether a log has been shared by several ranks. */
export async function usesRanks(file: string): Promise<boolean> {
  return Object.values(await read(file)).some(({ ranks }) => ranks.some((rank) => rank > 0));
}

async function read(file: string): Promise<Readonly<Record<string, RankedEntry>>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    const { version, topics } = JSON.parse(text) as Stored;
    if (version === 1) return topics;
  } catch (cause) {
    throw new CommandError(`${file} is damaged: it says which rank has which partition`, { cause });
  }
  throw new CommandError(`${file} is of another version`);
}

/** Whole or not at all, and there also after a loss of power. */
async function write(file: string, entries: ReadonlyMap<string, RankedEntry>): Promise<void> {
  const stored: Stored = { version: 1, topics: Object.fromEntries(entries) };
  const unfinished = `${file}.${randomBytes(4).toString("hex")}.new`;
  const handle = await open(unfinished, "w", 0o600);
  try {
    await handle.writeFile(JSON.stringify(stored));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  const directory = await open(dirname(file), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
