import { benchData } from "./data.ts";
import { machine, printGroup, single, writeResults, type Figure } from "./harness.ts";
import { benchLatency } from "./latency.ts";
import { benchLog } from "./log.ts";
import { benchMemory } from "./memory.ts";
import { benchScale } from "./scale.ts";
import { benchThreadPool } from "./threadPool.ts";
import { benchThroughput } from "./throughput.ts";

const benches: Record<string, () => Promise<Figure[]>> = {
  throughput: () => benchThroughput(),
  data: () => benchData(),
  latency: () => benchLatency(),
  memory: () => benchMemory(),
  scale: () => benchScale(),
  log: () => benchLog(),
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

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`There is no benchmark "${unknown.join('", "')}". There are: ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}

for (const [key, value] of Object.entries(machine())) console.log(`${key.padEnd(12)}${value}`);
const figures: Figure[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const taken = await bench();
  for (const group of new Set(taken.map((figure) => figure.group))) {
    printGroup(taken.filter((figure) => figure.group === group));
  }
  figures.push(...taken);
}
console.log(`\nWritten to ${writeResults(figures)}`);
