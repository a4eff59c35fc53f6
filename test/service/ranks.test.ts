import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import test, { type ExecutionContext } from "ava";
import { firstValueFrom, from, lastValueFrom, NEVER, throwError } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import type { GroupFile } from "../../cli/service/groupFile.ts";
import { HeldLeases } from "../../cli/service/ranks/heldLeases.ts";
import { RankDirectory } from "../../cli/service/ranks/rankDirectory.ts";
import { rankedBackend } from "../../cli/service/ranks/rankedBackend.ts";
import { checkRanks, rankListeners } from "../../cli/service/ranks/rankConfig.ts";
import { startRanks } from "../../cli/service/ranks/startRanks.ts";
import { TopicPart } from "../../cli/service/ranks/topicPart.ts";
import type { LoadedConfig } from "../../cli/service/serviceConfig.ts";
import type { ServiceStatus } from "../../cli/service/serviceStatus.ts";
import { startService } from "../../cli/service/startService.ts";
import { SluiceError, type Backend, type Lease, type TopicConfig } from "../../src/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";
import { ranksInProcess } from "./ranksInProcess.ts";
import { connected, until } from "./served.ts";
import { amount } from "./tiers.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const config: TopicConfig = {
  partitions: 3,
  components: {
    validator: { type: "accept-all" },
    partitionSelector: { type: "round-robin" },
    serializer: { type: "json" },
  },
};

/** A service of two processes over a log. */
async function twoRanks(t: ExecutionContext) {
  const folder = await temporaryFolder(t);
  const its: LoadedConfig = {
    ranks: 2,
    backends: { main: { type: "log", path: join(folder, "log") } },
    listeners: [
      { type: "tcp", port: 0 },
      { type: "websocket", port: 0 },
    ],
    groupFile: join(folder, "sluice.json"),
    log: { level: "silent" },
  };
  const service = await startRanks(its, silent, { stderr: new PassThrough(), env: process.env });
  t.teardown(() => service.close({ deadline: 0 }));
  const members = async () => (JSON.parse(await readFile(its.groupFile, "utf8")) as GroupFile).members;
  return {
    config: its,
    url: `sluice:${its.groupFile}`,
    members,
    /** Kills the process of a rank, and waits until another has its place. */
    async kill(rank: number) {
      const { pid } = (await members())[rank]!;
      process.kill(pid!, "SIGKILL");
      await until(async () => (await members())[rank]!.pid !== pid);
    },
  };
}

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-ranks-test-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const kills = amount("SLUICE_KILLS", { quick: 2, soak: 40 });

