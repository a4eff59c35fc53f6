import { type Command, CommanderError } from "commander";
import { CommandError } from "./commandError.ts";
import { takeDottedOptions } from "./dottedOptions.ts";
import { exitCodeOf } from "./exitCodeOf.ts";
import { exitCodes } from "./exitCodes.ts";
import { Invocation, type GlobalOptions } from "./invocation.ts";
import { makeProgram } from "./program.ts";
import { reportError } from "./reportError.ts";
import { styleFor } from "./style.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs one command line.
 *
 * @param args - Its words, without the name of the program.
 * @param terminal - The process around it.
 * @returns The exit code. It never rejects: errors are reported on stderr.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let invocation: Invocation | undefined;
  let code: number = exitCodes.ok;
  try {
    const { rest, groups } = takeDottedOptions(args);
    const program = makeProgram({
      begin: (command) => (invocation = new Invocation(terminal, command.optsWithGlobals<GlobalOptions>(), groups)),
      end: (result) => (code = result),
    });
    listenTo(program, terminal);
    await program.parseAsync([...rest], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    const failure = invocation?.output.failure;
    // Nobody reads the results any more, which is no failure of the command.
    if (failure?.code === "EPIPE") return exitCodes.ok;
    const shown = fromParser(failure ?? error);
    const as = args.includes("--json") ? "json" : args.includes("--verbose") ? "causes" : "line";
    terminal.stderr.write(`${reportError(shown, { as, style: styleFor(terminal.stderr, terminal.env) })}\n`);
    return exitCodeOf(shown);
  }
}

/** Help goes where results go. What is wrong with a command line is reported like every other error. */
function listenTo(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void terminal.stdout.write(text),
    writeErr: (text) => void terminal.stderr.write(text),
    outputError: () => {},
    getOutHelpWidth: () => terminal.stdout.columns ?? 100,
    getErrHelpWidth: () => terminal.stderr.columns ?? 100,
  });
  for (const each of command.commands) listenTo(each, terminal);
}

function fromParser(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  if (error.code === "commander.help") return new CommandError("A command is missing", { hint: "see sluice --help" });
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  return new CommandError(message, { hint: "see --help" });
}
