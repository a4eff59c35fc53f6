import { logBackend } from "../../../backends/log/index.ts";
import type { Backend, BackendTopic, TopicConfig } from "../../../src/index.ts";
import { isSluiceError } from "../../../src/index.ts";
import { Oracle } from "../oracle.ts";
import { eventOf } from "../oracleEvents.ts";
import type { SimulatedStorage } from "../simulatedStorage.ts";
import { answerOf, batchOf } from "../support.ts";

const components = {
  validator: { type: "accept-all" },
  partitionSelector: { type: "round-robin" },
  serializer: { type: "json" },
};
const shapes: Readonly<Record<string, TopicConfig>> = {
  a: { partitions: 2, components },
  b: { partitions: 1, components, retention: { acknowledgedBy: ["app"] } },
};
const rounds = 6;

/** What was answered, and what was answered wrongly. */
export interface FaultyRun {
  readonly lines: readonly string[];
  readonly problems: string[];
}

/**
 * Makes topics, writes a little, then lets faults in, opens the log, writes, rolls, acknowledges and drops, and closes it;
 * and reads everything while it is still open, once the faults are gone.
 *
 * @param code - The system's code of the faults.
 * @param letIn - Lets the faults in.
 */
export async function runWithFaults(storage: SimulatedStorage, code: string, letIn: () => void): Promise<FaultyRun> {
  const lines: string[] = [];
  const problems: string[] = [];
  /** Runs a call that may fail, clearly. Nobody is told of what has failed. */
  const attempt = async (call: () => Promise<readonly (string | number)[]>) => {
    try {
      lines.push((await call()).join(" "));
    } catch (error) {
      const isClear = isSluiceError(error, "ERR_DURABILITY") || isSluiceError(error, "ERR_STORAGE");
      if (!isClear && (error as { code?: string }).code !== code) problems.push(`an unclear error: ${String(error)}`);
    }
  };
  const first = await logBackend("/log", { storage, segmentBytes: 1500 });
  for (const [name, config] of Object.entries(shapes)) {
    const topic = await answerOf(first.createTopic(name, config));
    for (const { index } of topic.partitions) await attempt(() => write(topic, index, 3));
  }
  await answerOf(first.close());
  letIn();
  let backend: Backend | undefined;
  await attempt(async () => {
    backend = await logBackend("/log", { storage, segmentBytes: 1500 });
    return ["open"];
  });
  if (backend !== undefined) await use(backend, storage, attempt, lines, problems);
  storage.before = () => {};
  return { lines, problems };
}

async function use(
  backend: Backend,
  storage: SimulatedStorage,
  attempt: (call: () => Promise<readonly (string | number)[]>) => Promise<void>,
  lines: readonly string[],
  problems: string[],
): Promise<void> {
  const topics: BackendTopic[] = [];
  for (const name of Object.keys(shapes)) {
    await attempt(async () => {
      topics.push(await answerOf(backend.openTopic(name)));
      return ["opened"];
    });
  }
  for (let round = 0; round < rounds; round++) {
    const writes = topics.flatMap((topic) =>
      topic.partitions.map(({ index }) => attempt(() => write(topic, index, 1 + (round % 3)))),
    );
    await Promise.all(writes);
    for (const topic of topics) await attempt(() => acknowledge(topic));
  }
  storage.before = () => {};
  const oracle = new Oracle();
  for (const line of lines) oracle.hear(0, line);
  for (const topic of topics) await oracle.checkEvents(topic);
  for (const problem of oracle.problems) problems.push(`still open: ${problem}`);
  await answerOf(backend.close());
}

async function write(topic: BackendTopic, index: number, count: number): Promise<readonly (string | number)[]> {
  const partition = topic.partitions[index]!;
  const { end } = await answerOf(partition.bounds());
  const events = Array.from({ length: count }, (_, i) => eventOf(topic.name, index, end + i, 0));
  await answerOf(partition.append(batchOf(events)));
  return ["stored", topic.name, index, end, end + count];
}

async function acknowledge(topic: BackendTopic): Promise<readonly (string | number)[]> {
  const [lease] = await answerOf(topic.join("app", { partitions: undefined }));
  const { end } = await answerOf(topic.partitions[lease!.partition]!.bounds());
  await answerOf(lease!.acknowledge(end));
  return ["acknowledged", topic.name, lease!.partition, "app", end];
}
