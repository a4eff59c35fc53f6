import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import test from "ava";
import { lastValueFrom, toArray } from "rxjs";
import { connect, type Topic } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { impatient } from "./kafkaUnderTest.ts";

interface Numbered {
  readonly n: number;
  /** The process that published it. */
  readonly run: string;
}

const program = fileURLToPath(new URL("robust/publisher.ts", import.meta.url));

/** Runs a publisher, kills it after so many numbers were accepted, and answers with the last of those. */
async function publishAndDie(topic: string, directory: string, run: string, count: number): Promise<number> {
  const args = ["--conditions=sluice-source", program, brokersUnderTest(), topic, directory, run];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let last = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Math.max(last, Number(/^accepted (\d+)$/.exec(line)?.[1] ?? -1));
    if (last >= count) child.kill("SIGKILL");
  }
  await exited;
  return last;
}

/** What others write: more than a producer's last events can be found behind. */
async function writeForeign(topic: Topic<Numbered>, count: number): Promise<void> {
  const producer = topic.producer({ batchSize: 2000 });
  for (let i = 0; i < count; i++) producer.push({ n: i, run: "foreign" });
  await producer.flush();
}

test("a robust producer that is killed while others write 10,500 events goes on: nothing is lost and nothing stored twice", async (t) => {
  t.timeout(180_000);
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient });
  t.teardown(() => driver.close());
  const topic = await driver.createTopic<Numbered>(`robust-${randomUUID()}`, { partitions: 1 });
  const directory = await mkdtemp(join(tmpdir(), "sluice-robust-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const accepted: string[] = [];
  for (const run of ["one", "two", "three"]) {
    const last = await publishAndDie(topic.name, directory, run, 300);
    for (let n = 0; n <= last; n++) accepted.push(`${run} ${n}`);
    await writeForeign(topic, 10_500);
  }
  const producer = await topic.robustProducer({ journal: `${directory}/journal` });
  await producer.flush();
  await producer.close();
  const events = await lastValueFrom(topic.consumer("reader", { until: "end" }).pipe(toArray()));
  const own = events.filter(({ metadata }) => metadata.run !== "foreign");
  const stored = own.map(({ metadata: { n, run } }) => `${run} ${n}`);
  const places = new Map(stored.map((each, i) => [each, i]));

  t.deepEqual(
    accepted.filter((each) => !places.has(each)),
    [],
  );
  t.is(places.size, stored.length);
  t.deepEqual(
    accepted.toSorted((a, b) => places.get(a)! - places.get(b)!),
    accepted,
  );
});
