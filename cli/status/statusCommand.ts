import { Command } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { integer } from "../globalOptions.ts";

interface StatusFlags {
  /** Seconds from one time to the next. */
  readonly every?: number | undefined;
}

/** `sluice status`: what a backend can do and what is in it. */
export function statusCommand(host: ActionHost): Command {
  return withAction<StatusFlags>(
    host,
    new Command("status")
      .description("say what a backend can do, and what is in it")
      .option("--every <seconds>", "go on, and say how fast each topic grows", integer(1)),
    {
      action: async (invocation, { every }) =>
        every === undefined
          ? (await import("./showStatus.ts")).showStatus(invocation)
          : (await import("./followStatus.ts")).followStatus(invocation, every),
    },
  );
}
