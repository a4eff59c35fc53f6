import { repairLog, verifyLog, type Loss } from "sluice/backends/log";
import { CommandError } from "../commandError.ts";
import { readConfigFile } from "../configFile.ts";
import { exitCodes } from "../exitCodes.ts";
import type { Invocation } from "../invocation.ts";
import { logDirectory } from "./logDirectory.ts";
import { isSound, lossText, reportText } from "./verify.ts";

/** The flags of `sluice repair`. */
export interface RepairFlags {
  /** A report whose losses are accepted. */
  readonly accept?: string | undefined;
}

/** Repairs a log. Where something is lost, it does nothing before somebody has looked at it and accepted it. */
export async function repair(invocation: Invocation, flags: RepairFlags, given: string | undefined): Promise<number> {
  const { output, terminal } = invocation;
  const directory = logDirectory(invocation, given);
  const accept = flags.accept === undefined ? [] : await lossesOf(flags.accept, terminal.cwd);
  const { losses } = await verifyLog(directory);
  if (losses.length > 0 && flags.accept === undefined) {
    const list = losses.map(lossText).join("; ");
    throw new CommandError(`This would be lost: ${list}`, {
      exit: "damaged",
      hint: "copy the directory, then: sluice verify --json > report.json && sluice repair --accept report.json",
    });
  }
  const report = await repairLog(directory, { accept });
  output.result(report, () => reportText(report, output));
  return isSound(report) ? exitCodes.ok : exitCodes.damaged;
}

async function lossesOf(path: string, cwd: string): Promise<readonly Loss[]> {
  const { losses } = await readConfigFile(path, cwd);
  if (Array.isArray(losses)) return losses;
  throw new CommandError(`${path} is no report of sluice verify --json: it has no losses`);
}
