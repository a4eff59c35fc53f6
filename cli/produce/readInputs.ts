import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CommandError } from "../commandError.ts";
import type { Terminal } from "../terminal.ts";
import { readLines, type Line } from "./readLines.ts";
import { untilStopped } from "./untilStopped.ts";

/** Input that is read to its end, or until the command is asked to stop. */
export interface Inputs {
  /** Its lines. */
  readonly lines: AsyncIterable<Line>;
  /** How many bytes there are in all; undefined when nobody knows. */
  readonly size: number | undefined;
  /** How many bytes have been read. */
  readonly read: () => number;
}

/** How inputs are read. */
export interface ReadInputsOptions {
  /** The longest line, in bytes. */
  readonly maxLine: number;
  /** Ends the input. */
  readonly stopping: AbortSignal;
}

/**
 * Opens the inputs of a command. Every file is looked for before the first line is read.
 *
 * @param files - Paths; `-` is stdin, which is read when there are none.
 */
export async function readInputs(
  files: readonly string[],
  { stdin, cwd }: Pick<Terminal, "stdin" | "cwd">,
  { maxLine, stopping }: ReadInputsOptions,
): Promise<Inputs> {
  const names = files.length === 0 ? ["-"] : files;
  const sizes = await Promise.all(names.map((name) => sizeOf(name, cwd)));
  let read = 0;
  return {
    lines: linesOf(),
    size: sizes.reduce((sum, size) => (sum === undefined || size === undefined ? undefined : sum + size), 0),
    read: () => read,
  };

  async function* linesOf(): AsyncGenerator<Line> {
    for (const name of names) {
      if (stopping.aborted) return;
      const stream = name === "-" ? stdin : createReadStream(resolve(cwd, name), { highWaterMark: 256 * 1024 });
      yield* readLines(counted(untilStopped(stream, stopping)), { source: name, maxBytes: maxLine });
    }
  }

  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      read += chunk.length;
      yield chunk;
    }
  }
}

async function sizeOf(name: string, cwd: string): Promise<number | undefined> {
  if (name === "-") return undefined;
  try {
    const stats = await stat(resolve(cwd, name));
    if (stats.isDirectory()) throw new CommandError(`${name} is a directory`);
    return stats.isFile() ? stats.size : undefined;
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError(`${name} cannot be read: there is no such file`, { exit: "notFound", cause });
  }
}
