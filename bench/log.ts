import { fdatasync, writev } from "node:fs";
import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, type Topic } from "sluice";
import { readings, type Reading } from "./events.ts";
import { compare, percentile, secondsOf, single, type Figure } from "./harness.ts";

const batchSize = 4096;
const mebibyte = 1 << 20;
const sync = promisify(fdatasync);

/** The log at durability `disk`, beside raw writes and syncs of the same bytes. `SLUICE_BENCH_DIRECTORY` names the disk. */
export async function benchLog(count = 300_000): Promise<Figure[]> {
  return [
    ...(await smallEvents(count)),
    ...(await largeEvents(200)),
    ...(await latencies(300)),
    ...(await reading(count)),
  ];
}

async function smallEvents(count: number): Promise<Figure[]> {
  const events = readings(count);
  const rate = async (work: () => unknown) => count / (await secondsOf(work));
  const batches = encoded(events);
  return compare(
    "Produce, 128-byte JSON metadata, log, durability disk",
    [
      {
        name: "raw: write at the end, fdatasync, batches of 4,096",
        run: () => inDirectory((file) => rate(() => writeRaw(file, batches))),
      },
      {
        name: "raw: the same into a part that was written before",
        run: () => inDirectory(async (file) => (await prepare(file, batches), rate(() => writeRaw(file, batches)))),
      },
      { name: "JSON encoding alone", run: () => rate(() => encoded(events)) },
      {
        name: "Sluice, push, adaptive batches",
        run: () => withTopic((topic) => rate(() => pushAll(topic, events))),
        aim: "0.7 of the slower of the two above",
      },
      {
        name: "Sluice, push, batches of 1,024",
        run: () => withTopic((topic) => rate(() => pushAll(topic, events, 1024))),
      },
      {
        name: "Sluice, push, adaptive batches, durability os",
        run: () => withTopic((topic) => rate(() => pushAll(topic, events)), "os"),
      },
    ],
    { unit: "events/s", runs: 5, baseline: "raw: the same into a part that was written before" },
  );
}

async function largeEvents(count: number): Promise<Figure[]> {
  const data = new Uint8Array(mebibyte).fill(7);
  const rate = async (work: () => unknown) => (count * mebibyte) / 1e6 / (await secondsOf(work));
  const perSync = Array.from({ length: count }, () => [data]);
  return compare(
    "Events with 1 MiB of data, stored, log, durability disk",
    [
      {
        name: "raw: write at the end, fdatasync each MiB",
        run: () => inDirectory((file) => rate(() => writeRaw(file, perSync))),
      },
      { name: "Sluice, push", run: () => withTopic((topic) => rate(() => pushData(topic, data, count))), aim: "0.85" },
    ],
    { unit: "MB/s", runs: 3, baseline: "raw: write at the end, fdatasync each MiB" },
  );
}

async function latencies(count: number): Promise<Figure[]> {
  const group = "One event alone, log, durability disk";
  const raw: number[] = [];
  await inDirectory(async (file) => {
    const bytes = [new Uint8Array(256).fill(1)];
    await prepare(
      file,
      Array.from({ length: count }, () => bytes),
    );
    for (let i = 0; i < count; i++) raw.push(1000 * (await secondsOf(() => writeRaw(file, [bytes], i * 256))));
    return 0;
  });
  const ours: number[] = [];
  await withTopic(async (topic) => {
    const producer = topic.producer();
    const [event] = readings(1);
    for (let i = 0; i < count; i++) ours.push(1000 * (await secondsOf(() => producer.push(event!))));
    return 0;
  });
  const row = (name: string, taken: readonly number[]) =>
    [0.5, 0.99].map((share) => single(group, `${name}, p${share * 100}`, "ms", percentile(taken, share)));
  return [...row("raw: write and fdatasync of 256 bytes", raw), ...row("Sluice, push", ours)];
}

async function reading(count: number): Promise<Figure[]> {
  const events = readings(count);
  const directory = await newDirectory();
  try {
    await withDriver(directory, (topic) => pushAll(topic, events));
    const taken: number[] = [];
    for (let run = 0; run < 3; run++)
      taken.push(count / (await secondsOf(() => withDriver(directory, (topic) => readAll(topic, count)))));
    return [
      single(
        "Read back from a cold open, metadata decoded",
        "Sluice, consumer",
        "events/s",
        percentile(taken, 0.5),
        "1 M",
      ),
    ];
  } finally {
    await rm(directory, { recursive: true });
  }
}

function encoded(events: readonly Reading[]): Uint8Array[][] {
  const encoder = new TextEncoder();
  const batches: Uint8Array[][] = [];
  for (let start = 0; start < events.length; start += batchSize) {
    let text = "";
    for (let i = start; i < Math.min(events.length, start + batchSize); i++) text += JSON.stringify(events[i]);
    batches.push([encoder.encode(text)]);
  }
  return batches;
}

async function writeRaw(file: FileHandle, batches: readonly (readonly Uint8Array[])[], start = 0): Promise<void> {
  let position = start;
  for (const batch of batches) {
    await new Promise<void>((resolve, reject) =>
      writev(file.fd, batch, position, (error) => (error ? reject(error) : resolve())),
    );
    await sync(file.fd);
    for (const { length } of batch) position += length;
  }
}

async function prepare(file: FileHandle, batches: readonly (readonly Uint8Array[])[]): Promise<void> {
  const zeros = new Uint8Array(mebibyte);
  const size = batches.flat().reduce((sum, { length }) => sum + length, 0);
  for (let at = 0; at < size; at += zeros.length) await file.write(zeros, 0, zeros.length, at);
  await file.sync();
}

async function pushAll(topic: Topic<Reading>, events: readonly Reading[], size?: number): Promise<void> {
  const producer = topic.producer(size === undefined ? {} : { batchSize: size });
  for (const event of events) {
    producer.push(event);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
}

async function pushData(topic: Topic<Reading>, data: Uint8Array, count: number): Promise<void> {
  const producer = topic.producer();
  const [event] = readings(1);
  for (let i = 0; i < count; i++) {
    producer.push(event!, data);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
}

function readAll(topic: Topic<Reading>, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let [seen, sum] = [0, 0];
    topic.consumer("bench", { until: "end", batchSize: 4096 }).subscribe({
      next: (event) => {
        sum += event.metadata.energy;
        seen++;
      },
      error: reject,
      complete: () => (seen === count && sum > 0 ? resolve() : reject(new Error(`${seen} of ${count} events came`))),
    });
  });
}

function newDirectory(): Promise<string> {
  return mkdtemp(join(process.env["SLUICE_BENCH_DIRECTORY"] ?? tmpdir(), "sluice-bench-"));
}

async function inDirectory<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
  const directory = await newDirectory();
  const file = await open(join(directory, "raw"), "w");
  try {
    return await work(file);
  } finally {
    await file.close();
    await rm(directory, { recursive: true });
  }
}

async function withTopic<T>(
  work: (topic: Topic<Reading>) => Promise<T>,
  durability: "disk" | "os" = "disk",
): Promise<T> {
  const directory = await newDirectory();
  try {
    return await withDriver(directory, work, durability);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function withDriver<T>(
  directory: string,
  work: (topic: Topic<Reading>) => Promise<T>,
  durability: "disk" | "os" = "disk",
): Promise<T> {
  const driver = await connect(`log:${directory}`, { durability });
  try {
    const topic = (await driver.topicExists("bench"))
      ? await driver.openTopic<Reading>("bench")
      : await driver.createTopic<Reading>("bench");
    return await work(topic);
  } finally {
    await driver.close();
  }
}
