import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { lastValueFrom, toArray } from "rxjs";
import {
  readHopMessage,
  writeHopMessage,
  type HopMetadata,
  type KafkaConnectOptions,
} from "../../backends/kafka/index.ts";
import { connect, type Driver, type StreamEvent, type Topic } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { testWithKcat } from "./kcat.ts";
import { hopClient } from "./interop/hopClient.ts";
import { impatient } from "./kafkaUnderTest.ts";

const run = promisify(execFile);
const names = new Set<string>();

/** A name in the cluster that no other test has. */
function newName(): string {
  const name = `interop-${process.pid}-${names.size}`;
  names.add(name);
  return name;
}

async function open(t: ExecutionContext, options: KafkaConnectOptions): Promise<Driver> {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient, ...options });
  t.teardown(() => driver.close());
  return driver;
}

function all<M>(topic: Topic<M>): Promise<StreamEvent<M>[]> {
  const consumer = topic.consumer(`${topic.name}-reader`, { until: "end", dataSelector: (_, data) => data });
  return lastValueFrom(consumer.pipe(toArray()));
}

/** Writes the lines of a text with kcat, one a record. */
async function kcat(topic: string, text: string, ...more: string[]): Promise<void> {
  const child = spawn("kcat", ["-P", "-b", brokersUnderTest(), "-t", topic, "-p", "0", ...more], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  child.stdin.end(text);
  const [code] = (await once(child, "exit")) as [number];
  if (code !== 0) throw new Error(`kcat ended with ${code}`);
}

test("what hop-client publishes is read, by SCRAM on its side", async (t) => {
  t.timeout(180_000);
  const [driver, name] = [await open(t, { layout: "hop", tests: "deliver" }), newName()];
  const topic = await driver.createTopic<HopMetadata>(name);
  await hopClient("write", brokersUnderTest("_SASL"), name);
  const events = await all(topic);

  t.deepEqual(
    events.map(({ metadata: { format, content, sender, test: isTest } }) => ({ format, content, sender, isTest })),
    [
      { format: "json", content: { n: 1 }, sender: "hop", isTest: undefined },
      { format: "blob", content: undefined, sender: "hop", isTest: undefined },
      { format: "circular", content: { header: { title: "GCN" }, body: "text" }, sender: "hop", isTest: undefined },
      { format: "external", content: { url: "http://example.org/large" }, sender: "hop", isTest: undefined },
      { format: "avro", content: undefined, sender: "hop", isTest: undefined },
      { format: "json", content: { n: 2 }, sender: "hop", isTest: true },
      { format: "gcntextnotice", content: "TITLE: GCN\nRA: 10d\n", sender: "hop", isTest: undefined },
      { format: "voevent", content: events[7]!.metadata.content, sender: "hop", isTest: undefined },
    ],
  );
  const typed = await Promise.all(events.slice(4).map(readHopMessage));
  t.deepEqual(
    typed.map(({ format, content }) => [format, content]),
    [
      ["avro", { records: [[{ a: 1 }]], schema: (typed[0]!.content as { schema: unknown }).schema }],
      ["json", { n: 2 }],
      ["gcntextnotice", { text: "TITLE: GCN\nRA: 10d\n", fields: { title: "GCN", ra: "10d" } }],
      ["voevent", { ivorn: "ivo://a", role: "test", version: "2.0", What: { Param: { name: "n", value: "1" } } }],
    ],
  );
  t.deepEqual(events[1]!.data.toUint8Array(), Uint8Array.of(0, 1, 255));
  t.true(events.every(({ metadata }) => /^[0-9a-f]{8}-[0-9a-f]{4}-4/.test(metadata.id!)));
});

test("what is published in the layout hop is read by hop-client", async (t) => {
  t.timeout(180_000);
  const [driver, name] = [await open(t, { layout: "hop", sender: "alice" }), newName()];
  const producer = (await driver.createTopic<unknown>(name)).producer();
  producer.push({ n: 1 });
  producer.push({ format: "blob" }, Uint8Array.of(0, 1, 255));
  producer.push({ format: "circular", content: { header: { title: "GCN" }, body: "text" } });
  const what = {
    Param: [
      { name: "a", value: "1" },
      { name: "b", value: "2 < 3" },
    ],
  };
  for (const message of [
    { format: "gcntextnotice", content: { fields: { title: "GCN", ra: "10d" } } },
    { format: "voevent", content: { ivorn: "ivo://a", role: "test", version: "2.0", What: what } },
    { format: "avro", content: { records: [{ ra: 1.5, name: "a" }] } },
  ] as const) {
    const { metadata, data } = await writeHopMessage(message);
    producer.push(metadata, data);
  }
  await producer.flush();
  const read = (await hopClient("read", brokersUnderTest("_SASL"), name)) as {
    kind: string;
    content: unknown;
    headers: Record<string, string>;
  }[];

  t.deepEqual(
    read.map(({ kind, content }) => [kind, content]),
    [
      ["JSONBlob", { n: 1 }],
      ["Blob", "0001ff"],
      ["GCNCircular", { header: { title: "GCN" }, body: "text" }],
      ["GCNTextNotice", { title: "GCN", ra: "10d" }],
      ["VOEvent", { ivorn: "ivo://a", role: "test", What: what }],
      ["AvroBlob", { ra: 1.5, name: "a" }],
    ],
  );
  t.true(read.every(({ headers }) => headers["_sender"] === "alice" && headers["_id"]!.length === 32));
});

testWithKcat("kcat reads metadata as the value, and what Sluice needs in headers", async (t) => {
  const [driver, name] = [await open(t, {}), newName()];
  const topic = await driver.createTopic<{ n: number }>(name);
  await topic.producer({ name: "app" }).push({ n: 1 }, new TextEncoder().encode("data"));
  const { stdout } = await run("kcat", ["-C", "-e", "-q", "-b", brokersUnderTest(), "-t", name, "-f", "%s %h"]);

  t.regex(stdout, /^\{"n":1\} sluice-data=data,sluice-producer=app\/[^/]+\/0$/);
});

for (const codec of ["none", "gzip", "snappy", "lz4", "zstd"]) {
  testWithKcat(`what kcat writes with compression ${codec} is read`, async (t) => {
    const [driver, name] = [await open(t, {}), newName()];
    const topic = await driver.createTopic<{ n: number }>(name);
    await kcat(name, '{"n":0}\n{"n":1}\n{"n":2}\n'.repeat(20), "-z", codec);
    const events = await all(topic);

    t.deepEqual(
      events.map(({ metadata }) => metadata.n),
      Array.from({ length: 60 }, (_, i) => i % 3),
    );
  });
}

for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const) {
  testWithKcat(`kcat reads what is written with compression ${compression}`, async (t) => {
    const [driver, name] = [await open(t, { compression }), newName()];
    const topic = await driver.createTopic<{ n: number }>(name);
    const producer = topic.producer({ batchSize: 50 });
    for (let n = 0; n < 50; n++) producer.push({ n });
    await producer.flush();
    const { stdout } = await run("kcat", ["-C", "-e", "-q", "-b", brokersUnderTest(), "-t", name]);

    t.is(stdout, Array.from({ length: 50 }, (_, n) => `{"n":${n}}\n`).join(""));
  });
}

