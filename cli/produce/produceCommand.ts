import { Command, Option } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { batchSize, integer } from "../globalOptions.ts";
import type { ProduceFlags } from "./produce.ts";

/** `sluice produce`: store lines as events. */
export function produceCommand(host: ActionHost): Command {
  return withAction<ProduceFlags>(
    host,
    new Command("produce")
      .description("store the lines of files, or of stdin, as events; ends when all of them are stored")
      .argument("<topic>", "the name of the topic")
      .argument("[files...]", "files to read; - is stdin, which is read when there are none")
      .addOption(
        new Option(
          "-f, --format <format>",
          "json: a line is the metadata; raw: it is a string; event: as consume prints it",
        )
          .choices(["json", "raw", "event"])
          .default("json"),
      )
      .option("-p, --partition <n>", "the partition (default: the topic's partition selector decides)", integer(0))
      .option("--data <file>", "a file whose bytes are the data of every event")
      .option("--data-field <field>", "the field of the metadata that names the file with the data of an event")
      .option("--data-dir <dir>", "the directory that such files are in; nothing outside of it is read", ".")
      .option(
        "--on-rejected <what>",
        "a line that is no event, or is refused: fail, skip, or a file to append the line to",
        "fail",
      )
      .option("-n, --name <name>", "the producer's name; a batch that is sent again is then stored once")
      .option("--batch-size <n>", "events of a batch, or adaptive", batchSize, "adaptive")
      .option("--max-line <bytes>", "the longest line", integer(1), 16 * 1024 * 1024)
      .option("--receipts", "print the partition and id of each event that is stored, as JSON lines")
      .option("-q, --quiet", "no progress and no summary"),
    { action: async (...given) => (await import("./produce.ts")).produce(...given) },
  );
}
