import { connect, type EventBatch, type Topic } from "sluice";
import type { Reading } from "../events.ts";
import { compare, type Contender, type Figure } from "../harness.ts";
import { appendAll, packed, rate, withTopic } from "./load.ts";
import { startRanks } from "./otherProcess.ts";

/** A service of two processes beside one of one. */
export async function twoRanks(): Promise<Figure[]> {
  return [...(await readyForFour("memory")), ...(await readyForFour("log"))];
}

async function readyForFour(kind: "memory" | "log"): Promise<Figure[]> {
  const [batches, perBatch, partitions] = [200, kind === "memory" ? 4096 : 512, 4];
  const batch = packed(perBatch);
  const services = await Promise.all([startRanks(kind, 1), startRanks(kind, 2)]);
  const drivers = await Promise.all(services.map(({ addresses }) => connect(addresses[0]!)));
  const contenders = drivers.map((driver, i): Contender => ({
    name: i === 0 ? "1 rank" : "2 ranks",
    run: () =>
      withTopic(
        driver,
        (topic) => rate(batches * perBatch, () => appendToAll(topic, batch, batches / partitions)),
        partitions,
      ),
  }));
  const name = `Batches that are ready, to four partitions, ${kind === "memory" ? "memory" : "log at disk"}`;
  const figures = await compare(name, contenders, { unit: "events/s", runs: 5, baseline: "1 rank" });
  for (const driver of drivers) await driver.close();
  for (const { stop } of services) await stop();
  return figures;
}

async function appendToAll(topic: Topic<Reading>, batch: EventBatch, times: number): Promise<void> {
  await Promise.all(topic.backend.partitions.map((_, number) => appendAll(topic, batch, times, number)));
}
