import { Command } from "commander";
import type { ActionHost } from "./command.ts";
import { completionCommand } from "./completion/completionCommand.ts";
import { consumeCommand } from "./consume/consumeCommand.ts";
import { exitCodeHelp } from "./exitCodeHelp.ts";
import { fifoCommand } from "./fifo/fifoCommand.ts";
import { forwardCommand } from "./forward/forwardCommand.ts";
import { benchCommand } from "./bench/benchCommand.ts";
import { repairCommand, verifyCommand } from "./log/logCommands.ts";
import { addGlobalOptions } from "./globalOptions.ts";
import { partitionCommand } from "./partition/partitionCommand.ts";
import { produceCommand } from "./produce/produceCommand.ts";
import { reloadCommand, serveCommand, shutdownCommand, tokenCommand } from "./service/serveCommand.ts";
import { lagCommand } from "./status/lagCommand.ts";
import { statusCommand } from "./status/statusCommand.ts";
import { topicCommand } from "./topic/topicCommand.ts";
import { version } from "./version.ts";

/**
 * The command `sluice` with everything that it can do.
 *
 * @param host - Told when a command begins and what it ends with. One that only shows help needs none.
 */
export function makeProgram(host: ActionHost): Command {
  const program = addGlobalOptions(new Command("sluice"))
    .description("Streams of events with metadata and data: topics, producers and consumers over many backends.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .configureHelp({ showGlobalOptions: true })
    .helpCommand("help [command]", "show help for a command")
    .addHelpText("after", `\n${exitCodeHelp()}`);
  const commands = [
    serveCommand,
    reloadCommand,
    shutdownCommand,
    tokenCommand,
    topicCommand,
    partitionCommand,
    produceCommand,
    consumeCommand,
    forwardCommand,
    fifoCommand,
    lagCommand,
    statusCommand,
    verifyCommand,
    repairCommand,
    benchCommand,
    completionCommand,
  ];
  for (const make of commands) program.addCommand(make(host));
  return program;
}
