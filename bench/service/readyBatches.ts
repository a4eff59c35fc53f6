import { connect } from "sluice";
import { compare, type Contender, type Figure } from "../harness.ts";
import { pipeBare } from "./bareSocket.ts";
import { appendAll, packed, rate, transports, withTopic } from "./load.ts";
import { startHost } from "./otherProcess.ts";

/** What the connection itself costs: batches that are ready, beside the same bytes through a bare socket. */
export async function readyBatches(): Promise<Figure[]> {
  const [memory, bare] = [await startHost("memory"), await startHost("bare")];
  const [batches, perBatch] = [200, 4096];
  const batch = packed(perBatch);
  const bytes = batch.metadata.length + 12 * perBatch;
  const drivers = await Promise.all(memory.addresses.map((address) => connect(address)));
  const contenders = transports.map((transport, i): Contender => ({
    name: `Sluice, ${transport}, append`,
    run: () => withTopic(drivers[i]!, (topic) => rate(batches * perBatch, () => appendAll(topic, batch, batches))),
    aim: transport === "TCP" ? "0.5" : "",
  }));
  const piece = new Uint8Array(bytes).fill(0x61);
  contenders.unshift({
    name: "bare socket, the same bytes",
    run: () => rate(batches * perBatch, () => pipeBare(bare.addresses[0]!, piece, batches)),
  });
  const figures = await compare("Batches that are ready, memory", contenders, {
    unit: "events/s",
    runs: 5,
    baseline: "bare socket, the same bytes",
  });
  for (const driver of drivers) await driver.close();
  await Promise.all([memory.stop(), bare.stop()]);
  return figures;
}