for (const killed of [1, 0]) {
  test.serial(
    `rank ${killed} may be killed while events are stored and read: none is lost, doubled or out of order`,
    async (t) => {
      const service = await twoRanks(t);
      const [producing, consuming] = [await connected(t, service.url), await connected(t, service.url)];
      const topic = await producing.createTopic<{ n: number }>("killed", { partitions: 4 });
      const seen: number[][] = [[], [], [], []];
      const repeated = new Set<number>();
      const consumer = (await consuming.openTopic<{ n: number }>("killed")).consumer("app");
      const failures: unknown[] = [];
      consumer.subscribe({
        next: (event) => {
          const its = seen[event.partition]!;
          // What was not acknowledged when rank 0 ended comes once more.
          if (event.id < its.length) repeated.add(event.metadata.n);
          else its.push(event.metadata.n);
          event.acknowledge().then(undefined, () => undefined);
        },
        error: (error: unknown) => failures.push(error),
      });
      const producer = topic.producer({ name: "p", batchSize: 16 });
      let pushed = 0;
      let stored = 0;
      let isOver = false;
      t.teardown(() => (isOver = true)); // Also when something below fails.
      const pushing = (async () => {
        while (!isOver) {
          producer.push({ n: pushed++ }).then(
            () => stored++,
            (error: unknown) => failures.push(error),
          );
          if (pushed % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
          await producer.ready;
        }
        await producer.flush();
      })();
      const more = async () => {
        const before = stored;
        await until(() => failures.length > 0 || stored > before + 200);
        t.deepEqual(failures, []);
      };
      for (let i = 0; i < kills; i++) {
        await more();
        await service.kill(killed);
      }
      await more();
      isOver = true;
      await pushing;
      t.is(stored, pushed);
      await until(() => failures.length > 0 || seen.flat().length >= pushed);
      t.deepEqual(failures, []);
      if (killed === 1) t.is(repeated.size, 0);
      for (const its of seen) t.true(its.every((n, i) => i === 0 || n > its[i - 1]!));
      t.is(new Set(seen.flat()).size, pushed);
      t.is(
        (await topic.describe()).partitions.reduce((sum, { end }) => sum + end, 0),
        pushed,
      );
    },
  );
}

test.serial(
  "clients come straight to the rank that has a partition, and the group file tells where that is",
  async (t) => {
    const service = await twoRanks(t);
    const driver = await connected(t, service.url);
    const topic = await driver.createTopic("straight", { partitions: 2 });
    const ranks = (await topic.describe()).partitions.map(({ rank }) => rank);
    t.deepEqual(ranks, [0, 1]);
    await topic.producer().push(1, undefined, { partition: 1 });
    const [first] = await service.members();
    const response = await fetch(first!.addresses[1]!.replace(/^ws(.*)/, "http$1/status"));
    const status = (await response.json()) as ServiceStatus;
    t.deepEqual(
      status.ranks.map(({ statistics }) => statistics!.events),
      [0, 1],
    );
  },
);

test.serial("a log that is shared is not opened by fewer processes", async (t) => {
  const service = await twoRanks(t);
  const driver = await connected(t, service.url);
  await driver.createTopic("shared", { partitions: 2 });
  await driver.close();
  await t.throwsAsync(startService({ ...service.config, ranks: 1 }, silent), { message: /shared by several ranks/ });
  const file = join((service.config.backends["main"] as { path: string }).path, "ranks.json");
  await t.throwsAsync(RankDirectory.open(file, 1), { message: /"shared" has partitions at 2 ranks: .* is 1$/ });
});

test("a rank that cannot be reached from where a client is, is reached by a detour", async (t) => {
  const service = await ranksInProcess({ main: { type: "memory" } }, 2);
  t.teardown(service.close);
  service.addresses.splice(1, 1, ["sluice://127.0.0.1:1"]);
  const driver = await connected(t, service.addresses[0]![0]!);
  const topic = await driver.createTopic<number>("detour", { partitions: 2 });
  const producer = topic.producer();
  for (let n = 0; n < 10; n++) producer.push(n);
  await producer.flush();
  const seen: number[] = [];
  for await (const { metadata } of topic.consumer("app", { until: "end" })) seen.push(metadata);
  t.deepEqual(
    seen.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test("partitions go to the rank that has the fewest, or to the one that is asked for", async (t) => {
  const service = await ranksInProcess({ main: { type: "memory" } }, 3);
  t.teardown(service.close);
  const driver = await connected(t, service.addresses[0]![0]!);
  await driver.createTopic("one");
  const topic = await driver.createTopic("two");
  await topic.addPartitions(2, { rank: 1 });
  await topic.addPartition();
  t.deepEqual(
    (await topic.describe()).partitions.map(({ rank }) => rank),
    [1, 1, 1, 2],
  );
  const error = await t.throwsAsync(topic.addPartitions(1, { rank: 3 }), { instanceOf: RangeError });
  t.regex(error.message, /'rank' must be an integer from 0 to 2: current value is 3/);
});

for (const [adding, learning] of [
  [0, 1],
  [1, 0],
  [1, 2],
]) {
  test(`a client at rank ${learning} learns of partitions that one at rank ${adding} adds, and uses them`, async (t) => {
    const service = await ranksInProcess({ main: { type: "memory" } }, 3);
    t.teardown(service.close);
    const one = await connected(t, service.addresses[adding!]![0]!);
    const other = await connected(t, service.addresses[learning!]![0]!);
    const theirs = await one.createTopic<number>("growing", { partitions: 1 });
    const ours = await other.openTopic<number>("growing");
    await theirs.addPartitions(2);
    await until(() => ours.partitions === 3);
    const producer = ours.producer();
    for (let n = 0; n < 6; n++) producer.push(n);
    await producer.flush();
    const ends = (await theirs.describe()).partitions.map(({ end }) => end);
    t.deepEqual(ends, [2, 2, 2]);
  });
}

test("what a crash of rank 0 has left half made or half deleted is cleared away", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "ranks.json");
  const parts = [memoryBackend(), memoryBackend()];
  for (const part of parts)
    for (const name of ["made", "gone"]) await firstValueFrom(from(part.createTopic(name, config)));
  const topics = {
    made: { state: "making", config, ranks: [0, 1, 0] },
    gone: { state: "going", config, ranks: [0, 1, 0] },
  };
  await writeFile(file, JSON.stringify({ version: 1, topics }));
  const backend = await rankedBackend(parts, await RankDirectory.open(file, 2));
  t.deepEqual(await firstValueFrom(from(backend.listTopics())), []);
  for (const part of parts) t.deepEqual(await firstValueFrom(from(part.listTopics())), []);
  await firstValueFrom(from(backend.createTopic("made", config)));
  const again = await rankedBackend(parts, await RankDirectory.open(file, 2));
  const { ranks } = await firstValueFrom(from(again.openTopic("made")));
  t.deepEqual(
    ranks!.places.map(({ rank }) => rank),
    [0, 1, 0],
  );
});

test("topics that rank 0 had before there were others stay at rank 0", async (t) => {
  const first = memoryBackend();
  await firstValueFrom(from(first.createTopic("old", config)));
  const backend = await rankedBackend([first, memoryBackend()], await RankDirectory.open(undefined, 2));
  const { ranks, partitions } = await firstValueFrom(from(backend.openTopic("old")));
  t.deepEqual([ranks!.places.map(({ rank }) => rank), partitions.length], [[0, 0, 0], 3]);
});

test("a directory of ranks that is damaged is not taken for an empty one", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "ranks.json"), `{"version":1,"top`);
  await t.throwsAsync(RankDirectory.open(join(folder, "ranks.json"), 2), { message: /ranks.json is damaged/ });
});

