import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { connect, type Driver } from "../../src/index.ts";
import { loadServiceConfig } from "../../cli/service/serviceConfig.ts";
import { startService } from "../../cli/service/startService.ts";
import { brokersUnderTest } from "./connection.ts";
import { impatient } from "./kafkaUnderTest.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** A service whose configuration has a log and Kafka, for programs and pages that cannot speak it. */
async function gateway(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), "sluice-gateway-"));
  const namespace = randomUUID().slice(0, 8);
  const options = { ...impatient, namespace, groupPrefix: `${namespace}-` };
  const config = {
    backends: {
      disk: { type: "log", path: "./data" },
      kafka: { type: "kafka", url: `kafka://${brokersUnderTest()}/`, options },
    },
    topics: [{ match: "shared-*", backend: "kafka" }],
    listeners: [
      { type: "tcp", port: 0 },
      { type: "websocket", port: 0 },
    ],
  };
  await writeFile(join(folder, "service.json"), JSON.stringify(config));
  const service = await startService(await loadServiceConfig("service.json", {}, folder), silent);
  const direct = await connect(`kafka://${brokersUnderTest()}/`, options);
  t.teardown(async () => {
    for (const name of await direct.listTopics()) await direct.deleteTopic(name);
    await direct.close();
    await service.close();
    await rm(folder, { recursive: true, force: true });
  });
  const open = async (address: string): Promise<Driver> => {
    const driver = await connect(address);
    t.teardown(() => driver.close({ deadline: 0 }));
    return driver;
  };
  return { direct, tcp: await open(service.addresses[0]!), webSocket: await open(service.addresses[1]!) };
}

interface Frame {
  readonly n: number;
}

test("through a service of a configuration, programs and pages store in Kafka and read what others have stored there", async (t) => {
  const { direct, tcp, webSocket } = await gateway(t);
  await webSocket.createTopic("local");
  const topic = await tcp.createTopic<Frame>("shared-frames", { partitions: 2 });
  t.deepEqual(await direct.listTopics(), ["shared-frames"]);
  t.deepEqual(
    (await webSocket.listTopics()).toSorted((a, b) => a.localeCompare(b)),
    ["local", "shared-frames"],
  );

  const producer = topic.producer({ name: "page" });
  for (let n = 0; n < 100; n++) producer.push({ n }, new Uint8Array([n, n, n]));
  await producer.flush();
  const theirs = (await direct.openTopic<Frame>("shared-frames")).producer();
  for (let n = 100; n < 200; n++) theirs.push({ n }, new Uint8Array([n, n, n]));
  await theirs.flush();

  const seen = new Map<number, number[]>();
  const consumer = (await webSocket.openTopic<Frame>("shared-frames")).consumer("app", {
    until: "end",
    dataSelector: (_metadata, descriptor) => descriptor.makeSubView(1, 1),
  });
  for await (const event of consumer) {
    t.deepEqual([...event.data.toUint8Array()], [event.metadata.n]);
    seen.set(event.partition, [...(seen.get(event.partition) ?? []), event.metadata.n]);
    await event.acknowledge();
  }
  const all = [...seen.values()];
  t.is(new Set(all.flat()).size, 200);
  for (const its of all) t.true(its.every((n, i) => i === 0 || n > its[i - 1]!));
  t.is((await topic.lag("app")).total, 0);
  t.is((await (await direct.openTopic("shared-frames")).lag("app")).total, 0, "acknowledged in Kafka itself");
});

test("consumers of a page and of a program share the partitions of a topic in Kafka", async (t) => {
  const { tcp, webSocket } = await gateway(t);
  const topic = await tcp.createTopic<Frame>("shared-group", { partitions: 2 });
  const partitions = [new Set<number>(), new Set<number>()];
  const seen: number[] = [];
  const consumers = [topic, await webSocket.openTopic<Frame>("shared-group")].map((each, i) =>
    each.consumer("app").subscribe((event) => {
      partitions[i]!.add(event.partition);
      seen.push(event.metadata.n);
      event.acknowledge().then(undefined, () => undefined);
    }),
  );
  const producer = topic.producer();
  // Until each of them has got events of a partition that the other has not.
  for (let n = 0; partitions.some((its) => its.size === 0); n++) await producer.push({ n });
  const stored = (await topic.describe()).partitions.reduce((sum, { end }) => sum + end, 0);
  while (new Set(seen).size < stored)
    await producer.flush().then(() => new Promise((resolve) => setImmediate(resolve)));
  t.is(new Set(seen).size, stored);
  for (const consumer of consumers) consumer.unsubscribe();
});
