import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { firstValueFrom, from, lastValueFrom, Subject } from "rxjs";
import { logBackend } from "../../backends/log/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { encodeAppend } from "../../backends/service/protocol/appendCodec.ts";
import { decodeObject, encodeJson } from "../../backends/service/protocol/boundedJson.ts";
import { decodeError } from "../../backends/service/protocol/errorCodec.ts";
import { messageTypes, sentAgain } from "../../backends/service/protocol/frame.ts";
import { encodeHello } from "../../backends/service/protocol/handshake.ts";
import { decodeTransacted, encodeTransact } from "../../backends/service/protocol/transactCodec.ts";
import { Session } from "../../backends/service/server/session.ts";
import { hashToken, makeToken } from "../../backends/service/server/index.ts";
import { consume, processExactlyOnce } from "../../operators/index.ts";
import { connect, type Backend, type StreamEvent, type Topic } from "../../src/index.ts";
import { cuttingProxy } from "./cuttingProxy.ts";
import { framesOf } from "./frames.ts";
import { random } from "./random.ts";
import { batch, rudeClient, session, type RudeClient } from "./rudeClient.ts";
import { connected, portOf, serveAt, served, until } from "./served.ts";
import { amount } from "./tiers.ts";

interface Numbered {
  readonly n: number;
}

const wanted = amount("SLUICE_CUTS", { quick: 60, soak: 3000 });
const seed = Number(process.env["SLUICE_SEED"] ?? Date.now() % 1e9);
const reach = [300, 3000, 30_000];
const impatient = { minDelay: 1, maxDelay: 20 };
const twice = ({ metadata: { n }, partition }: StreamEvent<Numbered>) => [
  { metadata: { n: 2 * n }, partition },
  { metadata: { n: 2 * n + 1 }, partition },
];

const backends: Readonly<Record<string, (folder: string) => Promise<Backend>>> = {
  memory: async () => memoryBackend(),
  log: (folder) => logBackend(folder, {}),
};

for (const [name, open] of Object.entries(backends)) {
  test.serial(
    `connections that are cut in the middle of transactions commit each of them once (${name})`,
    async (t) => {
      t.timeout(60_000 + 500 * wanted);
      t.log(`seed ${seed}, ${wanted} cuts`);
      const next = random(seed);
      const service = await served(t, { backend: await opened(t, open) });
      const bytes = () => 1 + Math.floor(next() * reach[Math.floor(next() * reach.length)]!);
      const proxy = await cuttingProxy({ target: portOf(service.addresses[0]!), bytes });
      t.teardown(() => proxy.close());
      const direct = await connected(t, service.addresses[0]!);
      const source = await direct.createTopic<Numbered>("source", { partitions: 2 });
      const target = await direct.createTopic<Numbered>("target", { partitions: 2 });
      const driver = await connectThrough(proxy.port);
      t.teardown(() => Promise.allSettled([driver.close({ deadline: 0 })]));
      const failures = new Subject<unknown>();
      const failed: unknown[] = [];
      failures.subscribe((error) => failed.push(error));
      const processing = consume(await driver.openTopic<Numbered>("source"), "app").pipe(
        processExactlyOnce(await driver.openTopic<Numbered>("target"), twice, { batchSize: 8, failures }),
      );
      const subscription = processing.subscribe({ error: (error: unknown) => failed.push(error) });

      const producer = source.producer();
      let pushed = 0;
      while (proxy.cuts < wanted) {
        const futures = [0, 1].flatMap((partition) =>
          Array.from({ length: 10 }, (_, i) => producer.push({ n: pushed + i }, undefined, { partition })),
        );
        await Promise.all(futures);
        pushed += 10;
        await until(async () => (await source.lag("app")).total < 40);
      }
      proxy.spare();
      await until(async () => (await source.lag("app")).total === 0);
      subscription.unsubscribe();

      t.deepEqual(failed, [], "the session outlives its connections, so nobody is told of them");
      const outputs = await numbersOf(target);
      const expected = Array.from({ length: 2 * pushed }, (_, n) => n);
      t.deepEqual(outputs, [expected, expected]);
    },
  );

  test.serial(
    `a service that is started anew in the middle of transactions has committed each of them once or not (${name})`,
    async (t) => {
      t.timeout(60_000);
      const backend = await opened(t, open);
      let service = await served(t, { backend });
      const port = portOf(service.addresses[0]!);
      const driver = await connected(t, service.addresses[0]!);
      const source = await driver.createTopic<Numbered>("source", { partitions: 2 });
      const target = await driver.createTopic<Numbered>("target", { partitions: 2 });
      const retry = { initialDelay: 1, maxDelay: 20 };
      const failures = new Subject<unknown>();
      let failed = 0;
      failures.subscribe(() => failed++);
      const fatal: unknown[] = [];
      const subscription = consume(source, "app")
        .pipe(processExactlyOnce(target, twice, { batchSize: 4, retry, failures }))
        .subscribe({ error: (error: unknown) => fatal.push(error) });

      const producer = source.producer();
      let pushed = 0;
      for (let round = 0; round < 12 || failed === 0; round++) {
        const futures = [0, 1].flatMap((partition) =>
          Array.from({ length: 20 }, (_, i) => producer.push({ n: pushed + i }, undefined, { partition })),
        );
        pushed += 20;
        await Promise.all(futures);
        await service.close({ deadline: 0 });
        service = await serveAt(port, backend);
        t.teardown(() => service.close({ deadline: 0 }));
      }
      await until(async () => (await source.lag("app")).total === 0);
      subscription.unsubscribe();

      t.deepEqual(fatal, []);
      const expected = Array.from({ length: 2 * pushed }, (_, n) => n);
      t.deepEqual(await numbersOf(target), [expected, expected]);
    },
  );
}