test("each rank has ports of its own, and a configuration in which two would meet is refused", (t) => {
  const listeners = [{ type: "tcp", port: 9000 }, { type: "websocket" }, { type: "unix", path: "/s" }] as const;
  t.deepEqual(rankListeners(listeners, 2), [
    { type: "tcp", port: 9004 },
    { type: "websocket", port: 7416, page: false },
    { type: "unix", path: "/s.2" },
  ]);
  const at = (given: Partial<LoadedConfig>): LoadedConfig => ({
    ...{ ranks: 2, backends: { main: { type: "memory" } }, listeners, groupFile: "" },
    ...given,
  });
  t.notThrows(() => checkRanks(at({})));
  const meeting = [
    { type: "tcp", port: 9000 },
    { type: "websocket", port: 9002 },
  ] as const;
  t.throws(() => checkRanks(at({ listeners: meeting })), { message: /Rank 1 cannot listen at port 9002/ });
  const far = { far: { type: "kafka", url: "kafka://localhost" } } as const;
  t.throws(() => checkRanks(at({ backends: far })), { message: /'ranks' needs a backend of the type memory/ });
});

test("a topic that was deleted and made again takes nothing from who knows the one before", async (t) => {
  const service = await ranksInProcess({ main: { type: "memory" } }, 2);
  t.teardown(service.close);
  const [first, second] = [
    await connected(t, service.addresses[0]![0]!),
    await connected(t, service.addresses[1]![0]!),
  ];
  const before = await first.createTopic<number>("again", { partitions: 2 });
  await second.deleteTopic("again");
  await second.createTopic("other");
  const after = await second.createTopic<number>("again", { partitions: 2 });
  for (const partition of [0, 1]) {
    const pushed = Promise.resolve(before.producer().push(1, undefined, { partition }));
    await t.throwsAsync(pushed, { code: "ERR_TOPIC_NOT_FOUND" });
  }
  t.deepEqual(
    (await after.describe()).partitions.map(({ end }) => end),
    [0, 0],
  );
  t.is(await (await first.openTopic<number>("again")).producer().push(2, undefined, { partition: 1 }), 0);
});

test("a name is free again when a topic could not be made, also where a rank was away", async (t) => {
  let isAway = true;
  const away = () => throwError(() => new SluiceError("ERR_UNREACHABLE", "away"));
  const second = memoryBackend();
  const flaky: Backend = {
    ...second,
    createTopic: (name, its) => (isAway ? away() : second.createTopic(name, its)),
    deleteTopic: (name) => (isAway ? away() : second.deleteTopic(name)),
  };
  const backend = await rankedBackend([memoryBackend(), flaky], await RankDirectory.open(undefined, 2));
  const create = () => firstValueFrom(from(backend.createTopic("name", config)));
  await t.throwsAsync(create(), { code: "ERR_UNREACHABLE" });
  isAway = false;
  t.is((await create()).partitions.length, 3);
});

test("an acknowledgement that could not be stored is not answered as one that is", async (t) => {
  const plan = new FaultPlan();
  const parts = [withFaults(memoryBackend(), plan), memoryBackend()];
  const backend = await rankedBackend(parts, await RankDirectory.open(undefined, 2));
  const topic = await firstValueFrom(from(backend.createTopic("acknowledged", { ...config, partitions: 1 })));
  const leases: Lease[] = [];
  const member = from(topic.join("app", { partitions: undefined })).subscribe((given) => leases.push(...given));
  t.teardown(() => member.unsubscribe());
  await until(() => leases.length === 1);
  plan.acknowledge.failOnce(new SluiceError("ERR_STORAGE", "full"));
  const acknowledge = (position: number) => lastValueFrom(from(leases[0]!.acknowledge(position)), { defaultValue: 0 });
  const both = await Promise.allSettled([acknowledge(5), acknowledge(3)]);
  t.deepEqual(
    both.map(({ status }) => status),
    ["rejected", "rejected"],
    "the second says less than the first, which was not stored",
  );
  await acknowledge(5);
  t.deepEqual(await firstValueFrom(from(topic.cursors("app"))), [5]);
});

test("an acknowledgement that waits for a lease ends with its topic", async (t) => {
  const never: Backend = { ...memoryBackend(), openTopic: () => NEVER };
  const part = new TopicPart(() => never.openTopic("any"));
  const leases = new HeldLeases(part, "app");
  const waiting = leases.acknowledge(0, 1);
  leases.leave(new SluiceError("ERR_TOPIC_NOT_FOUND", "gone"));
  await t.throwsAsync(waiting, { code: "ERR_TOPIC_NOT_FOUND" });
});
