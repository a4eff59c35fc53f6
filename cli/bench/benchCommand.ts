import { Command } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { batchSize, integer } from "../globalOptions.ts";
import type { BenchFlags } from "./bench.ts";

/** `sluice bench`: how fast a backend is. */
export function benchCommand(host: ActionHost): Command {
  return withAction<BenchFlags>(
    host,
    new Command("bench")
      .description("measure a backend with a topic of its own, which is deleted again: produce, consume, latency")
      .option("-n, --events <n>", "events to produce and consume", integer(1), 100_000)
      .option("--metadata-size <bytes>", "bytes of metadata of each event", integer(16), 128)
      .option("--data-size <bytes>", "bytes of data of each event", integer(0), 0)
      .option("-p, --partitions <n>", "partitions of the topic", integer(1), 1)
      .option("--batch-size <n>", "events of a batch, or adaptive", batchSize, "adaptive")
      .option("--latency-events <n>", "events that are sent one by one, each consumed before the next", integer(1), 500)
      .option("--runs <n>", "how often everything is measured; the median counts", integer(1), 3),
    { action: async (invocation, flags) => (await import("./bench.ts")).bench(invocation, flags) },
  );
}
