import test from "ava";
import type { StreamEvent } from "sluice";
import { connected, served, until } from "../../service/served.ts";
import { amount } from "../../service/tiers.ts";
import { startProcess, temporaryFolder } from "../runCommand.ts";

const kills = amount("SLUICE_KILLS", { quick: 3, soak: 60 });
const partitions = 3;

test(`forward that is killed ${kills} times stores each event once, in its order, with its time and data`, async (t) => {
  const cwd = await temporaryFolder(t);
  // A forward that is killed says no goodbye, so its partitions are free when its lease is over.
  const [from, to] = [await served(t, { leaseTime: 50 }), await served(t, { leaseTime: 50 })];
  const [source, target] = [await connected(t, from.addresses[0]!), await connected(t, to.addresses[0]!)];
  const topic = await source.createTopic<number>("numbers", { partitions });
  const copy = await target.createTopic<number>("copy", { partitions });
  const producer = topic.producer();
  let pushed = 0;
  const push = async (count: number) => {
    for (let i = 0; i < count; i++, pushed++) {
      const timestamp = 1_000_000 + 7 * pushed;
      producer.push(pushed, Uint8Array.of(pushed & 255), { partition: pushed % partitions, timestamp });
    }
    await producer.flush();
  };
  const line = `forward --driver ${from.addresses[0]} --from numbers --to copy --to-driver ${to.addresses[0]}`;
  const start = () => startProcess(line.split(" "), cwd);
  const storedIn = async () => (await copy.describe()).partitions.reduce((sum, { end }) => sum + end, 0);

  for (let i = 0; i < kills; i++) {
    const forward = start();
    await push(2000);
    const before = await storedIn();
    await until(async () => (await storedIn()) > before + 100);
    void push(3000);
    forward.child.kill("SIGKILL");
    await forward.ended;
  }
  await push(100);
  const last = start();
  await until(async () => (await storedIn()) >= pushed && (await topic.lag("forward-target-copy")).total === 0);
  last.child.kill("SIGTERM");
  t.is((await last.ended).code, 0, last.text());

  const read: StreamEvent<number>[][] = Array.from({ length: partitions }, () => []);
  const all = copy.consumer("check", { until: "end", dataSelector: (_metadata, descriptor) => descriptor });
  for await (const event of all) read[event.partition]!.push(event);
  for (const [partition, events] of read.entries()) {
    const wanted = Array.from(
      { length: Math.ceil((pushed - partition) / partitions) },
      (_, n) => n * partitions + partition,
    );
    t.deepEqual(
      events.map(({ metadata }) => metadata),
      wanted,
    );
    t.true(events.every(({ metadata, timestamp }) => timestamp === 1_000_000 + 7 * metadata));
    t.true(events.every(({ metadata, data }) => data.toUint8Array()[0] === (metadata & 255)));
  }
});
