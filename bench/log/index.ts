import type { Figure } from "../harness.ts";
import { largeData } from "./largeData.ts";
import { latency } from "./latency.ts";
import { manyPartitions } from "./manyPartitions.ts";
import { manyReaders } from "./manyReaders.ts";
import { readBack } from "./readBack.ts";
import { recovery } from "./recovery.ts";
import { smallEvents } from "./smallEvents.ts";
import { stridedView } from "./stridedView.ts";

/** The parts of the log's benchmark, each of which can be asked for alone, as in `npm run bench -- log:latency`. */
export const logBenches: Readonly<Record<`log:${string}`, () => Promise<Figure[]>>> = {
  "log:events": smallEvents,
  "log:data": largeData,
  "log:latency": latency,
  "log:read": readBack,
  "log:view": stridedView,
  "log:recovery": recovery,
  "log:partitions": manyPartitions,
  "log:readers": manyReaders,
};

/** The log at durability `disk`, beside raw writes and syncs of the same bytes and beside its peers. `SLUICE_BENCH_DIRECTORY` names the disk. */
export async function benchLog(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const bench of Object.values(logBenches)) figures.push(...(await bench()));
  return figures;
}
