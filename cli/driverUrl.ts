import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandError } from "./commandError.ts";
import type { Terminal } from "./terminal.ts";

/** Where a command may be told its backend. */
export interface DriverChoice {
  /** `--driver`. */
  readonly driver?: string | undefined;
  /** `--groupfile`. */
  readonly groupfile?: string | undefined;
}

/**
 * The URL of the backend of a command. In this order: `--driver`, `--groupfile`, `SLUICE_DRIVER`, `SLUICE_GROUPFILE`, a file
 * `sluice.json` in the working directory, which a running service has written.
 *
 * @throws CommandError when there is none of these.
 */
export function driverUrl({ driver, groupfile }: DriverChoice, { env, cwd }: Pick<Terminal, "env" | "cwd">): string {
  if (driver !== undefined && groupfile !== undefined) {
    throw new CommandError("--driver and --groupfile exclude each other");
  }
  const named = driver ?? (groupfile === undefined ? env["SLUICE_DRIVER"] : undefined);
  if (named !== undefined && named !== "") return named;
  const file = groupfile ?? env["SLUICE_GROUPFILE"];
  if (file !== undefined && file !== "") return groupUrl(file, cwd);
  if (existsSync(resolve(cwd, "sluice.json"))) return groupUrl("sluice.json", cwd);
  throw new CommandError("No backend is named", {
    hint: "give --driver, as in --driver log:./data, set SLUICE_DRIVER, or run this where `sluice serve` runs",
  });
}

function groupUrl(file: string, cwd: string): string {
  const path = resolve(cwd, file);
  if (!existsSync(path)) {
    throw new CommandError(`There is no group file ${file}`, { exit: "notFound", hint: "is the service running?" });
  }
  return `sluice:${path}`;
}

/**
 * Checks that there is a log in its directory, for what only looks at it: whoever looks at a log that does not exist has most
 * likely mistyped its name.
 *
 * @param url - The URL of the log.
 * @throws CommandError when it is not.
 */
export function checkLogExists(url: string, { cwd }: Pick<Terminal, "cwd">): void {
  const directory = url.slice("log:".length);
  const path = resolve(cwd, directory);
  // Every log has this, and hardly anything else.
  if (existsSync(join(path, "topics"))) return;
  // What else may be wrong with the name the log says itself.
  if (directory === "" || statSync(path, { throwIfNoEntry: false })?.isDirectory() === false) return;
  throw new CommandError(`There is no log in ${directory}`, {
    exit: "notFound",
    hint: "`sluice topic create` makes one there",
  });
}
