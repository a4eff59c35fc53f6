import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, registerBackend, type Backend, type RobustProducer, type Topic } from "sluice";
import { logBackend } from "sluice/backends/log";
import { memoryBackend } from "sluice/backends/memory";
import { FaultPlan, withFaults } from "sluice/testing";
import { Journal } from "../operators/internal/robust/journal.ts";
import { answerOf } from "../operators/internal/robust/answerOf.ts";
import { readings, type Reading } from "./events.ts";
import { compare, percentile, secondsOf, single, type Figure } from "./harness.ts";

/** What hop-client measures of itself, or what was measured of it elsewhere. */
interface HopFigures {
  readonly queue: number;
  readonly mark: number;
  readonly reload: number;
  readonly space: number;
}

/** Measured of hop-client 0.13 on a machine of two cores, without a sync; see docs/guides/robust-publication.md. */
const cited: HopFigures = { queue: 258_000, mark: 3500, reload: 30_000, space: 2_190_000 };
const waiting = 1024;

registerBackend("bench-target", (_url, { backend }) => backend as Backend);

/** The journal of the robust producer beside that of hop-client, which runs when `SLUICE_HOP_PYTHON` names a Python that has it. */
export async function benchRobust(count = 300_000): Promise<Figure[]> {
  const hop = await hopFigures();
  const name = hop === cited ? "hop-client, as measured elsewhere" : "hop-client, in this run, no sync";
  return [
    ...(await queueing(count, hop, name)),
    ...(await marking(hop, name)),
    ...(await reloading(hop, name)),
    ...(await space(hop, name)),
    ...(await publishing(count)),
  ];
}

async function queueing(count: number, hop: HopFigures, name: string): Promise<Figure[]> {
  const events = readings(count);
  const rate = (durability: "disk" | "os") => () =>
    withProducer({ durability }, async (producer) => count / (await secondsOf(() => pushWaiting(producer, events))));
  return compare(
    `Queueing while the backend is away, ${waiting} pushers that each wait for 'accepted', 128-byte JSON`,
    [
      { name, run: () => hop.queue },
      { name: "Sluice, durability disk", run: rate("disk"), aim: "100,000" },
      { name: "Sluice, durability os", run: rate("os"), aim: "258,000" },
    ],
    { unit: "events/s", runs: 5, baseline: name },
  );
}

async function pushWaiting(producer: RobustProducer<Reading>, events: readonly Reading[]): Promise<void> {
  let next = 0;
  const pusher = async () => {
    while (next < events.length) await producer.push(events[next++]!).accepted;
  };
  await Promise.all(Array.from({ length: waiting }, pusher));
}

async function marking(hop: HopFigures, name: string): Promise<Figure[]> {
  const inFlight = 20_000;
  const run = () =>
    withDirectory(async (directory) => {
      await fill(directory, inFlight);
      const backend = await logBackend(directory);
      const components = {
        validator: { type: "accept-all" },
        partitionSelector: { type: "round-robin" },
        serializer: { type: "json" },
      };
      const journal = await Journal.open(backend, { topic: "bench", components, partitions: 1, name: "robust" });
      const partition = journal.partitions[0]!;
      const seconds = await secondsOf(async () => {
        for (let position = 1; position <= inFlight; position++) journal.sent(partition, position, 150);
        await answerOf(partition.noted());
      });
      await journal.close();
      await answerOf(backend.close());
      return inFlight / seconds;
    });
  return compare(
    "Marking 20,000 events in flight as sent, one by one, until the disk has it",
    [
      { name, run: () => hop.mark },
      { name: "Sluice", run, aim: "350,000" },
    ],
    { unit: "events/s", runs: 5, baseline: name },
  );
}

