import { logBackend, type LogOptions } from "../../../backends/log/index.ts";
import type { Backend, BackendTopic, Lease, TransactionAppend } from "../../../src/model/backend.ts";
import type { SimulatedStorage } from "../simulatedStorage.ts";
import { answerOf, batchOf, encryptionWith, readAll, someBytes, type TestEvent } from "../support.ts";
import type { CrashPoint } from "./crashScript.ts";

const components = {
  validator: { type: "accept-all" },
  partitionSelector: { type: "round-robin" },
  serializer: { type: "json" },
};
/** The topic that is consumed, and those that are produced to, with their partitions. */
const shapes: Readonly<Record<string, number>> = { in: 2, out: 2, more: 1 };

/** What a transaction makes of an event: where it goes, and what it says. */
function outputsOf(partition: number, id: number): readonly (readonly [topic: string, partition: number, TestEvent])[] {
  const event = { text: `in/${partition}/${id}`, ...(id % 4 === 0 && { data: someBytes(700, id) }) };
  return id % 3 === 0
    ? [
        ["out", id % 2, event],
        ["more", 0, event],
      ]
    : [["out", id % 2, event]];
}

/**
 * Opens, appends, consumes and produces in transactions, closes and opens again, until it has made so many operations on
 * files, and keeps the machine as it was before each of them.
 */
export async function runTransactions(
  storage: SimulatedStorage,
  operations: number,
  options: LogOptions,
): Promise<{ readonly points: readonly CrashPoint[]; readonly lines: readonly string[] }> {
  const points: CrashPoint[] = [];
  const lines: string[] = [];
  storage.before = (operation, path) => {
    if (operation === "read" || operation === "list" || operation === "open read") return; // They change nothing.
    points.push({ storage: storage.afterKill(), lines: lines.length, operation: `${operation} ${path}` });
  };
  for (let session = 0; points.length < operations; session++) {
    const encryption = session % 2 === 0 ? undefined : encryptionWith("key-0");
    const backend = await logBackend("/log", { ...options, storage, encryption });
    for (let round = 0; round < 6; round++) {
      const topics = await openTopics(backend);
      const others = append(topics["out"]!, round % 2, [{ text: "other" }, { text: "other" }]);
      await Promise.all([0, 1].map((partition) => feed(topics["in"]!, partition, 1 + ((round + session) % 3))));
      await consume(topics, 2, (line) => lines.push(line));
      await others;
    }
    await answerOf(backend.close());
  }
  return { points: points.slice(0, operations), lines };
}

/** Opens what a crash has left, and holds it to what had been said. Then the rest is consumed, and it is looked at again. */
export async function checkTransactions(
  storage: SimulatedStorage,
  lines: readonly string[],
  options: LogOptions,
): Promise<readonly string[]> {
  try {
    const backend = await logBackend("/log", { ...options, storage });
    const topics = await openTopics(backend);
    const problems = await compare(topics, lines);
    await consume(topics, 100, () => undefined);
    problems.push(...(await compare(topics, lines)));
    await answerOf(backend.close());
    const again = await logBackend("/log", { ...options, storage });
    problems.push(...(await compare(await openTopics(again), lines)));
    await answerOf(again.close());
    return problems;
  } catch (error) {
    return [String(error)];
  }
}

type Topics = Readonly<Record<string, BackendTopic>>;

async function openTopics(backend: Backend): Promise<Topics> {
  const names = await answerOf(backend.listTopics());
  const topics: Record<string, BackendTopic> = {};
  for (const [name, partitions] of Object.entries(shapes)) {
    const open = names.includes(name) ? backend.openTopic(name) : backend.createTopic(name, { partitions, components });
    topics[name] = await answerOf(open);
  }
  return topics;
}

async function append(topic: BackendTopic, partition: number, events: readonly TestEvent[]): Promise<void> {
  await answerOf(topic.partitions[partition]!.append(batchOf(events)));
}

function feed(topic: BackendTopic, partition: number, count: number): Promise<void> {
  return append(
    topic,
    partition,
    Array.from({ length: count }, () => ({ text: "event" })),
  );
}

/** Consumes what there is, so many events at the most in one transaction, both partitions side by side. */
async function consume(topics: Topics, batch: number, say: (line: string) => void): Promise<void> {
  const leases = await answerOf(topics["in"]!.join("app", { partitions: undefined }));
  await Promise.all(leases.map((lease) => consumePartition(topics, lease, batch, say)));
}

async function consumePartition(topics: Topics, lease: Lease, batch: number, say: (line: string) => void) {
  const { end } = await answerOf(topics["in"]!.partitions[lease.partition]!.bounds());
  for (let position = lease.position ?? 0; position < end;) {
    const next = Math.min(end, position + batch);
    await answerOf(lease.transact!(next, appendsOf(topics, lease.partition, position, next)));
    say(`committed ${lease.partition} ${next}`);
    position = next;
  }
}

function appendsOf(topics: Topics, partition: number, from: number, to: number): TransactionAppend[] {
  const batches = new Map<
    string,
    { readonly topic: string; readonly partition: number; readonly events: TestEvent[] }
  >();
  for (let id = from; id < to; id++) {
    for (const [topic, target, event] of outputsOf(partition, id)) {
      const known = batches.get(`${topic}/${target}`) ?? { topic, partition: target, events: [] };
      known.events.push(event);
      batches.set(`${topic}/${target}`, known);
    }
  }
  return [...batches.values()].map(({ topic, partition: target, events }) => ({
    topic: topics[topic]!,
    partition: target,
    batch: batchOf(events),
  }));
}

/** What is stored must be exactly what the positions say, and the positions not behind what was said. */
async function compare(topics: Topics, lines: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  const positions = (await answerOf(topics["in"]!.cursors("app"))).map((position) => position ?? 0);
  for (const line of lines) {
    const [, partition, position] = line.split(" ").map(Number);
    if (positions[partition!]! < position!) problems.push(`${line}, and the position is ${positions[partition!]}`);
  }
  const expected = new Map<string, number>();
  for (const [partition, end] of positions.entries()) {
    for (let id = 0; id < end; id++)
      for (const [topic, target, { text }] of outputsOf(partition, id)) expected.set(`${topic}/${target} ${text}`, id);
  }
  for (const name of ["out", "more"]) {
    for (const partition of topics[name]!.partitions) {
      const last = new Map<string, number>();
      const { events, errors } = await readAll(partition);
      problems.push(...errors.map(String));
      for (const { text, data } of events.filter((event) => event.text !== "other")) {
        const key = `${name}/${partition.index} ${text}`;
        const id = expected.get(key);
        if (!expected.delete(key)) problems.push(`${key} is there twice, or though its cause was not consumed`);
        const source = text.slice(0, text.lastIndexOf("/"));
        if (id !== undefined && id <= (last.get(source) ?? -1)) problems.push(`${key} is out of order`);
        last.set(source, id ?? -1);
        const wanted = id !== undefined && id % 4 === 0 ? someBytes(700, id) : new Uint8Array(0);
        if (id !== undefined && Buffer.compare(data, wanted) !== 0) problems.push(`${key} has other data`);
      }
    }
  }
  problems.push(...[...expected.keys()].map((key) => `${key} is missing`));
  return problems;
}
