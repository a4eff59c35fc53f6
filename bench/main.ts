import { spawnSync } from "node:child_process";
import { benchData } from "./data.ts";
import { machine, printGroup, single, writeResults, type Figure } from "./harness.ts";
import { benchLatency } from "./latency.ts";
import { benchLog, logBenches } from "./log/index.ts";
import { benchMemory } from "./memory.ts";
import { benchRobust } from "./robust.ts";
import { benchScale } from "./scale.ts";
import { benchService, serviceBenches } from "./service/index.ts";
import { benchThreadPool } from "./threadPool.ts";
import { benchThroughput } from "./throughput.ts";

const benches: Record<string, () => Promise<Figure[]>> = {
  throughput: () => benchThroughput(),
  data: () => benchData(),
  latency: () => benchLatency(),
  memory: () => benchMemory(),
  scale: () => benchScale(),
  log: () => benchLog(),
  robust: () => benchRobust(),
  service: () => benchService(),
  threads: async () => {
    const rows = await benchThreadPool();
    const group = "A validator that computes 200 µs an event, by module";
    return rows.map(({ threads, min, median, max, ratio }) => ({
      ...single(group, threads === 0 ? "inline" : `pool of ${threads}`, "events/s", median),
      min,
      max,
      ratio: threads === 0 ? undefined : ratio,
    }));
  },
};

/** Parts of a benchmark, which are run when they are asked for. */
const parts: Record<string, () => Promise<Figure[]>> = { ...logBenches, ...serviceBenches };

keepFreedMemory();

const wanted = process.argv.slice(2);
const known = { ...benches, ...parts };
const unknown = wanted.filter((name) => !(name in known));
if (unknown.length > 0) {
  console.error(`There is no benchmark "${unknown.join('", "')}". There are: ${Object.keys(known).join(", ")}`);
  process.exit(2);
}

for (const [key, value] of Object.entries(machine())) console.log(`${key.padEnd(12)}${value}`);
const figures: Figure[] = [];
for (const [name, bench] of Object.entries(known)) {
  if (wanted.length > 0 ? !wanted.includes(name) : name in parts) continue;
  const taken = await bench();
  for (const group of new Set(taken.map((figure) => figure.group))) {
    printGroup(taken.filter((figure) => figure.group === group));
  }
  figures.push(...taken);
}
console.log(`\nWritten to ${writeResults(figures)}`);

/**
 * Runs this program again with an allocator that keeps the memory it has freed. Otherwise glibc gives it back to the system
 * every now and then, and whoever's turn comes next pays for touching it anew, which takes several times as long as a copy.
 */
function keepFreedMemory(): void {
  if (process.platform !== "linux" || process.env["MALLOC_TRIM_THRESHOLD_"] !== undefined) return;
  const limits = { MALLOC_TRIM_THRESHOLD_: String(2 ** 40), MALLOC_MMAP_THRESHOLD_: String(2 ** 30) };
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, ...limits },
  });
  process.exit(status ?? 1);
}
