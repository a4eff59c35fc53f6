import { resolve } from "node:path";
import { CommandError } from "../commandError.ts";
import type { Invocation } from "../invocation.ts";
import { readLines } from "../produce/readLines.ts";
import { untilStopped } from "../produce/untilStopped.ts";
import { parseControlLine } from "./controlLine.ts";
import { runSession, type FifoHost } from "./fifoSessions.ts";
import { makeNamedPipe, openForReading } from "./namedPipe.ts";

/** The flags of `sluice fifo`. */
export interface FifoFlags {
  /** Where commands are written to. */
  readonly controlFile: string;
}

/** Lets programs produce and consume through files, as the lines of a control file ask for. */
export async function fifo(invocation: Invocation, { controlFile }: FifoFlags): Promise<void> {
  if (process.platform === "win32") throw new CommandError("There are no FIFOs on Windows");
  const { output, stopping, terminal } = invocation;
  const driver = await invocation.connect();
  const path = resolve(terminal.cwd, controlFile);
  const removePipe = await makeNamedPipe(path);
  invocation.stopOnSignal();
  const host: FifoHost = { driver, cwd: terminal.cwd, stopping, warn: (text) => output.warn(text) };
  const sessions = new Set<Promise<void>>();
  try {
    const control = await openForReading(path);
    output.note(`Reading commands of ${controlFile}.`);
    for await (const line of readLines(untilStopped(control, stopping), { source: controlFile, maxBytes: 64 * 1024 })) {
      const text = Buffer.from(line.bytes).toString("utf8").trim();
      if (text !== "") begin(text);
    }
    await Promise.all(sessions);
  } finally {
    await removePipe();
  }

  /** A command that is wrong, or that fails, is told and ends no other. */
  function begin(text: string): void {
    const session = Promise.resolve()
      .then(() => runSession(announced(parseControlLine(text)), host))
      .catch((error: unknown) => output.warn((error as Error).message))
      .finally(() => sessions.delete(session));
    sessions.add(session);
  }

  function announced(command: ReturnType<typeof parseControlLine>): ReturnType<typeof parseControlLine> {
    output.note(`${command.path} ${command.kind === "produce" ? "->" : "<-"} ${command.topic}`);
    return command;
  }
}