testWithKcat("a record of somebody else is read, and one that is no JSON is undecodable", async (t) => {
  const [driver, name] = [await open(t, {}), newName()];
  const topic = await driver.createTopic<{ n: number }>(name);
  await kcat(name, '{"n":0}\nno json\n{"n":2}\n');
  const events = await lastValueFrom(topic.consumer("reader", { until: "end", undecodable: "skip" }).pipe(toArray()));

  t.deepEqual(
    events.map(({ id, metadata }) => [id, metadata.n]),
    [
      [0, 0],
      [2, 2],
    ],
  );
});

testWithKcat("octopus: records and components are where its driver looks for them", async (t) => {
  const [driver, name] = [await open(t, { layout: "octopus", namespace: "ns" }), newName()];
  const schema = { type: "object", properties: { n: { type: "number" } } } as const;
  const topic = await driver.createTopic(name, { validator: schema });
  await topic.producer().push({ n: 1 }, new TextEncoder().encode("data"));
  const kafka = ["-C", "-e", "-q", "-b", brokersUnderTest()];
  const info = await run("kcat", [...kafka, "-t", `ns.__info_${name}`]);
  const record = await run("kcat", [...kafka, "-t", `ns.${name}`, "-f", "%s"], { encoding: "buffer" });

  t.is(info.stdout, `${JSON.stringify({ type: "schema", schema })}\n{"type":"default"}\n{"type":"default"}\n`);
  t.is(record.stdout.toString("latin1"), '\x0f\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0{"n":1}data');
  const elsewhere = await open(t, { layout: "octopus", namespace: "ns" });
  const [event] = await all(await elsewhere.openTopic<{ n: number }>(name));
  t.deepEqual(event!.metadata, { n: 1 });
});
