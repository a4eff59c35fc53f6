import { connect, type Driver, type Topic } from "sluice";
import { reading, readings, type Reading } from "../events.ts";
import { percentile, single, type Figure } from "../harness.ts";
import { transports, withTopic } from "./load.ts";
import { startHost } from "./otherProcess.ts";
import { startPeers } from "./peers.ts";

/** Events whose way is timed one by one, and how many of them come first and do not count. */
const [latencyEvents, warmUp] = [2000, 500];

/** How long one event takes from its push to a consumer, beside NATS JetStream and Redis streams where they are installed. */
export async function latencies(): Promise<Figure[]> {
  const peers = await startPeers();
  const count = latencyEvents;
  const taken: [string, number[]][] = [];
  for (const kind of ["memory", "log"] as const) {
    const host = await startHost(kind);
    for (const [i, transport] of transports.entries()) {
      const [producing, consuming] = [await connect(host.addresses[i]!), await connect(host.addresses[i]!)];
      const name = `Sluice, ${transport}, ${kind === "log" ? "log at disk" : "memory"}`;
      taken.push([name, await withTopic(producing, (topic) => endToEnd(topic, consuming, count))]);
      await producing.close();
      await consuming.close();
    }
    await host.stop();
  }
  const texts = readings(count).map((event) => JSON.stringify(event));
  for (const [name, peer] of Object.entries(peers)) taken.push([name, await peer.latencies(texts)]);
  for (const { stop } of Object.values(peers)) await stop();
  for (const [, all] of taken) all.splice(0, warmUp); // What is told is the time once all sides are warm.
  return taken.flatMap(([name, all]) =>
    [0.5, 0.99].map((share) =>
      single("One event from its push to a consumer", `${name}, p${share * 100}`, "ms", percentile(all, share)),
    ),
  );
}

async function endToEnd(topic: Topic<Reading>, consuming: Driver, count: number): Promise<number[]> {
  let arrived = () => {};
  const subscription = (await consuming.openTopic<Reading>(topic.name)).consumer("app").subscribe(() => arrived());
  const producer = topic.producer();
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const coming = new Promise<void>((resolve) => (arrived = resolve));
    const start = performance.now();
    producer.push(reading(i));
    await coming;
    taken.push(performance.now() - start);
  }
  subscription.unsubscribe();
  return taken;
}
