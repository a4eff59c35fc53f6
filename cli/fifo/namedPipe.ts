import { execFile } from "node:child_process";
import { constants, open as openFile } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { promisify } from "node:util";
import { firstValueFrom, timer } from "rxjs";
import { CommandError } from "../commandError.ts";

const run = promisify(execFile);
/** Gives the bare descriptor, which then belongs to the socket. */
const open = promisify(openFile);

/** Milliseconds between two looks whether somebody reads a FIFO: the system tells nobody of it. */
const pollMs = 50;

/**
 * Makes a FIFO that only its owner may use, unless it is there already.
 *
 * @param path - Where.
 * @returns What takes it away again, when it was made here.
 */
export async function makeNamedPipe(path: string): Promise<() => Promise<void>> {
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isFIFO() === true) return () => Promise.resolve();
  if (existing !== undefined) throw new CommandError(`${path} is there already, and is no FIFO`, { exit: "conflict" });
  try {
    await run("mkfifo", ["-m", "600", "--", path]);
  } catch (cause) {
    throw new CommandError(`${path} cannot be made: ${(cause as Error).message.split("\n").at(-2)}`, {
      exit: "failed",
      cause,
    });
  }
  return () => rm(path, { force: true });
}

/** Opens a FIFO for reading. Writers may come and go: it does not end with one of them. */
export async function openForReading(path: string): Promise<Socket> {
  // Opened for both, so that there is always a writer, and no read comes to an end.
  const fd = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/**
 * Opens a FIFO for writing, once somebody reads it.
 *
 * @param stopping - Ends the wait.
 * @returns Undefined when it was asked to stop.
 */
export async function openForWriting(path: string, stopping: AbortSignal): Promise<Socket | undefined> {
  while (!stopping.aborted) {
    try {
      const fd = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    }
    await firstValueFrom(timer(pollMs));
  }
  return undefined;
}
