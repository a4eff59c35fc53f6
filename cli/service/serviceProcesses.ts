import { hostname } from "node:os";
import { connect } from "sluice";
import { CommandError } from "../commandError.ts";
import type { GroupFile, GroupMember } from "./groupFile.ts";

/** A process, and where it shows that it is the one that was meant. */
export type ServiceProcess = Pick<GroupMember, "pid" | "host" | "addresses">;

/** Those to tell something: whoever looks after several processes hands it on to them. It is there when any of them answers: others may be down just now. */
export function serviceProcesses({ supervisor, members }: GroupFile): readonly ServiceProcess[] {
  if (supervisor === undefined) return members;
  return [{ ...supervisor, addresses: members.flatMap(({ addresses }) => addresses) }];
}

/** The number of a process, when it is on this host and still answers: it may belong to somebody else by now. */
export async function processOf({ pid, host, addresses }: ServiceProcess, path: string): Promise<number> {
  if (pid === undefined) throw new CommandError(`${path} does not name the process of the service`);
  if (host !== hostname()) throw new CommandError(`The service runs on ${host}: run this there, or stop its process`);
  if (!isAlive(pid)) throw stale(path);
  const answers = await Promise.any(addresses.map((address) => reaches(address))).catch(() => false);
  if (!answers) throw stale(path);
  return pid;
}

/** A service that wants a token answers too. */
async function reaches(address: string): Promise<boolean> {
  try {
    await (await connect(address, { connectTimeout: 2000 })).close();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_UNREACHABLE") throw error;
    return true;
  }
}

function stale(path: string): CommandError {
  return new CommandError(`The service of ${path} is not running`, { exit: "notFound", hint: "the file is left over" });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
