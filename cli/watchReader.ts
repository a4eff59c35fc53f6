import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Milliseconds between two looks. */
const interval = 250;

/**
 * Tells when nobody reads the pipe any more that a command writes its results to, as with `| head`. A write finds that out, but a
 * command that waits for an event on a quiet topic has nothing to write.
 *
 * Linux shows under `/proc` who has the other end. On other systems, or where the reader is somebody else's process or becomes
 * one, only a write finds out.
 *
 * @param fd - The pipe.
 * @param gone - Called once.
 * @param proc - Where the system shows its processes.
 * @returns What ends the watch. It keeps no process alive.
 */
export function watchReader(fd: number, gone: () => void, proc = "/proc"): () => void {
  const pipe = targetOf(`${proc}/self/fd/${fd}`);
  let reader = pipe?.startsWith("pipe:") === true ? readerOf(pipe, proc) : undefined;
  if (pipe === undefined || reader === undefined) return () => {};
  const timer = setInterval(() => {
    if (targetOf(reader!) === pipe) return;
    if (isHidden(reader!)) return clearInterval(timer);
    // Who has it now may have been handed it by who had it.
    reader = readerOf(pipe, proc);
    if (reader !== undefined) return;
    clearInterval(timer);
    gone();
  }, interval).unref();
  return () => clearInterval(timer);
}

/** The end of a pipe that another process of this user reads from, as a path. */
function readerOf(pipe: string, proc: string): string | undefined {
  for (const id of otherProcesses(proc)) {
    const path = namesIn(`${proc}/${id}/fd`).find(
      (fd) => targetOf(`${proc}/${id}/fd/${fd}`) === pipe && isReadOnly(`${proc}/${id}/fdinfo/${fd}`),
    );
    if (path !== undefined) return `${proc}/${id}/fd/${path}`;
  }
  return undefined;
}

/** Those that were started at about the same time first: the commands of one line are. */
function otherProcesses(proc: string): number[] {
  return namesIn(proc)
    .map(Number)
    .filter((id) => Number.isInteger(id) && id !== process.pid)
    .toSorted((one, other) => Math.abs(one - process.pid) - Math.abs(other - process.pid));
}

/** Whether the octal flags of an open file say that it is only read: the last two bits are 0 then. */
function isReadOnly(info: string): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(attempt(() => readFileSync(info, "utf8")) ?? "")?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & 3) === 0;
}

/** Whether a file may be there and is not to be looked at, as when its process goes on as another user's. */
function isHidden(path: string): boolean {
  try {
    readlinkSync(path);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOENT" && code !== "ESRCH";
  }
}

function targetOf(path: string): string | undefined {
  return attempt(() => readlinkSync(path));
}

function namesIn(path: string): string[] {
  return attempt(() => readdirSync(path)) ?? [];
}

/** Processes come and go, and those of others are not to be looked at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
