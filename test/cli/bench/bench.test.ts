import test from "ava";
import { onMemory } from "../runCommand.ts";

test("bench measures with a topic of its own, and leaves nothing behind", async (t) => {
  const sluice = onMemory();
  const ran = await sluice("bench -n 1000 --data-size 10 --latency-events 5 --runs 1 --partitions 2 --json");
  t.is(ran.code, 0, ran.stderr);
  const measured = JSON.parse(ran.stdout) as Record<"produce" | "consume" | "p50" | "p99", { median: number }>;
  for (const name of ["produce", "consume", "p50", "p99"] as const) t.true(measured[name].median > 0, name);
  t.is((await sluice("topic list")).stdout, "");
});
