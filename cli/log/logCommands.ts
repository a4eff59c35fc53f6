import { Command } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import type { RepairFlags } from "./repair.ts";

/** `sluice verify`: reads every byte of a log. */
export function verifyCommand(host: ActionHost): Command {
  return withAction(
    host,
    new Command("verify")
      .description("read every byte of a log and compare every checksum; changes nothing, also while it is in use")
      .argument("[directory]", "where the log is (default: that of --driver log:…)"),
    { action: async (invocation, _flags, directory) => (await import("./verify.ts")).verify(invocation, directory) },
  );
}

/** `sluice repair`: brings a damaged log into order. */
export function repairCommand(host: ActionHost): Command {
  return withAction<RepairFlags>(
    host,
    new Command("repair")
      .description("bring a damaged log into order, going on without exactly the losses that are accepted")
      .argument("[directory]", "where the log is (default: that of --driver log:…)")
      .option("--accept <report>", "what `sluice verify --json` has written: its losses are accepted"),
    {
      action: async (invocation, flags, directory) =>
        (await import("./repair.ts")).repair(invocation, flags, directory),
    },
  );
}
