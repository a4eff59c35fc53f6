// npm run bench:brokers: one broker on loopback, acks=all for everybody, the same bytes, in turns.

import { randomUUID } from "node:crypto";
import { lastValueFrom, tap } from "rxjs";
import { connect } from "../../src/index.ts";
import { compare, machine, printGroup, secondsOf, type Figure } from "../harness.ts";
import { consumers } from "./consumers.ts";
import type { Load, Place, Way } from "./load.ts";
import { producers } from "./producers.ts";

const brokers = process.env["SLUICE_KAFKA"]?.split(",");
if (brokers === undefined) throw new Error("There is no broker: npm run bench:brokers starts one");
const runs = Number(process.env["SLUICE_ROUNDS"] ?? 5);
const bare = "@platformatic/kafka, batches by hand";
const bareStream = "@platformatic/kafka, stream";

const loads: readonly Load[] = [
  { name: "128 B", bytes: 128, count: 200_000, batch: 4000 },
  { name: "1 KiB", bytes: 1024, count: 60_000, batch: 900 },
  { name: "64 KiB", bytes: 65_536, count: 2000, batch: 15 },
];

const place: Place = { brokers, driver: await connect(`kafka://${brokers.join()}/`) };

/** Compares all ways, each in a topic that `topicOf` gives. */
function measure(
  group: string,
  load: Load,
  ways: Readonly<Record<string, Way>>,
  baseline: string,
  topicOf: () => Promise<string>,
): Promise<Figure[]> {
  const isLarge = load.bytes >= 65_536;
  const amount = isLarge ? (load.count * load.bytes) / 1e6 : load.count;
  const contenders = Object.entries(ways).map(([name, way]) => ({
    name,
    run: async () => amount / (await way(place, load, await topicOf())),
  }));
  return compare(group, contenders, { unit: isLarge ? "MB/s" : "events/s", runs, baseline });
}

async function newTopic(): Promise<string> {
  const name = `bench-${randomUUID()}`;
  await place.driver.createTopic(name, { partitions: 1 });
  return name;
}

/** A one percent view of large events, beside fetching all of them. */
async function measureViews(): Promise<Figure[]> {
  const [size, count] = [32 << 20, 3];
  const topic = await place.driver.openTopic(await newTopic());
  const producer = topic.producer({ maxBatchBytes: 64 << 20 });
  for (let i = 0; i < count; i++) await producer.push({ i }, new Uint8Array(size).fill(i));
  const read = (share: number) => async () => {
    const wanted = Math.round(size * share);
    const events$ = topic.consumer(`bench-${randomUUID()}`, {
      until: "end",
      dataSelector: (_, data) => data.makeSubView(Math.floor((size - wanted) / 2), wanted),
    });
    return count / (await secondsOf(() => lastValueFrom(events$.pipe(tap(({ data }) => data.size)))));
  };
  const contenders = [
    { name: "all of it", run: read(1) },
    { name: "one percent", run: read(0.01), aim: "x 10" },
  ];
  return compare("Views of events of 32 MiB", contenders, { unit: "events/s", runs, baseline: "all of it" });
}

/** How much the memory grows while a subscriber is ten times slower than the producer, with events of 1 MiB. */
async function measureMemory(): Promise<Figure[]> {
  const [size, count, maxBytes] = [1 << 20, 300, 16 << 20];
  const run = async () => {
    const topic = await place.driver.openTopic(await newTopic());
    const data = new Uint8Array(size).fill(1);
    const producer = topic.producer({ maxBatchBytes: 4 << 20 });
    const consumer = topic.consumer(`bench-${randomUUID()}`, { dataSelector: (_, all) => all, maxBytes });
    let [produced, consumed, most] = [0, 0, 0];
    const before = process.memoryUsage().rss;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 10);
    const consuming = consumer.process(async () => {
      // It has a tenth of what was produced, and waits for more of it.
      while (produced < count && consumed * 10 >= produced) await new Promise((resolve) => setTimeout(resolve, 1));
      if (++consumed === count / 10) void consumer.close({ deadline: 0 });
    });
    while (produced < count) {
      await producer.push({ n: produced }, data);
      produced++;
    }
    await consuming.catch(() => undefined);
    clearInterval(watch);
    return most / (1 << 20);
  };
  const contenders = [{ name: `300 events of 1 MiB, maxBytes 16 MiB`, run }];
  return compare("Memory with a subscriber ten times slower", contenders, {
    unit: "MiB more",
    runs: 3,
    better: "smaller",
  });
}

const wanted = process.argv.slice(2);
for (const [key, value] of Object.entries(machine())) console.log(`${key.padEnd(12)}${value}`);
for (const load of loads) {
  if (wanted.length > 0 && !wanted.includes(load.name)) continue;
  printGroup(await measure(`Produce ${load.name}, one partition, acks=all`, load, producers, bare, newTopic));
  const filled = await newTopic();
  await producers[bare]!(place, load, filled);
  printGroup(await measure(`Consume ${load.name}, one partition`, load, consumers, bareStream, async () => filled));
}
if (wanted.length === 0 || wanted.includes("views")) printGroup(await measureViews());
if (wanted.length === 0 || wanted.includes("memory")) printGroup(await measureMemory());
console.log("@confluentinc/kafka-javascript is not measured: it installs a binary from elsewhere than the registry.");
await place.driver.close();
