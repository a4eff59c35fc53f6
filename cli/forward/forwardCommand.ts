import { Command, Option } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import type { ForwardFlags } from "./forward.ts";

/** `sluice forward`: events from topic to topic. */
export function forwardCommand(host: ActionHost): Command {
  return withAction<ForwardFlags>(
    host,
    new Command("forward")
      .description("forward events between topics of any two backends, data included, and follow them")
      .option("-c, --config <file>", "drivers and ways (YAML, TOML or JSON), instead of the options below")
      .option("--from <topic>", "the topic that events come from, of --driver")
      .option("--to <topic>", "the topic that they go to")
      .option("--to-driver <url>", "the backend of the target (default: that of --driver)")
      .option("-n, --name <name>", "the name of the consumer, under which it goes on where it was")
      .option("--select <what>", "the data that goes along: all, none, byte ranges, or a module (default: all)")
      .addOption(
        new Option(
          "--partition <how>",
          "keep: into the partition of the same number; select: as the target's selector says",
        )
          .choices(["keep", "select"])
          .default("keep"),
      )
      .option("--create", "create a target that is missing, like the source")
      .option("--dead-letter <topic>", "where events go that the target refuses; it is created when it is missing")
      .addOption(
        new Option("--rejected <what>", "what becomes of them without a dead-letter topic: fail or skip").choices([
          "fail",
          "skip",
        ]),
      )
      .addOption(
        new Option("--undecodable <what>", "an event whose metadata cannot be read: fail or skip").choices([
          "fail",
          "skip",
        ]),
      )
      .option(
        "--start-from <where>",
        "where to start when it has never run: earliest, latest, an id, a time, 10m, last:n",
      )
      .option("--until <when>", "when to end: end (as it is now), idle:ms (default: follow)"),
    {
      groups: { "to-driver": "options for the backend of the target" },
      action: async (invocation, flags) => (await import("./forward.ts")).forward(invocation, flags),
    },
  );
}
