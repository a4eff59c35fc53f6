import { logBackend, type LogOptions } from "../../../backends/log/index.ts";
import { Oracle, type Kept } from "../oracle.ts";
import { eventsOf } from "../oracleEvents.ts";
import type { SimulatedStorage } from "../simulatedStorage.ts";
import { answerOf } from "../support.ts";

/** A machine that has stopped again, while the log was being opened. */
export interface SecondCrash {
  readonly storage: SimulatedStorage;
  readonly lines: readonly string[];
}

/**
 * Opens what a crash has left, and holds it to what had been said. Then an event is appended, which must be the next one.
 *
 * @param lines - What had been said.
 * @param kept - Of that, what must be there.
 * @param again - Which operation, counted from the first that changes something, the machine stops at once more.
 * @returns What is wrong, and the second crash, where it came so far.
 */
export async function checkSurvivor(
  storage: SimulatedStorage,
  lines: readonly string[],
  kept: Kept,
  options: LogOptions,
  again: number,
): Promise<{ readonly problems: readonly string[]; readonly second: SecondCrash | undefined }> {
  const oracle = new Oracle(kept);
  for (const line of lines) oracle.hear(0, line);
  const said: string[] = [];
  let left = again;
  let second: SecondCrash | undefined;
  storage.before = (operation) => {
    if (operation === "read" || operation === "list" || operation === "open read") return;
    if (left-- === 0) second = { storage: storage.afterKill(), lines: [...lines, ...said] };
  };
  try {
    const backend = await logBackend("/log", {
      ...options,
      storage,
      recovered: ({ topic, partition, outcome }) => oracle.hear(0, `found ${topic} ${partition} ${outcome}`),
    });
    const names = await answerOf(backend.listTopics());
    oracle.checkTopics(names);
    for (const name of names) {
      const topic = await answerOf(backend.openTopic(name));
      await oracle.checkEvents(topic);
      for (const partition of topic.partitions) {
        const { end, sealed } = await answerOf(partition.bounds());
        if (sealed) continue;
        const run = { topic: name, partition: partition.index, first: end, count: 1, cycle: 0 };
        const { firstId } = await answerOf(partition.append(eventsOf(run, topic.config)));
        if (firstId !== end) oracle.problems.push(`${name}/${partition.index} gave ${firstId} to event ${end}`);
        said.push(`stored ${name} ${partition.index} ${end} ${end + 1}`);
      }
    }
    await answerOf(backend.close());
  } catch (error) {
    oracle.problems.push(String(error));
  }
  return { problems: oracle.problems, second };
}
