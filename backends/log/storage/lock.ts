import { randomBytes } from "node:crypto";
import { mkdir, readFile, readlink, rename, stat, unlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { SluiceError } from "../../../src/model/errors.ts";
import { codeOf } from "./storage.ts";

/** How often, and how many milliseconds apart, a process that is on its way out is waited for. */
const attempts = 500;
const pause = 10;

/** Who holds a directory, as the file `LOCK` in it says. */
interface Owner {
  readonly pid: number;
  /** When the process began, in ticks since the machine started: a pid is given again, but not at the same tick. */
  readonly started: string | undefined;
  /** Which start of the machine this was. */
  readonly boot: string | undefined;
}

/**
 * Takes a directory for one process.
 *
 * What is guaranteed, on Linux: an abstract socket named after the directory's inode belongs to one process of the
 * machine (of its network namespace) at a time, and the kernel takes it away with the process, however it ends. So there
 * is no lock that a dead process has kept, and no race to break one. The file `LOCK` tells the pid; it also keeps out a
 * process of another network namespace that can see the same processes. It does not keep out another machine that
 * mounts the directory, nor a container that shares neither namespace.
 *
 * Elsewhere the file alone decides: it is stale when no process has its pid. A pid that was given again keeps
 * the directory locked until `LOCK` is removed by hand; two processes that break a stale lock in the same millisecond may both succeed.
 *
 * @returns What gives it back. Rejects with `ERR_LOCKED`.
 */
export async function lockDirectory(path: string): Promise<() => Promise<void>> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const file = `${path}/LOCK`;
  const server = process.platform === "linux" ? await listen(path, file) : undefined;
  try {
    const owner = await readOwner(file);
    if (owner !== undefined && (await isAlive(owner)) && !(server !== undefined && (await wouldHoldSocket(owner.pid))))
      throw locked(path, owner.pid);
    const temporary = `${file}.${randomBytes(6).toString("hex")}`;
    await writeFile(temporary, JSON.stringify(await thisProcess()), { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    server?.close();
    throw error;
  }
  return async () => {
    await unlink(file).catch(() => undefined); // Whoever comes next sees that its owner is gone.
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  };
}

/** The process that has taken a directory, as far as the file `LOCK` tells. */
export async function ownerOf(path: string): Promise<number | undefined> {
  const owner = await readOwner(`${path}/LOCK`);
  return owner !== undefined && (await isAlive(owner)) ? owner.pid : undefined;
}

async function listen(path: string, file: string): Promise<Server> {
  const { dev, ino } = await stat(path);
  const name = `\0sluice-log:${dev}:${ino}`;
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnce(name);
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE") throw error;
      const pid = (await readOwner(file))?.pid;
      // One that was killed in the middle of a sync holds its socket until the sync is over.
      if (pid === undefined || attempt === attempts || !(await isZombie(pid))) throw locked(path, pid);
      await setTimeout(pause);
    }
  }
}

async function listenOnce(name: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(name, resolve);
  });
  return server;
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, "utf8")) as Owner;
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 ? owner : undefined;
  } catch {
    return undefined; // Missing, or half written by a process that is no more.
  }
}

async function isAlive({ pid, started, boot }: Owner): Promise<boolean> {
  if (boot !== undefined && boot !== (await bootId())) return false;
  const now = await startOf(pid);
  if (started !== undefined && process.platform === "linux") return now === started;
  try {
    process.kill(pid, 0); // Signal 0 only asks whether the process is there.
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/**
 * Whether a process shares this network namespace, and would therefore hold the socket if it held the directory. One that
 * is on its way out has no namespace any more, and not even that: a zombie keeps its pid until its parent asks for it.
 */
async function wouldHoldSocket(pid: number): Promise<boolean> {
  const theirs = await readlink(`/proc/${pid}/ns/net`).catch((error: unknown) => codeOf(error));
  return theirs === "ENOENT" || theirs === (await readlink("/proc/self/ns/net").catch(() => "unknown"));
}

async function thisProcess(): Promise<Owner> {
  return { pid: process.pid, started: await startOf(process.pid), boot: await bootId() };
}

async function bootId(): Promise<string | undefined> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => undefined))?.trim();
}

/** The 22nd field of the process's status. */
async function startOf(pid: number): Promise<string | undefined> {
  return (await statusOf(pid))?.[19];
}

async function isZombie(pid: number): Promise<boolean> {
  return (await statusOf(pid))?.[0] === "Z";
}

/** The fields of a process's status from the third on. The name in front of them may hold spaces and brackets. */
async function statusOf(pid: number): Promise<string[] | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return status?.slice(status.lastIndexOf(")") + 2).split(" ");
}

function locked(path: string, pid: number | undefined): SluiceError {
  const owner = pid === undefined ? "another process" : `process ${pid}`;
  return new SluiceError("ERR_LOCKED", `The log in "${path}" is in use by ${owner}`, {
    details: { directory: path, pid },
  });
}
