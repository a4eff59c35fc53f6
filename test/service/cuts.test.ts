import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { from, lastValueFrom, map } from "rxjs";
import { logBackend } from "../../backends/log/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { serve } from "../../backends/service/server/index.ts";
import { connect, type Backend, type BackendPartition, type BackendTopic, type Topic } from "../../src/index.ts";
import { cuttingProxy } from "./cuttingProxy.ts";
import { amount } from "./tiers.ts";
import { random } from "./random.ts";

interface Numbered {
  readonly n: number;
}

/** How many connections are cut; `npm run soak` cuts more. */
const wanted = amount("SLUICE_CUTS", { quick: 100, soak: 3000 });
const seed = Number(process.env["SLUICE_SEED"] ?? Date.now() % 1e9);
/** Where connections are cut, in bytes: in the greeting, in a batch, or later. */
const reach = [200, 2000, 20_000, 200_000];

const backends: Readonly<Record<string, (folder: string) => Promise<Backend>>> = {
  memory: async () => memoryBackend(),
  log: (folder) => logBackend(folder, {}),
  // The sequences of producers recognise what is sent twice; here it is the answers that the service remembers.
  "memory that knows no producers": async () => forgetfulBackend(),
};

for (const [name, open] of Object.entries(backends)) {
  test.serial(`connections that are cut at random bytes lose, repeat and reorder nothing (${name})`, async (t) => {
    t.timeout(30_000 + 500 * wanted);
    t.log(`seed ${seed}, ${Math.ceil(wanted / 3)} cuts`);
    const next = random(seed);
    const folder = await mkdtemp(join(tmpdir(), "sluice-cuts-"));
    const backend = await open(folder);
    const service = await serve({ backend, listeners: [{ tcp: { port: 0 } }] });
    const bytes = () => 1 + Math.floor(next() * reach[Math.floor(next() * reach.length)]!);
    const proxy = await cuttingProxy({ target: Number(service.addresses[0]!.split(":").at(-1)), bytes });
    const driver = await connectThrough(proxy.port);
    const topic = await driver.createTopic<Numbered>("numbers", { partitions: 2 });
    const consuming = await connectThrough(proxy.port);
    const seen = consumeAll(await consuming.openTopic<Numbered>("numbers"));

    const ids: number[][] = [[], []];
    const producers = [topic.producer({ name: "named" }), topic.producer()];
    let pushed = 0;
    while (proxy.cuts < wanted / 3) {
      // Partition 0 has the events of a producer with a name, partition 1 of one without.
      const futures = [0, 1].flatMap((partition) =>
        Array.from({ length: 20 }, (_, i) =>
          producers[partition]!.push({ n: pushed + i }, data(pushed + i), { partition }),
        ),
      );
      const stored = await Promise.all(futures);
      ids[0]!.push(...stored.slice(0, 20));
      ids[1]!.push(...stored.slice(20));
      pushed += 20;
    }
    proxy.spare();
    await seen.until(2 * pushed);

    const order = Array.from({ length: pushed }, (_, n) => n);
    t.deepEqual(seen.problems, []);
    for (const partition of [0, 1]) {
      t.deepEqual(seen.numbers[partition], order, `what was delivered of partition ${partition}`);
      t.deepEqual(ids[partition], order, `the ids of partition ${partition}`);
    }
    const lag = await topic.lag("app");
    t.deepEqual(
      lag.partitions.map(({ position }) => position),
      [pushed, pushed],
    );
    t.true(proxy.cuts >= wanted / 3);
    await Promise.all([driver.close(), consuming.close()]);
    await proxy.close();
    await service.close();
    await lastValueFrom(from(backend.close()), { defaultValue: undefined });
    await rm(folder, { recursive: true });
  });
}

/** A memory backend that stores whatever it is sent, as often as it is sent. */
function forgetfulBackend(): Backend {
  const memory = memoryBackend();
  const forgetful = (topic: BackendTopic): BackendTopic => {
    const partitions = topic.partitions.map((partition): BackendPartition => ({
      index: partition.index,
      append: (batch) => partition.append({ ...batch, producer: undefined }),
      read: (position, limits) => partition.read(position, limits),
      fetch: (reads) => partition.fetch(reads),
      bounds: () => partition.bounds(),
      find: (time) => partition.find(time),
    }));
    return {
      name: topic.name,
      config: topic.config,
      partitions,
      addPartitions: (count) => topic.addPartitions(count),
      seal: () => topic.seal(),
      join: (consumer, options) => topic.join(consumer, options),
      cursors: (consumer) => topic.cursors(consumer),
    };
  };
  return {
    ...memory,
    capabilities: { ...memory.capabilities, idempotent: false, nextSequence: false },
    createTopic: (name, config) => from(memory.createTopic(name, config)).pipe(map(forgetful)),
    openTopic: (name) => from(memory.openTopic(name)).pipe(map(forgetful)),
  };
}

/** The first connection may be cut as well, and is tried again here. */
async function connectThrough(port: number): ReturnType<typeof connect> {
  for (;;) {
    try {
      return await connect(`sluice://127.0.0.1:${port}`, { minDelay: 1, maxDelay: 20 });
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_UNREACHABLE") throw error;
    }
  }
}

function data(n: number): Uint8Array {
  return new Uint8Array(n % 7 === 0 ? 3000 : n % 3).fill(n % 251);
}

function consumeAll(topic: Topic<Numbered>): {
  readonly numbers: readonly number[][];
  readonly problems: string[];
  until(count: number): Promise<void>;
} {
  const numbers: number[][] = [[], []];
  const problems: string[] = [];
  let [count, wantedCount] = [0, Infinity];
  let reached = () => {};
  const consumer = topic.consumer("app", { dataSelector: (_, descriptor) => descriptor });
  consumer
    .process((event) => {
      numbers[event.partition]!.push(event.metadata.n);
      const bytes = event.data.toUint8Array();
      if (Buffer.compare(bytes, data(event.metadata.n)) !== 0)
        problems.push(`the data of ${event.metadata.n} is wrong`);
      if (++count >= wantedCount) reached();
    })
    .then(undefined, (error: unknown) => problems.push(String(error)));
  return {
    numbers,
    problems,
    async until(wantedNow) {
      wantedCount = wantedNow;
      if (count < wantedNow) await new Promise<void>((resolve) => (reached = resolve));
      await consumer.close();
    },
  };
}
