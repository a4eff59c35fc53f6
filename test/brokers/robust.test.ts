import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { lastValueFrom, toArray } from "rxjs";
import { connect, type Topic } from "../../src/index.ts";
import { startCluster } from "./cluster/cluster.ts";
import { brokersUnderTest } from "./connection.ts";
import { startProxy } from "./faults/proxy.ts";
import { pause, seeded } from "./faults/workload.ts";
import { impatient } from "./kafkaUnderTest.ts";
import { startPublisher, type Numbered, type Publisher } from "./robust/publishers.ts";

/** How often each fault is made; `SLUICE_SOAK` multiplies it. */
const scale = Number(process.env["SLUICE_SOAK"] ?? 1);

async function journalDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-robust-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Waits until so many numbers more were accepted. */
async function accepts(publisher: Publisher, count: number): Promise<void> {
  for (const until = publisher.last + count; publisher.last < until;) await pause(10);
}

/** What others write: more than a producer's last events can be found behind. */
async function writeForeign(topic: Topic<Numbered>, count: number): Promise<void> {
  const producer = topic.producer({ batchSize: 2000 });
  for (let i = 0; i < count; i++) producer.push({ n: i, run: "foreign" });
  await producer.flush();
}

/** Sends what is left in the journal, and checks that everything that was accepted is stored, once and in order. */
async function check(t: ExecutionContext, topic: Topic<Numbered>, directory: string, accepted: readonly string[]) {
  const producer = await topic.robustProducer({ journal: `${directory}/journal` });
  await producer.drain();
  t.deepEqual(await producer.close(), { left: 0 });
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
}

test("a robust producer that is killed while others write 10,500 events goes on: nothing is lost and nothing stored twice", async (t) => {
  t.timeout(180_000);
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient });
  t.teardown(() => driver.close());
  const topic = await driver.createTopic<Numbered>(`robust-${randomUUID()}`, { partitions: 1 });
  const directory = await journalDirectory(t);
  let accepted: string[] = [];
  for (const run of ["one", "two", "three"]) {
    const publisher = startPublisher(brokersUnderTest(), topic.name, directory, run, impatient);
    await accepts(publisher, 300);
    accepted = accepted.concat(await publisher.die());
    await writeForeign(topic, 10_500);
  }
  await check(t, topic, directory, accepted);
});

test("a robust producer whose broker is killed, and that loses answers and dies in between: accepted is stored, once and in order", async (t) => {
  t.timeout(480_000);
  const proxy = await startProxy(seeded(13));
  const cluster = await startCluster({ advertise: (port) => ((proxy.target = port), proxy.port) });
  t.teardown(() => (proxy.close(), cluster.stop()));
  const driver = await connect(`kafka://${cluster.directBrokers.join()}/`, { ...impatient });
  t.teardown(() => driver.close());
  const topic = await driver.createTopic<Numbered>("robust", { partitions: 1 });
  const directory = await journalDirectory(t);
  let accepted: string[] = [];
  const options = { ...impatient, requestTimeout: 1000, deliveryTimeout: 4000 };
  const publish = (run: number) =>
    startPublisher(`127.0.0.1:${proxy.port}`, topic.name, directory, String(run), options);
  const isStored = async (count: number) => {
    const end = async () => (await topic.describe()).partitions[0]!.end;
    for (const until = (await end()) + count; (await end()) < until;) await pause(20);
  };
  for (let run = 0; run < 3 * scale; run++) {
    const publisher = publish(run);
    await isStored(100);
    const lost = proxy.incidents + 3;
    proxy.mischief = { kind: "drop answers", after: 10_000 };
    while (proxy.incidents < lost) await pause(20);
    await cluster.signal(0, "SIGKILL");
    proxy.mischief = { kind: "none" };
    await accepts(publisher, 200); // Without its broker.
    const diesFirst = run % 2 === 0;
    if (diesFirst) accepted = accepted.concat(await publisher.die());
    await cluster.restart(0);
    if (diesFirst) continue;
    await isStored(200);
    accepted = accepted.concat(await publisher.die());
  }
  await check(t, topic, directory, accepted);
  t.log(`${accepted.length} events accepted, ${proxy.incidents} connections that lost their answers`);
});