test("a transaction that is sent again is answered as the first time, and another one for the same position is refused", async (t) => {
  const service = await served(t);
  const topic = await twoTopics(t, service.addresses[0]!);
  const client = await rudeClient(t, service.addresses[0]!);
  const lease = await leaseOf(client);
  const body = encodeTransact({ lease, position: 1, appends: [{ handle: 2, partition: 0, batch: batch() }] });
  const answers = (stream: number) => client.messages.filter((message) => message.stream === stream);

  client.socket.write(framesOf(messageTypes.transact, 9, body));
  await until(() => answers(9).length === 1);
  client.socket.write(framesOf(messageTypes.transact, 9, body, sentAgain));
  client.socket.write(framesOf(messageTypes.transact, 10, body));
  await until(() => answers(9).length === 2 && answers(10).length === 1);

  for (const { type, body: answer } of answers(9)) {
    t.is(type, messageTypes.transacted);
    t.deepEqual(decodeTransacted(answer, [1]), [{ firstId: 0 }]);
  }
  t.is(decodeError(answers(10)[0]!.body).code, "ERR_ALREADY_ACKNOWLEDGED");
  t.deepEqual(
    (await topic.describe()).partitions.map(({ end }) => end),
    [1],
  );
});

test("a transaction under a lease that the service does not know is refused with ERR_FENCED", async (t) => {
  const service = await served(t);
  const topic = await twoTopics(t, service.addresses[0]!);
  const client = await rudeClient(t, service.addresses[0]!);
  const lease = await leaseOf(client);
  const appends = [{ handle: 2, partition: 0, batch: batch() }];
  client.socket.write(framesOf(messageTypes.transact, 9, encodeTransact({ lease: lease + 1, position: 1, appends })));
  await until(() => client.messages.at(-1)!.stream === 9);
  t.is(decodeError(client.messages.at(-1)!.body).code, "ERR_FENCED");
  t.deepEqual(
    (await topic.describe()).partitions.map(({ end }) => end),
    [0],
  );
});

test("a transaction needs the right to publish in each of its topics, and stores nothing without it", async (t) => {
  const [ann, bob] = [makeToken(), makeToken()];
  const service = await served(t, {
    tokens: [
      { user: "ann", hash: hashToken(ann) },
      { user: "bob", hash: hashToken(bob) },
    ],
    access: [
      { users: ["ann"], topics: ["*"], allow: ["publish", "subscribe", "admin"] },
      { users: ["bob"], topics: ["source"], allow: ["subscribe"] },
      { users: ["bob"], topics: ["target"], allow: ["publish"] },
      { users: ["bob"], topics: ["secret"], allow: ["subscribe"] },
    ],
  });
  const hers = await connected(t, service.addresses[0]!, { token: ann });
  const his = await connected(t, service.addresses[0]!, { token: bob });
  const topics = await Promise.all(["source", "target", "secret"].map((name) => hers.createTopic<Numbered>(name)));
  await topics[0]!.producer().push({ n: 1 });
  const [source, target, secret] = await Promise.all(topics.map(({ name }) => his.openTopic<Numbered>(name)));
  const leases = await firstValueFrom(from(source!.backend.join("app", { partitions: undefined })));
  const append = (topic: Topic<Numbered>) => ({ topic: topic.backend, partition: 0, batch: batch() });
  const commit = (position: number, ...to: Topic<Numbered>[]) =>
    lastValueFrom(from(leases[0]!.transact!(position, to.map(append))));

  // The member has left, and nobody else has come: its lease still counts.
  await t.throwsAsync(commit(1, target!, secret!), { code: "ERR_FORBIDDEN" });
  t.deepEqual(
    (await topics[1]!.describe()).partitions.map(({ end }) => end),
    [0],
  );
  t.is((await commit(1, target!)).length, 1);
});

test("a service of a backend without transactions says so, to whoever asks all the same", async (t) => {
  const memory = memoryBackend();
  const { exactlyOnce: _, ...capabilities } = memory.capabilities;
  const backend: Backend = { ...memory, capabilities };
  const service = await served(t, { backend });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<Numbered>("source");
  const [lease] = await firstValueFrom(from(topic.backend.join("app", { partitions: undefined })));
  t.is(lease!.transact, undefined);
  t.falsy(driver.capabilities.exactlyOnce);
});

