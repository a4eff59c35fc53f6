import { Command } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import type { FifoFlags } from "./fifo.ts";

/** `sluice fifo`: produce and consume through files. */
export function fifoCommand(host: ActionHost): Command {
  return withAction<FifoFlags>(
    host,
    new Command("fifo")
      .description("let programs produce and consume through FIFOs, as lines of a control file ask for")
      .requiredOption(
        "-C, --control-file <path>",
        "the FIFO that commands are written to; it is made when it is missing",
      )
      .addHelpText(
        "after",
        `
Commands, one a line:
  path -> topic (format=raw|json, batch_size=n, name=…, partition=n)   lines written to path become events
  path <- topic (format=raw|json, batch_size=n, name=…, from=…)        events become lines of path
A path with spaces stands in double quotes.`,
      ),
    { action: async (invocation, flags) => (await import("./fifo.ts")).fifo(invocation, flags) },
  );
}
