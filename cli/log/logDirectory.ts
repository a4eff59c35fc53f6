import { resolve } from "node:path";
import { CommandError } from "../commandError.ts";
import { checkLogExists, driverUrl } from "../driverUrl.ts";
import type { Invocation } from "../invocation.ts";

/**
 * The directory of the log that a command is about.
 *
 * @param directory - What the command line says.
 * @throws CommandError when it says nothing, and the driver is no log.
 */
export function logDirectory({ globals, terminal }: Invocation, directory: string | undefined): string {
  const url = directory === undefined ? driverUrl(globals, terminal) : `log:${directory.replace(/^log:/, "")}`;
  if (!url.startsWith("log:")) throw new CommandError(`Only a log can be verified and repaired: the driver is ${url}`);
  checkLogExists(url, terminal);
  return resolve(terminal.cwd, url.slice("log:".length));
}
