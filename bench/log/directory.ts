import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ProducerOptions, type Topic, type TopicOptions } from "sluice";
import type { Reading } from "../events.ts";

/** A directory on the disk that is measured, which `SLUICE_BENCH_DIRECTORY` names. It is removed afterwards. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(process.env["SLUICE_BENCH_DIRECTORY"] ?? tmpdir(), "sluice-bench-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A topic of a log in a directory, which is opened for the work and closed after it. */
export async function withTopic<T>(
  directory: string,
  work: (topic: Topic<Reading>) => Promise<T>,
  { options = {}, topic = {} }: { options?: Record<string, unknown>; topic?: TopicOptions<Reading> } = {},
): Promise<T> {
  const driver = await connect(`log:${directory}`, options);
  try {
    const isThere = await driver.topicExists("bench");
    return await work(
      isThere ? await driver.openTopic<Reading>("bench") : await driver.createTopic<Reading>("bench", topic),
    );
  } finally {
    await driver.close();
  }
}

/** Pushes events as fast as the producer takes them, and waits until all are stored. */
export async function pushAll(
  topic: Topic<Reading>,
  events: readonly Reading[],
  options: ProducerOptions = {},
): Promise<void> {
  const producer = topic.producer(options);
  for (const event of events) {
    producer.push(event);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
}
