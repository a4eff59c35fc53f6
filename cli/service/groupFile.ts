import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { CommandError } from "../commandError.ts";
import { systemMessage } from "../systemMessage.ts";

/** One process of a service. */
export interface GroupMember {
  /** Its number. */
  readonly rank: number;
  /** Where clients reach it. */
  readonly addresses: readonly string[];
  /** Its process, on its host. */
  readonly pid?: number | undefined;
  /** The host that it runs on. */
  readonly host?: string | undefined;
}

/** The process to stop when a service of several is to stop: it starts the others anew when they end. */
export interface Supervisor {
  readonly pid: number;
  readonly host: string;
}

/** What became of reading the configuration again, for whoever has asked for it. */
export interface Reloaded {
  /** How often it was read again. */
  readonly count: number;
  /** Why it was refused the last time. */
  readonly problem?: string | undefined;
  /** Parts of it that have changed, and take effect at the next start. */
  readonly later?: readonly string[] | undefined;
}

/** What a group file says. */
export interface GroupFile {
  /** The version of the protocol. */
  readonly sluice: number;
  /** What looks after its processes, where there are several. */
  readonly supervisor?: Supervisor | undefined;
  /** How its configuration was read again, where it was. */
  readonly reloaded?: Reloaded | undefined;
  /** The processes of the service. */
  readonly members: readonly GroupMember[];
}

/** Writes a group file: whole or not at all, and for its owner's eyes alone. */
export async function writeGroupFile(path: string, addresses: readonly string[], reloaded?: Reloaded): Promise<void> {
  await write(path, { sluice: 1, reloaded, members: [{ rank: 0, addresses, pid: process.pid, host: hostname() }] });
}

/** As {@link writeGroupFile}, for the processes that this one looks after. */
export async function writeGroupFileOfRanks(
  path: string,
  ranks: readonly { readonly addresses: readonly string[]; readonly pid: number | undefined }[],
  reloaded?: Reloaded,
): Promise<void> {
  const host = hostname();
  const members = ranks.map(({ addresses, pid }, rank) => ({ rank, addresses, pid, host }));
  await write(path, { sluice: 1, supervisor: { pid: process.pid, host }, reloaded, members });
}

async function write(path: string, group: GroupFile): Promise<void> {
  const unfinished = `${path}.${randomBytes(4).toString("hex")}.new`;
  try {
    await writeFile(unfinished, `${JSON.stringify(group, null, 2)}\n`, { mode: 0o600 });
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw unwritable(path, cause as NodeJS.ErrnoException);
  }
}

/** Tells of the file that was asked for: nobody knows the name of the unfinished one. */
function unwritable(path: string, cause: NodeJS.ErrnoException): CommandError {
  const isMissing = cause.code === "ENOENT";
  const reason = systemMessage({ code: cause.code, path: dirname(path) }) ?? cause.message;
  const exit = isMissing ? "notFound" : cause.code === "EACCES" ? "denied" : "failed";
  return new CommandError(`The group file ${path} cannot be written`, { exit, hint: reason, cause });
}

/** Removes a group file, unless another process has written it meanwhile. */
export async function removeGroupFile(path: string): Promise<void> {
  const group = await readGroupFile(path).catch(() => undefined);
  const pids = group && [group.supervisor?.pid, ...group.members.map(({ pid }) => pid)];
  if (pids?.includes(process.pid) === true) await rm(path, { force: true });
}

/** Reads a group file. Rejects with a CommandError when there is none, or it is none. */
export async function readGroupFile(path: string): Promise<GroupFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new CommandError(`There is no group file ${path}`, {
      exit: "notFound",
      hint: "is the service running?",
      cause,
    });
  }
  try {
    const group = JSON.parse(text) as Partial<GroupFile> | null;
    if (Array.isArray(group?.members)) return group as GroupFile;
  } catch {
    // It is told below.
  }
  throw new CommandError(`${path} is no group file`);
}
