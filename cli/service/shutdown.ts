import { resolve } from "node:path";
import { filter, firstValueFrom, interval, map, startWith, timeout, TimeoutError } from "rxjs";
import { CommandError } from "../commandError.ts";
import type { Invocation } from "../invocation.ts";
import { readGroupFile } from "./groupFile.ts";
import { isAlive, processOf, serviceProcesses } from "./serviceProcesses.ts";

/** The flags of `sluice shutdown`. */
export interface ShutdownFlags {
  /** The group file. */
  readonly file: string;
  /** How long to wait, in seconds. */
  readonly timeout: number;
}

const lookMs = 50;

/** Stops a service, and waits until it has ended. */
export async function shutdown({ terminal, output, globals }: Invocation, flags: ShutdownFlags): Promise<void> {
  const path = resolve(terminal.cwd, globals.groupfile ?? flags.file);
  const group = await readGroupFile(path);
  for (const stopped of serviceProcesses(group)) {
    const pid = await processOf(stopped, path);
    process.kill(pid, "SIGTERM");
    await untilGone(pid, flags.timeout);
  }
  output.result({ stopped: group.members.map(({ rank }) => rank) }, () => "The service has stopped.");
}

async function untilGone(pid: number, seconds: number): Promise<void> {
  try {
    await firstValueFrom(
      interval(lookMs).pipe(
        startWith(0),
        map(() => isAlive(pid)),
        filter((alive) => !alive),
        timeout({ first: seconds * 1000 }),
      ),
    );
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new CommandError(`The service has not stopped within ${seconds} s`, { exit: "timeout" });
  }
}
