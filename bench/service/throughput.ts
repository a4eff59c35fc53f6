import { connect } from "sluice";
import { readings } from "../events.ts";
import { compare, type Contender, type Figure } from "../harness.ts";
import { pushAll, rate, readAll, transports, withTopic } from "./load.ts";
import { startHost, type OtherProcess } from "./otherProcess.ts";
import { startPeers, type Peer } from "./peers.ts";

/** Events to and from another process, beside NATS JetStream and Redis streams where they are installed. */
export async function throughput(): Promise<Figure[]> {
  const peers = await startPeers();
  const figures: Figure[] = [];
  for (const kind of ["memory", "log"] as const) {
    const host = await startHost(kind);
    figures.push(...(await produceAndConsume(kind, host, peers)));
    await host.stop();
  }
  for (const { stop } of Object.values(peers)) await stop();
  return figures;
}

async function produceAndConsume(
  kind: "memory" | "log",
  host: OtherProcess,
  peers: Record<string, Peer>,
): Promise<Figure[]> {
  const [count, fewer] = [200_000, 20_000];
  const events = readings(count);
  const texts = readings(fewer).map((event) => JSON.stringify(event));
  const drivers = await Promise.all(host.addresses.map((address) => connect(address)));
  const durability = kind === "log" ? "log at disk" : "memory";
  const produce = transports.map((transport, i): Contender => ({
    name: `Sluice, ${transport}`,
    run: () => withTopic(drivers[i]!, (topic) => rate(count, () => pushAll(topic, events))),
    aim: "ahead of both",
  }));
  const consume = transports.map((transport, i): Contender => ({
    name: `Sluice, ${transport}`,
    run: () =>
      withTopic(drivers[i]!, async (topic) => {
        await pushAll(topic, events);
        return rate(count, () => readAll(topic, count));
      }),
    aim: "ahead of both",
  }));
  for (const [name, peer] of Object.entries(peers)) {
    produce.push({ name, run: () => rate(fewer, () => peer.produce(texts)) });
    consume.push({ name, run: async () => (await peer.produce(texts), rate(fewer, () => peer.consume(fewer))) });
  }
  const options = { unit: "events/s", runs: 3, baseline: "Sluice, TCP" };
  const figures = [
    ...(await compare(`Produce to another process, 128-byte metadata, ${durability}`, produce, options)),
    ...(await compare(`Consume and acknowledge from another process, ${durability}`, consume, options)),
  ];
  for (const driver of drivers) await driver.close();
  return figures;
}
