import { Command } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { integer } from "../globalOptions.ts";
import type { CreateTopicFlags } from "./createTopic.ts";

/** `sluice topic`: create, list, describe, delete and seal. */
export function topicCommand(host: ActionHost): Command {
  const topic = new Command("topic").description("create, list, describe, delete and seal topics");
  topic.addCommand(
    withAction<CreateTopicFlags>(
      host,
      new Command("create")
        .description("create a topic")
        .argument("<name>", "1 to 249 of A-Z a-z 0-9 . _ -")
        .option("-p, --partitions <n>", "how many partitions (default: 1)", integer(1))
        .option("--validator <type>", "schema, pattern, accept-all, or a module as in energy:./validator.js")
        .option("--validator-config <file>", "its options, beneath --validator.<option>")
        .option("--partition-selector <type>", "round-robin, by-key, or a module")
        .option("--partition-selector-config <file>", "its options, beneath --partition-selector.<option>")
        .option("--serializer <type>", "json, text, packed, cbor, or a module")
        .option("--serializer-config <file>", "its options, beneath --serializer.<option>")
        .option("--topic-config <file>", "all of it in one file, beneath everything else")
        .option("--if-missing", "do nothing when there is a topic of that name"),
      {
        groups: {
          topic: "anything that --topic-config may hold",
          validator: "options of the validator; --validator.schema and --validator.pattern name files",
          "partition-selector": "options of the partition selector, as in --partition-selector.key detector",
          serializer: "options of the serializer",
          retention: "what may be dropped: maxBytes, maxAge (milliseconds), acknowledgedBy",
        },
        action: async (...given) => (await import("./createTopic.ts")).createTopic(...given),
      },
    ),
  );
  topic.addCommand(
    withAction(host, new Command("list").alias("ls").description("list the topics"), {
      action: async (invocation) => (await import("./listTopics.ts")).listTopics(invocation),
    }),
  );
  topic.addCommand(
    withAction(
      host,
      new Command("describe").description("say what a topic is").argument("<topic>", "the name of the topic"),
      { action: async (...given) => (await import("./describeTopic.ts")).describeTopic(...given) },
    ),
  );
  topic.addCommand(
    withAction(
      host,
      new Command("delete")
        .alias("rm")
        .description("delete topics with everything in them")
        .argument("<topics...>", "the names of the topics"),
      { action: async (...given) => (await import("./deleteTopics.ts")).deleteTopics(...given) },
    ),
  );
  topic.addCommand(
    withAction(
      host,
      new Command("seal")
        .description("refuse further events, so that consumers come to an end")
        .argument("<topic>", "the name of the topic"),
      { action: async (...given) => (await import("./sealTopic.ts")).sealTopic(...given) },
    ),
  );
  return topic;
}
