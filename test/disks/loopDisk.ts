import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The file systems that the tests know to make. */
export type FileSystem = "ext4" | "xfs";

const sizes: Readonly<Record<FileSystem, number>> = { ext4: 64 << 20, xfs: 320 << 20 };
const prefix = "sluice-disk-";
const mounted = new Set<string>();

/** What is mounted goes with the process, whatever ends it but a SIGKILL; `removeLeftovers` goes after that. */
process.once("exit", () => {
  for (const path of mounted) unmountNow(path);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

/** A file system in a file, mounted by a loop device that goes when it is unmounted. Its power can be cut. */
export class LoopDisk {
  readonly #directory: string;
  /** Where it is mounted. */
  readonly path: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, "mounted");
  }

  /** Makes a file system and mounts it. */
  static async make(kind: FileSystem): Promise<LoopDisk> {
    const disk = new LoopDisk(await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`)));
    const image = disk.#image;
    await run("truncate", ["-s", String(sizes[kind]), image]);
    await run(`mkfs.${kind}`, [kind === "ext4" ? "-F" : "-f", "-q", image]);
    await run("mkdir", [disk.path]);
    await disk.#mount();
    return disk;
  }

  /** Drops everything that was not synced, as a loss of power does. What is written from now on fails. */
  async cutPower(): Promise<void> {
    await run("xfs_io", ["-x", "-c", "shutdown", this.path]);
  }

  /** Mounts what the loss of power has left. Nobody may have a file of it open. */
  async startAgain(): Promise<void> {
    await run("umount", [this.path]);
    mounted.delete(this.path);
    await this.#mount();
  }

  /** Unmounts and removes it. */
  async remove(): Promise<void> {
    unmountNow(this.path);
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #image(): string {
    return join(this.#directory, "image");
  }

  async #mount(): Promise<void> {
    await run("mount", ["-o", "loop", this.#image, this.path]);
    mounted.add(this.path);
  }
}

/** Takes away what a run that was killed has left mounted. */
export async function removeLeftovers(): Promise<void> {
  const mounts = await readFile("/proc/mounts", "utf8");
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix) || isRunning(Number(name.slice(prefix.length).split("-")[0]))) continue;
    const directory = join(tmpdir(), name);
    if (mounts.includes(` ${directory}/`)) unmountNow(join(directory, "mounted"));
    await rm(directory, { recursive: true, force: true });
  }
}

function unmountNow(path: string): void {
  try {
    execFileSync("umount", ["-l", path], { stdio: "ignore" });
  } catch {
    // It was not mounted.
  }
  mounted.delete(path);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // Signal 0 only asks whether the process is there.
    return true;
  } catch {
    return false;
  }
}
