// Reads beside processes that are killed, and says what it sees: see killCycles.ts. Whatever it sees must have been committed.
import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { logBackend } from "../../../backends/log/index.ts";
import type { Backend, BackendPartition, BackendTopic } from "../../../src/model/backend.ts";
import { dataSizeAt, idAt, type StoredBatch } from "../../../src/model/batch.ts";
import { isSluiceError } from "../../../src/model/errors.ts";
import { allShapes, dataOf, textOf } from "../oracleEvents.ts";
import { answerOf, encryptionWith, joined } from "../support.ts";

const [directory = ""] = process.argv.slice(2);
const decoder = new TextDecoder();

function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(" ")}\n`);
}

const backend = await logBackend(directory, { mode: "read-only", encryption: encryptionWith("key-0") });
for (const name of Object.keys(allShapes))
  follow(backend, name).catch((error: unknown) => say("failed", String(error)));

async function follow(log: Backend, name: string): Promise<void> {
  while (!(await answerOf(log.listTopics())).includes(name)) await pause(5);
  const topic = await answerOf(log.openTopic(name));
  await Promise.all(topic.partitions.map((partition) => followPartition(topic, partition)));
}

async function followPartition(topic: BackendTopic, partition: BackendPartition): Promise<void> {
  for (let position = 0; ;) {
    const batch = await answerOf(partition.read(position, { maxEvents: 200, maxBytes: 1 << 20 }));
    for (let i = 0; i < batch.count; i++) await look(topic, partition, batch, i);
    if (batch.next <= position) say("failed", `${topic.name} goes back from ${position} to ${batch.next}`);
    position = batch.next;
  }
}

async function look(topic: BackendTopic, partition: BackendPartition, batch: StoredBatch, i: number): Promise<void> {
  const id = idAt(batch, i);
  const text = decoder.decode(batch.metadata.subarray(batch.metadataEnds[i - 1] ?? 0, batch.metadataEnds[i]));
  const cycle = Number(text.slice(text.lastIndexOf("/") + 1));
  if (text !== textOf(topic.name, partition.index, id, cycle)) say("failed", `event ${id} is ${text}`);
  const expected = dataOf(id) ?? new Uint8Array(0);
  const size = dataSizeAt(batch, i);
  if (size !== expected.length) say("failed", `event ${id} has ${size} bytes`);
  if (size > 0) await lookAtData(topic, partition, id, expected);
  say("seen", topic.name, partition.index, id, id + 1, cycle);
}

/** Its data may be gone meanwhile, where events are dropped or compacted. */
async function lookAtData(
  { name, config }: BackendTopic,
  partition: BackendPartition,
  id: number,
  expected: Uint8Array,
): Promise<void> {
  try {
    const ranges = new Float64Array([0, expected.length]);
    const [parts] = await answerOf(partition.fetch([{ id, location: undefined, ranges }]));
    if (Buffer.compare(joined(parts!), expected) !== 0) say("failed", `the data of event ${id} of ${name} was altered`);
  } catch (error) {
    const mayGo = config.retention !== undefined || config.compaction !== undefined;
    if (!mayGo || !isSluiceError(error, "ERR_STORAGE")) throw error;
  }
}
