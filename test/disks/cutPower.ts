import type { ChildProcess } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { LoopDisk } from "./loopDisk.ts";

/**
 * Cuts the power under a process. It is stopped first: a sync that is under way while the power goes may return as if all
 * were well, and what it then says is no word of a real machine, which had stopped.
 */
export async function cutPower(disk: LoopDisk, child: ChildProcess): Promise<void> {
  child.kill("SIGSTOP");
  while (!(await isStopped(child.pid!))) await pause(1);
  await disk.cutPower();
  child.kill("SIGKILL");
}

/** Whether every thread of a process has come to a halt; one in a call of the system halts when that returns. */
async function isStopped(pid: number): Promise<boolean> {
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const status = await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => ") T");
    if (!/^\) [TZX]/.test(status.slice(status.lastIndexOf(")")))) return false;
  }
  return true;
}
