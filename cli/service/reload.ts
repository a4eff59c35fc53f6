import { resolve } from "node:path";
import { filter, firstValueFrom, from, interval, startWith, exhaustMap, timeout, TimeoutError } from "rxjs";
import { CommandError } from "../commandError.ts";
import type { Invocation } from "../invocation.ts";
import { readGroupFile } from "./groupFile.ts";
import { processOf, serviceProcesses } from "./serviceProcesses.ts";
import type { ShutdownFlags } from "./shutdown.ts";

const lookMs = 50;

/** Has a service read its configuration again, and waits until it has said what became of it. */
export async function reload({ terminal, output, globals }: Invocation, flags: ShutdownFlags): Promise<void> {
  const path = resolve(terminal.cwd, globals.groupfile ?? flags.file);
  const group = await readGroupFile(path);
  const [first] = serviceProcesses(group);
  if (first === undefined) throw new CommandError(`${path} names no process`);
  process.kill(await processOf(first, path), "SIGHUP");
  const before = group.reloaded?.count;
  const { problem, later = [] } =
    (await firstValueFrom(
      interval(lookMs).pipe(
        startWith(0),
        exhaustMap(() => from(readGroupFile(path).then(({ reloaded }) => reloaded))),
        filter((reloaded) => reloaded !== undefined && reloaded.count !== before),
        timeout({ first: flags.timeout * 1000 }),
      ),
    ).catch((error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error;
      throw new CommandError(`The service has not answered within ${flags.timeout} s`, {
        exit: "timeout",
        hint: "its log may say why",
      });
    })) ?? {};
  if (problem !== undefined) throw new CommandError(problem, { hint: "what was in force before stays so" });
  output.result({ reloaded: true, later }, () => `The service has read its configuration again.`);
  if (later.length > 0) output.note(`Changes of ${later.join(", ")} take effect when it is started anew.`);
}
