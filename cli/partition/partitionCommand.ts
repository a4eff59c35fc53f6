import { Command, Option } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { integer } from "../globalOptions.ts";
import type { AddPartitionsFlags } from "./addPartitions.ts";

/** `sluice partition`: add and list. */
export function partitionCommand(host: ActionHost): Command {
  const partition = new Command("partition").description("add and list the partitions of a topic");
  partition.addCommand(
    withAction<AddPartitionsFlags>(
      host,
      new Command("add")
        .description("add partitions behind those that there are")
        .argument("<topic>", "the name of the topic")
        .option("-n, --count <n>", "how many", integer(1), 1)
        .addOption(
          new Option("--type <backend>", "where a service stores them: the name of one of its backends (memory, log)"),
        )
        .option("--rank <n>", "which process of a service holds them", integer(0)),
      { action: async (...given) => (await import("./addPartitions.ts")).addPartitions(...given) },
    ),
  );
  partition.addCommand(
    withAction(
      host,
      new Command("list")
        .alias("ls")
        .description("list the partitions of a topic, and how far each reaches")
        .argument("<topic>", "the name of the topic"),
      { action: async (...given) => (await import("./listPartitions.ts")).listPartitions(...given) },
    ),
  );
  return partition;
}
