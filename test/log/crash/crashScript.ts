import { logBackend, type LogOptions, type Storage } from "../../../backends/log/index.ts";
import type { Backend, BackendTopic } from "../../../src/model/backend.ts";
import { components, eventOf, eventsOf, shapes } from "../oracleEvents.ts";
import type { SimulatedStorage } from "../simulatedStorage.ts";
import { answerOf, batchOf, encryptionWith } from "../support.ts";

/** The machine as it was before one operation of the script. */
export interface CrashPoint {
  readonly storage: SimulatedStorage;
  /** What the script had been told by then: so many of its lines. */
  readonly lines: number;
  readonly operation: string;
}

/**
 * Opens, writes, rolls, drops, acknowledges, makes and deletes topics, adds partitions, closes and opens again, until it
 * has made so many operations on files, and keeps the machine as it was before each of them.
 *
 * @param disk - What the log sees of it: something slower, say. @default the storage itself
 */
export async function runScript(
  storage: SimulatedStorage,
  operations: number,
  options: LogOptions,
  disk: Storage = storage,
): Promise<{ readonly points: readonly CrashPoint[]; readonly lines: readonly string[] }> {
  const points: CrashPoint[] = [];
  const lines: string[] = [];
  const say = (...words: readonly (string | number)[]) => void lines.push(words.join(" "));
  storage.before = (operation, path) => {
    if (operation === "read" || operation === "list" || operation === "open read") return; // They change nothing.
    points.push({ storage: storage.afterKill(), lines: lines.length, operation: `${operation} ${path}` });
  };
  for (let session = 0; points.length < operations; session++) {
    // Some of it is not encrypted, and the rest with two keys.
    const encryption = session === 0 ? undefined : encryptionWith(`key-${session % 2}`);
    const backend = await logBackend("/log", { ...options, storage: disk, encryption });
    const topics = await openTopics(backend);
    for (let round = 0; round < 4; round++) {
      const writers = topics.flatMap((topic) => topic.partitions.map(({ index }) => write(topic, index, round, say)));
      await Promise.all([...writers, ...topics.map((topic) => acknowledge(topic, round, say))]);
    }
    await changeTopics(backend, topics[0]!, session, say);
    await answerOf(backend.close());
  }
  return { points: points.slice(0, operations), lines };
}

type Say = (...words: readonly (string | number)[]) => void;

async function openTopics(backend: Backend): Promise<BackendTopic[]> {
  const names = await answerOf(backend.listTopics());
  const topics: BackendTopic[] = [];
  for (const [name, config] of Object.entries(shapes))
    topics.push(await answerOf(names.includes(name) ? backend.openTopic(name) : backend.createTopic(name, config)));
  return topics;
}

/** Batches at once, so that they are committed together, of which some need not be on the disk, and one behind them. */
async function write(topic: BackendTopic, index: number, round: number, say: Say): Promise<void> {
  const partition = topic.partitions[index]!;
  let { end } = await answerOf(partition.bounds());
  const append = async (count: number, durability: "disk" | "os" | undefined) => {
    const first = end;
    end += count;
    const batch = eventsOf({ topic: topic.name, partition: index, first, count, cycle: 0 }, topic.config);
    await answerOf(partition.append({ ...batch, durability }));
    say(durability === "os" ? "written" : "stored", topic.name, index, first, first + count);
  };
  await Promise.all([
    append(1, "os"),
    append(round % 3 === 0 ? 9 : 2, undefined),
    append(1, undefined),
    append(1, "os"),
  ]);
  await append(2, round % 2 === 0 ? undefined : "os");
}

async function acknowledge(topic: BackendTopic, round: number, say: Say): Promise<void> {
  for (const consumer of round % 2 === 0 ? ["app", "slow"] : ["app"]) {
    const leases = await answerOf(topic.join(consumer, { partitions: undefined }));
    const moves = leases.map(async ({ partition, acknowledge: move }) => {
      const { end } = await answerOf(topic.partitions[partition]!.bounds());
      const position = Math.floor(end * 0.7);
      if (position === 0) return;
      await answerOf(move.call(leases[0], position));
      say("acknowledged", topic.name, partition, consumer, position);
    });
    await Promise.all(moves);
  }
}

async function changeTopics(backend: Backend, a: BackendTopic, session: number, say: Say): Promise<void> {
  const name = `temporary-${session}`;
  say("making", name);
  const topic = await answerOf(backend.createTopic(name, { partitions: 1, components }));
  say("made", name);
  await answerOf(topic.partitions[0]!.append(batchOf([eventOf(name, 0, 0, 0)])));
  say("stored", name, 0, 0, 1);
  if (session % 2 === 0) {
    say("deleting", name);
    await answerOf(backend.deleteTopic(name));
    say("deleted", name);
  } else {
    await answerOf(topic.seal());
    say("sealed", name);
  }
  if (session > 1 || a.partitions.length > 2) return;
  await answerOf(a.addPartitions(1));
  say("partitions", "a", a.partitions.length);
}
