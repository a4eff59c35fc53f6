import type { Figure } from "../harness.ts";
import { idleConsumers } from "./idleConsumers.ts";
import { largeData } from "./largeData.ts";
import { latencies } from "./latencies.ts";
import { readyBatches } from "./readyBatches.ts";
import { slowReader } from "./slowReader.ts";
import { throughput } from "./throughput.ts";
import { twoRanks } from "./twoRanks.ts";

/** The parts of the service's benchmark, each of which can be asked for alone, as in `npm run bench -- service:latency`. */
export const serviceBenches: Readonly<Record<`service:${string}`, () => Promise<Figure[]>>> = {
  "service:events": throughput,
  "service:batches": readyBatches,
  "service:ranks": twoRanks,
  "service:latency": latencies,
  "service:data": largeData,
  "service:idle": idleConsumers,
  "service:slow": slowReader,
};

/** A service in another process on this machine, beside NATS JetStream and Redis streams where they are installed. */
export async function benchService(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const bench of Object.values(serviceBenches)) figures.push(...(await bench()));
  return figures;
}
