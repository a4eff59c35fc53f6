import { Command, Option } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { integer, integers } from "../globalOptions.ts";
import type { ConsumeFlags } from "./consume.ts";

/** `sluice consume`: print events as JSON lines. */
export function consumeCommand(host: ActionHost): Command {
  return withAction<ConsumeFlags>(
    host,
    new Command("consume")
      .description("print the events of a topic as JSON lines, and follow it")
      .argument("<topic>", "the name of the topic")
      .option("-n, --name <name>", "the consumer's name, under which it acknowledges (default: one of its own)")
      .option(
        "--from <where>",
        "where to start when nothing is acknowledged: earliest, latest, an id, a time, 10m (ago), last:n",
        "earliest",
      )
      .option("--until <when>", "when to end: end (as it is now), idle:ms (default: follow)")
      .option("-c, --count <n>", "end after so many events", integer(1))
      .option("-p, --partition <n>", "a partition to read; may be given several times (default: all)", integers(0))
      .option(
        "--select <what>",
        "the data to bring: none, all, byte ranges as in 0:64 or 0:16,1024:, or a module as in pick:./select.js",
      )
      .option("--save-data <dir>", "write the data of each event into a file of its own there (selects all)")
      .option("--acknowledge <when>", "never, each, every:n, or at-exit", "never")
      .addOption(
        new Option("-o, --output <what>", "event: everything; metadata: the metadata alone")
          .choices(["event", "metadata"])
          .default("event"),
      )
      .addOption(
        new Option("--undecodable <what>", "an event whose metadata cannot be read: fail or skip")
          .choices(["fail", "skip"])
          .default("fail"),
      ),
    { action: async (...given) => (await import("./consume.ts")).consume(...given) },
  );
}
