import { createServer, type Socket } from "node:net";
import test from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { serve } from "../../backends/service/server/index.ts";
import { connect, isSluiceError, type Backend, type StreamEvent } from "../../src/index.ts";
import { cuttingProxy } from "./cuttingProxy.ts";
import { connected, portOf, serveAt, served, until } from "./served.ts";

interface Numbered {
  readonly n: number;
}

test("a service that is started anew is found again: nothing is lost, and batches on their way are stored once", async (t) => {
  const backend = memoryBackend();
  let service = await serve({ backend, listeners: [{ tcp: { port: 0 } }] });
  const port = portOf(service.addresses[0]!);
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<Numbered>("numbers");
  const numbers: number[] = [];
  const consumer = topic.consumer("app");
  const done = consumer.process(({ metadata }) => void numbers.push(metadata.n));
  const producers = [topic.producer(), topic.producer({ name: "named" })];
  for (let round = 0; round < 5; round++) {
    const futures = Array.from({ length: 100 }, (_, i) => producers[round % 2]!.push({ n: 100 * round + i }));
    const closed = service.close({ deadline: 0 });
    await closed;
    service = await serveAt(port, backend);
    const ids = await Promise.all(futures);
    t.deepEqual(
      ids,
      Array.from({ length: 100 }, (_, i) => 100 * round + i),
    );
  }
  await until(() => new Set(numbers).size === 500);

  // What was being handled when its lease was lost may come again; nothing is left out, and the order is kept.
  t.deepEqual(
    [...new Set(numbers)],
    Array.from({ length: 500 }, (_, n) => n),
  );
  await consumer.close();
  await done;
  await driver.close();
  await service.close();
});

test("a consumer that comes back within the lease time keeps its partitions and gets nothing twice", async (t) => {
  const service = await served(t, { leaseTime: 60_000 });
  let budget = Infinity;
  const proxy = await cuttingProxy({ target: portOf(service.addresses[0]!), bytes: () => budget });
  t.teardown(() => proxy.close());
  const direct = await connected(t, service.addresses[0]!);
  const topic = await direct.createTopic<Numbered>("numbers");
  const producer = topic.producer();
  for (let n = 0; n < 10; n++) producer.push({ n });
  await producer.flush();

  budget = 1500; // Enough to be welcomed and to read.
  const away = await connected(t, `sluice://127.0.0.1:${proxy.port}`);
  const events: StreamEvent<Numbered>[] = [];
  const leases: (readonly number[])[] = [];
  const its = await away.openTopic<Numbered>("numbers");
  budget = Infinity;
  its
    .consumer("app", { status: { next: ({ partitions }) => leases.push(partitions) } })
    .subscribe((event) => events.push(event));
  await until(() => events.length === 10);
  for (let n = 10; n < 60; n++) await producer.push({ n });
  await until(() => events.length === 60 && proxy.cuts === 1);
  await events.at(-1)!.acknowledge();

  t.deepEqual(
    events.map(({ metadata }) => metadata.n),
    Array.from({ length: 60 }, (_, n) => n),
  );
  t.deepEqual(leases.at(-1), [0]);
  t.is((await topic.lag("app")).partitions[0]!.position, 60);
});

test("a consumer that stays away loses its partitions after the lease time, and is fenced when it comes back", async (t) => {
  const service = await served(t, { leaseTime: 50 });
  const gate = await gatedProxy(portOf(service.addresses[0]!));
  t.teardown(() => gate.close());
  const direct = await connected(t, service.addresses[0]!);
  const topic = await direct.createTopic<Numbered>("numbers");
  for (let n = 0; n < 4; n++) await topic.producer().push({ n });
  const away = await connected(t, `sluice://127.0.0.1:${gate.port}`);
  const held: StreamEvent<Numbered>[] = [];
  (await away.openTopic<Numbered>("numbers"))
    .consumer("app", { drainTimeout: 10 })
    .subscribe((event) => held.push(event));
  await until(() => held.length === 4);
  gate.shut();

  const taken: StreamEvent<Numbered>[] = [];
  const subscription = topic.consumer("app").subscribe((event) => taken.push(event));
  await until(() => taken.length === 4);
  await taken[0]!.acknowledge();
  gate.open();
  const error = await held[2]!.acknowledge().then(
    () => undefined,
    (reason: unknown) => reason,
  );

  t.true(isSluiceError(error, "ERR_FENCED"), String(error));
  t.is((await topic.lag("app")).partitions[0]!.position, 1);
  subscription.unsubscribe();
  await until(() => held.length > 4); // It is a member again, and gets the partition back behind what was acknowledged.
  t.is(held[4]!.metadata.n, 1);
});