test("a batch that is sent again while its topic is still being opened is stored once", async (t) => {
  const memory = memoryBackend();
  const openings: (() => void)[] = [];
  const backend: Backend = {
    ...memory,
    openTopic: async (name) => {
      if (openings.length < 2) await new Promise<void>((resolve) => openings.push(resolve));
      return firstValueFrom(from(memory.openTopic(name)));
    },
  };
  const service = await served(t, { backend });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic("a");
  const send = async (again: boolean) => {
    const client = await rudeClient(t, service.addresses[0]!);
    client.send(messageTypes.hello, 0, ...encodeHello({ session, again, joins: [] }));
    client.send(messageTypes.attach, 0, encodeJson({ handle: 1, topic: "a", incarnation: null }));
    const body = encodeAppend({ handle: 1, partition: 0, batch: batch() });
    client.socket.write(framesOf(messageTypes.append, 3, body, again ? sentAgain : 0));
    return client;
  };
  const first = await send(false);
  await until(() => openings.length === 1);
  const second = await send(true);
  await until(() => openings.length === 2 && first.isClosed);
  openings[1]!(); // The second connection's topic is open first.
  await until(() => second.messages.length > 0);
  openings[0]!();
  await until(() => second.messages.some(({ type }) => type === messageTypes.appended));

  t.deepEqual(
    (await topic.describe()).partitions.map(({ end }) => end),
    [1],
  );
});

test("a client that goes while its topic is still being opened holds no partition", async (t) => {
  const memory = memoryBackend();
  const openings: (() => void)[] = [];
  const backend: Backend = {
    ...memory,
    openTopic: async (name) => {
      if (openings.length < 2) await new Promise<void>((resolve) => openings.push(resolve));
      return firstValueFrom(from(memory.openTopic(name)));
    },
  };
  const service = await served(t, { backend });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<Numbered>("a");
  for (const leave of ["goodbye", "cut"]) {
    const client = await rudeClient(t, service.addresses[0]!);
    client.send(
      messageTypes.hello,
      0,
      ...encodeHello({ session: leave === "cut" ? session : "f".repeat(32), again: false, joins: [] }),
    );
    client.send(messageTypes.attach, 0, encodeJson({ handle: 1, topic: "a", incarnation: null }));
    client.send(messageTypes.join, 3, encodeJson({ handle: 1, consumer: "app", partitions: null }));
    const before = openings.length;
    await until(() => openings.length > before || openings.length === 2);
    if (leave === "goodbye") client.send(messageTypes.goodbye, 0);
    else client.socket.destroy();
    await until(() => service.statistics.connections === 1);
    openings.at(-1)!();
  }
  await topic.producer().push({ n: 1 });
  t.is((await topic.consumer("app").pull()).metadata.n, 1);
});

test("a session that has ended joins no group any more", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<Numbered>("a");
  const ended = new Session(session, { user: "ann", hash: undefined }, () => 1);
  ended.end();
  ended.join(1, { name: "a", incarnation: 1, topic: topic.backend, grown: new Set() }, "app", {
    partitions: undefined,
  });
  await topic.producer().push({ n: 1 });
  t.is((await topic.consumer("app").pull()).metadata.n, 1);
  await driver.close();
});

async function opened(t: ExecutionContext, open: (folder: string) => Promise<Backend>): Promise<Backend> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-transactions-"));
  const backend = await open(folder);
  t.teardown(async () => {
    await lastValueFrom(from(backend.close()), { defaultValue: undefined });
    await rm(folder, { recursive: true });
  });
  return backend;
}

/** The first connection may be cut as well, and is tried again here. */
async function connectThrough(port: number): ReturnType<typeof connect> {
  for (;;) {
    try {
      return await connect(`sluice://127.0.0.1:${port}`, impatient);
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_UNREACHABLE") throw error;
    }
  }
}

/** What is in each partition. */
async function numbersOf(topic: Topic<Numbered>): Promise<number[][]> {
  const numbers: number[][] = topic.backend.partitions.map(() => []);
  for await (const { partition, metadata } of topic.consumer("look", { until: "end" }))
    numbers[partition]!.push(metadata.n);
  return numbers;
}

/** The topic "source" with an event, and the topic "target", which it returns. */
async function twoTopics(t: ExecutionContext, address: string): Promise<Topic> {
  const driver = await connected(t, address);
  await (await driver.createTopic<Numbered>("source")).producer().push({ n: 1 });
  return driver.createTopic("target");
}

/** Greets, knows "source" by 1 and "target" by 2, and joins a group. */
async function leaseOf(client: RudeClient): Promise<number> {
  client.greet();
  for (const [i, topic] of ["source", "target"].entries())
    client.send(messageTypes.attach, 0, encodeJson({ handle: i + 1, topic, incarnation: null }));
  client.send(messageTypes.join, 7, encodeJson({ handle: 1, consumer: "app", partitions: null }));
  const leases = () => {
    const told = client.messages.findLast(({ type }) => type === messageTypes.leases);
    return told === undefined ? [] : (decodeObject(told.body)["leases"] as number[][]);
  };
  await until(() => leases().length === 1);
  return leases()[0]![0]!;
}