async function reloading(hop: HopFigures, name: string): Promise<Figure[]> {
  const group = "Opening a journal with a backlog, 128-byte JSON";
  const figures = [single(group, name, "events/s", hop.reload)];
  for (const count of [10_000, 100_000, 1_000_000]) {
    const rates = await withDirectory(async (directory) => {
      await fill(directory, count);
      const taken: number[] = [];
      for (let run = 0; run < 3; run++) taken.push(await reopen(directory, count));
      return taken;
    });
    figures.push({
      ...single(group, `Sluice, ${count.toLocaleString("en")} events`, "events/s", percentile(rates, 0.5), "300,000"),
      min: Math.min(...rates),
      max: Math.max(...rates),
    });
  }
  return figures;
}

async function reopen(directory: string, count: number): Promise<number> {
  const topic = await targetTopic();
  let producer: RobustProducer<Reading> | undefined;
  const seconds = await secondsOf(async () => {
    producer = await topic.robustProducer({ journal: directory, delivery: "manual" });
  });
  const { left } = await producer!.close();
  if (left !== count) throw new Error(`${left} of ${count} events were found`);
  return count / seconds;
}

async function space(hop: HopFigures, name: string): Promise<Figure[]> {
  const group = "Disk space of 2,000 events that were sent and one that was not, 1,000 bytes each";
  return withDirectory(async (directory) => {
    const link = new FaultPlan();
    const producer = await (await targetTopic(link)).robustProducer({ journal: directory, compactAfter: Infinity });
    const [event] = readings(1);
    for (let i = 0; i < 2000; i++) producer.push(event!, new Uint8Array(1000));
    await producer.flush();
    await producer.drain();
    link.append.fail();
    await producer.push(event!, new Uint8Array(1000)).accepted;
    await producer.close({ deadline: 0 });
    return [
      single(group, name, "bytes", hop.space),
      single(group, "Sluice", "bytes", await sizeOf(directory), "65,536"),
    ];
  });
}

async function publishing(count: number): Promise<Figure[]> {
  const events = readings(count);
  const push = (durability: "disk" | "os") => () =>
    withProducer(
      { durability, target: "there" },
      async (producer) =>
        count /
        (await secondsOf(async () => {
          for (const event of events) {
            producer.push(event);
            if (!producer.isReady) await producer.ready;
          }
          await producer.flush();
          await producer.drain();
        })),
    );
  return compare(
    "Publishing through the journal to a memory backend, 128-byte JSON, one producer",
    [
      { name: "durability disk", run: push("disk") },
      { name: "durability os", run: push("os") },
    ],
    { unit: "events/s", runs: 3 },
  );
}

/** Makes a journal with so many events in it. */
async function fill(directory: string, count: number): Promise<void> {
  const topic = await targetTopic();
  const producer = await topic.robustProducer({ journal: directory, delivery: "manual" });
  for (const event of readings(count)) {
    producer.push(event);
    if (!producer.isReady) await producer.ready;
  }
  await producer.close();
}

async function targetTopic(link = new FaultPlan()): Promise<Topic<Reading>> {
  const driver = await connect("bench-target:", { backend: withFaults(memoryBackend(), link) });
  return driver.createTopic<Reading>("bench");
}

async function withProducer<T>(
  { durability, target = "away" }: { durability: "disk" | "os"; target?: "away" | "there" },
  work: (producer: RobustProducer<Reading>) => Promise<T>,
): Promise<T> {
  return withDirectory(async (directory) => {
    const link = new FaultPlan();
    if (target === "away") link.append.fail(new Error("no route to host"));
    const producer = await (await targetTopic(link)).robustProducer({ journal: directory, durability });
    try {
      return await work(producer);
    } finally {
      await producer.close({ deadline: 0 });
    }
  });
}

async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(process.env["SLUICE_BENCH_DIRECTORY"] ?? tmpdir(), "sluice-bench-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function sizeOf(directory: string): Promise<number> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

/** Runs hop-client where it can be had. */
async function hopFigures(): Promise<HopFigures> {
  const python = process.env["SLUICE_HOP_PYTHON"] ?? "python3";
  const program = new URL("hopJournal.py", import.meta.url).pathname;
  try {
    const { stdout } = await promisify(execFile)(python, [program, "20000"]);
    return JSON.parse(stdout) as HopFigures;
  } catch {
    return cited;
  }
}