test("a connection that has fallen silent is given up and made anew", async (t) => {
  const service = await served(t, { heartbeat: 30 });
  let budget = 3000;
  const proxy = await cuttingProxy({
    target: portOf(service.addresses[0]!),
    bytes: () => budget,
    how: () => "silence",
  });
  t.teardown(() => proxy.close());
  const driver = await connected(t, `sluice://127.0.0.1:${proxy.port}`);
  budget = Infinity;
  const topic = await driver.createTopic<Numbered>("numbers");
  const futures = Array.from({ length: 300 }, (_, n) => topic.producer({ batchSize: 10 }).push({ n }));

  t.is(new Set(await Promise.all(futures)).size, 300);
  t.is(proxy.cuts, 1);
});

test("calls wait for a connection, and fail with ERR_UNREACHABLE when there is none in time", async (t) => {
  const service = await served(t);
  const gate = await gatedProxy(portOf(service.addresses[0]!));
  t.teardown(() => gate.close());
  const driver = await connected(t, `sluice://127.0.0.1:${gate.port}`, { reconnectTimeout: 60 });
  const topic = await driver.createTopic<Numbered>("numbers");
  gate.shut();
  await t.throwsAsync(driver.listTopics(), { code: "ERR_UNREACHABLE" });
  await t.throwsAsync(Promise.resolve(topic.producer().push({ n: 0 })), { code: "ERR_UNREACHABLE" });
  gate.open();

  await until(async () => (await driver.listTopics().catch(() => [])).length === 1); // A later call tries again.
  t.is(await topic.producer().push({ n: 1 }), 0);
});

test("nobody who listens is ERR_UNREACHABLE, somebody who is no service ERR_PROTOCOL", async (t) => {
  const http = createServer((socket) => socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n".padEnd(200)));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as { port: number };
  await t.throwsAsync(connect(`sluice://127.0.0.1:${port}`), { code: "ERR_PROTOCOL" });
  await new Promise((resolve) => http.close(resolve));
  await t.throwsAsync(connect(`sluice://127.0.0.1:${port}`), { code: "ERR_UNREACHABLE" });
  await t.throwsAsync(connect(`ws://127.0.0.1:${port}`), { code: "ERR_UNREACHABLE" });
  await t.throwsAsync(connect("unix:/nowhere/at/all"), { code: "ERR_UNREACHABLE" });
  await t.throwsAsync(connect("sluice:./nowhere.json"), { code: "ERR_UNREACHABLE" });
});

test("somebody who never answers is ERR_UNREACHABLE after connectTimeout", async (t) => {
  const mute = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const { port } = mute.address() as { port: number };
  await t.throwsAsync(connect(`sluice://127.0.0.1:${port}`, { connectTimeout: 20 }), { code: "ERR_UNREACHABLE" });
  await new Promise((resolve) => mute.close(resolve));
});

test("where the backend knows no producers, a batch whose fate is not known fails instead of being stored twice", async (t) => {
  const memory = memoryBackend();
  const backend: Backend = { ...memory, capabilities: { ...memory.capabilities, idempotent: false } };
  const never: Backend = { ...backend, openTopic: () => new Promise(() => {}) };
  let service = await serve({ backend, listeners: [{ tcp: { port: 0 } }] });
  const port = portOf(service.addresses[0]!);
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<Numbered>("numbers");
  t.is(await topic.producer().push({ n: 0 }), 0);
  await service.close({ deadline: 0 });
  service = await serveAt(port, never); // It takes the batch, and never stores it.
  await driver.listTopics(); // The client has found the new service.
  const failing = t.throwsAsync(Promise.resolve(topic.producer().push({ n: 1 })), { code: "ERR_UNREACHABLE" });
  await driver.listTopics(); // Answered behind the batch.
  await service.close({ deadline: 0 });
  service = await serveAt(port, backend);

  await failing;
  await driver.listTopics();
  t.is(await topic.producer().push({ n: 2 }), 1);
  await Promise.allSettled([driver.close()]); // Its producer tells the failure once more.
  await service.close();
});

/** A proxy that can be shut: it drops what it has, and takes no more. */
async function gatedProxy(target: number) {
  const { connect: dial } = await import("node:net");
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((client) => {
    if (!isOpen) return void client.resetAndDestroy();
    const service = dial(target, "127.0.0.1");
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {}).on("close", () => (sockets.delete(from), to.destroy()));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    shut: () => {
      isOpen = false;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    open: () => void (isOpen = true),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
