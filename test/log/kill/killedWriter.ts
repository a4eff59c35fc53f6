// A process that is killed at any moment: see killCycles.ts. What it says on its output has been answered by the log.
import { writeSync } from "node:fs";
import { logBackend, type LogOptions, type Storage } from "../../../backends/log/index.ts";
import { nodeStorage } from "../../../backends/log/storage/nodeStorage.ts";
import type { BackendPartition, BackendTopic } from "../../../src/model/backend.ts";
import { answerOf, batchOf, encryptionWith } from "../support.ts";
import { randomFrom } from "../simulatedStorage.ts";
import { allShapes, components, eventOf, eventsOf } from "../oracleEvents.ts";

/** What the parent says, beside the options of the log. */
interface Options extends LogOptions {
  /** After how many lines the log is closed in good order; -1 for never. */
  readonly closeAfter: number;
  /** `some`: with two keys in turns. */
  readonly encrypted?: "some" | undefined;
  /** `never`: no segment is brought to the disk, so that the tests can show that they notice. */
  readonly sync?: "never";
}

const [directory = "", cycleText = "0", optionsText = "{}"] = process.argv.slice(2);
const cycle = Number(cycleText);
const { closeAfter, sync, encrypted, ...options } = JSON.parse(optionsText) as Options;
/** As the file system is, but for segments, which are never brought to the disk. */
const withoutSync: Storage = {
  ...nodeStorage,
  async open(path, mode) {
    const file = await nodeStorage.open(path, mode === "writeThrough" ? "write" : mode);
    return path.includes(".seg") ? { ...file, sync: async () => {} } : file;
  },
};
const random = randomFrom(cycle);
const below = (limit: number) => Math.floor(random() * limit);
/** How many batches of one partition are on their way together. */
const inFlight = 3;
/** How many positions of one topic are. */
const acknowledged = 4;

let said = 0;
let isOpen = false;
let isClosing = false;
function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(" ")}\n`);
  if (isOpen && ++said === closeAfter) void close();
}

say("opening");
const backend = await logBackend(directory, {
  ...options,
  ...(encrypted === "some" && { encryption: encryptionWith(`key-${cycle % 2}`) }),
  ...(sync === "never" && { storage: withoutSync }),
  recovered: ({ topic, partition, outcome }) => say("found", topic, partition, outcome),
});
const names = await answerOf(backend.listTopics());
for (const name of names) say("topic", name);
const topics: BackendTopic[] = [];
for (const [name, config] of Object.entries(allShapes)) {
  const topic = await answerOf(names.includes(name) ? backend.openTopic(name) : backend.createTopic(name, config));
  for (const partition of topic.partitions) await sayWhatIsThere(topic, partition);
  topics.push(topic);
}
say("open");
isOpen = true;
for (const topic of topics) {
  for (const partition of topic.partitions) write(topic, partition).catch(stop);
  acknowledge(topic).catch(stop);
}
makeAndDeleteTopics().catch(stop);
if (cycle % 7 === 3) addPartition().catch(stop);

async function sayWhatIsThere(topic: BackendTopic, partition: BackendPartition): Promise<void> {
  const { index } = partition;
  const { end } = await answerOf(partition.bounds());
  say("end", topic.name, index, end);
  for (const consumer of ["app", "slow"]) {
    const position = (await answerOf(topic.cursors(consumer)))[index];
    if (position !== undefined) say("position", topic.name, index, consumer, position);
  }
}

async function write(topic: BackendTopic, partition: BackendPartition): Promise<void> {
  const { index } = partition;
  const { start, end } = await answerOf(partition.bounds());
  // The last events are sent once more, as a producer does that has not heard whether they were stored.
  let next = Math.max(start, end - 3);
  const running = new Set<Promise<void>>();
  for (;;) {
    const count = 1 + below(below(8) === 0 ? 60 : 6);
    const first = next;
    const run = { topic: topic.name, partition: index, first, count, cycle };
    next += count;
    const batch = eventsOf(run, topic.config, { id: "producer", sequence: first });
    const stored = answerOf(partition.append(batch)).then(({ firstId, ids }) => {
      if (firstId !== first && !(ids !== undefined && firstId === -1)) say("wrong", topic.name, index, first, firstId);
      say("stored", topic.name, index, Math.max(first, end), first + count);
    });
    running.add(stored);
    stored.then(() => running.delete(stored), stop);
    if (running.size >= inFlight) await Promise.race(running);
  }
}

async function acknowledge(topic: BackendTopic): Promise<void> {
  const [app, slow] = await Promise.all(
    ["app", "slow"].map((name) => answerOf(topic.join(name, { partitions: undefined }))),
  );
  const running = new Set<Promise<void>>();
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const [name, leases] = random() < 0.6 ? ["app", app!] : ["slow", slow!];
    const lease = leases[below(leases.length)]!;
    const { end } = await answerOf(topic.partitions[lease.partition]!.bounds());
    const position = end - below(Math.min(end + 1, 40));
    if (position === 0) continue;
    const moved = answerOf(lease.acknowledge(position)).then(
      () => say("acknowledged", topic.name, lease.partition, name, position),
      stop,
    );
    running.add(moved);
    void moved.then(() => running.delete(moved));
    if (running.size >= acknowledged) await Promise.race(running); // So that events are written as well.
  }
}

async function makeAndDeleteTopics(): Promise<void> {
  for (let i = 0; ; i++) {
    const name = `temporary-${cycle}-${i}`;
    say("making", name);
    const topic = await answerOf(backend.createTopic(name, { partitions: 1, components }));
    say("made", name);
    await answerOf(topic.partitions[0]!.append(batchOf([eventOf(name, 0, 0, cycle)])));
    if (random() < 0.3) continue;
    say("deleting", name);
    await answerOf(backend.deleteTopic(name));
    say("deleted", name);
  }
}

async function addPartition(): Promise<void> {
  const topic = await answerOf(backend.openTopic("a"));
  if (topic.partitions.length >= 5) return;
  await answerOf(topic.addPartitions(1));
  say("partitions", topic.name, topic.partitions.length);
}

async function close(): Promise<void> {
  isClosing = true;
  say("closing");
  await answerOf(backend.close());
  say("closed");
  process.exit(0);
}

/** After a close everything fails, and that is right; before it, nothing may. */
function stop(error: unknown): undefined {
  if (!isClosing) say("failed", String(error));
}
