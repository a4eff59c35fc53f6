import { PassThrough } from "node:stream";
import { join } from "node:path";
import test from "ava";
import { connect } from "sluice";
import { keyOf } from "../../../cli/service/census.ts";
import { sumCounts, type Counts } from "../../../cli/service/counts.ts";
import type { LoadedConfig } from "../../../cli/service/serviceConfig.ts";
import type { ServiceStatus } from "../../../cli/service/serviceStatus.ts";
import { startRanks } from "../../../cli/service/ranks/startRanks.ts";
import { temporaryFolder } from "../runCommand.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };

test("the counts of ranks are added up by topic, producer and consumer, and the latest time counts", (t) => {
  const stored = { batches: 1, events: 10, bytes: 100, storing: 2 };
  const counts = (last: number, id: string): Counts => ({
    statistics: { connections: 1, batches: 1, events: 10, bytes: 100 },
    topics: [{ topic: "a", id, ...stored, read: 3 }],
    producers: [{ topic: "a", id, producer: "p", ...stored, last }],
    consumers: [{ topic: "a", id, consumer: "c", members: 1, last }],
  });
  const twice = { batches: 2, events: 20, bytes: 200, storing: 4 };
  t.deepEqual(sumCounts([counts(5, "x"), counts(4, "x")]), {
    statistics: { connections: 2, batches: 2, events: 20, bytes: 200 },
    topics: [{ topic: "a", id: "x", ...twice, read: 6 }],
    producers: [{ topic: "a", id: "x", producer: "p", ...twice, last: 5 }],
    consumers: [{ topic: "a", id: "x", consumer: "c", members: 2, last: 5 }],
  });
  t.is(sumCounts([counts(5, "x"), counts(4, "y")]).topics.length, 2, "one name, two topics");
  t.not(keyOf({ topic: "a" }, "b"), keyOf({ topic: "b" }, "a"));
});

test("every rank of a service tells the counts of all of them", async (t) => {
  const cwd = await temporaryFolder(t);
  const config: LoadedConfig = {
    backends: { main: { type: "memory" } },
    ranks: 2,
    listeners: [
      { type: "tcp", port: 0 },
      { type: "websocket", port: 0 },
    ],
    groupFile: join(cwd, "sluice.json"),
  };
  const service = await startRanks(config, silent, { stderr: new PassThrough(), env: process.env });
  t.teardown(() => service.close({ deadline: 0 }));
  const at = (protocol: string) => service.addresses.filter((address) => address.startsWith(protocol));
  const statuses = () =>
    Promise.all(
      at("ws").map(async (address) => (await (await fetch(`${httpOf(address)}/status`)).json()) as ServiceStatus),
    );
  const [first, second] = await Promise.all(at("sluice").map((address) => connect(address)));
  t.teardown(() => Promise.all([first!.close({ deadline: 0 }), second!.close({ deadline: 0 })]));
  const topic = await first!.createTopic<number>("shared", { partitions: 2 });
  const elsewhere = await second!.openTopic<number>("shared");
  for (const each of [topic, elsewhere]) {
    const producer = each.producer();
    for (let n = 0; n < 10; n++) producer.push(n);
    await producer.flush();
    const event = await each.consumer("app").pull();
    await event.acknowledge();
  }
  for (const [rank, status] of (await statuses()).entries()) {
    t.is(status.process.rank, rank);
    t.deepEqual(
      status.ranks.map((each) => each.rank),
      [0, 1],
    );
    t.not(status.ranks[0]!.pid, status.ranks[1]!.pid);
    t.like(status.topics, [{ topic: "shared", events: 20 }]);
    t.like(status.statistics, { events: 20 });
    t.is(
      status.producers.reduce((sum, { events }) => sum + events, 0),
      20,
    );
    t.like(status.consumers, [{ topic: "shared", consumer: "app", members: 2 }]);
  }
  for (const address of at("ws")) {
    const metrics = await (await fetch(`${httpOf(address)}/metrics`)).text();
    const events = [...metrics.matchAll(/^sluice_topic_events_total\{topic="shared",rank="(\d)"\} (\d+)$/gm)];
    t.deepEqual([...new Set(events.map(([, rank = ""]) => rank))].toSorted(), ["0", "1"]);
    t.is(
      events.reduce((sum, [, , count]) => sum + Number(count), 0),
      20,
    );
    t.regex(metrics, /^process_resident_memory_bytes\{rank="1"\} \d+$/m);
  }

  await second!.deleteTopic("shared");
  await first!.createTopic("shared", { partitions: 2 });
  for (const status of await statuses()) {
    t.like(status.topics, [{ topic: "shared", events: 0 }], "what was of another topic of the name is not its own");
    t.deepEqual([status.producers, status.consumers], [[], []]);
  }
});

function httpOf(address: string): string {
  return address.replace(/^ws/, "http").replace(/\/$/, "");
}
