import { Command, Option } from "commander";
import { withAction, type ActionHost } from "../command.ts";
import { integer } from "../globalOptions.ts";
import type { ServeFlags } from "./serve.ts";

/** `sluice serve`: a service. */
export function serveCommand(host: ActionHost): Command {
  return withAction<ServeFlags>(
    host,
    new Command("serve")
      .description(
        "serve topics to other processes and to web pages, until it is asked to stop; --driver is what it serves",
      )
      .option("-c, --config <file>", "its configuration (JSON, TOML or YAML)")
      .option("--host <address>", "the address to listen at, instead of those of the configuration")
      .option(
        "--port <n>",
        "the port for TCP; that for WebSocket is the next one, and 0 takes free ones",
        integer(0, 65_534),
      )
      .option("--group-file <file>", "the file that tells clients where the service is (default: sluice.json)")
      .addOption(
        new Option("--log-level <level>", "the least that is logged").choices([
          "debug",
          "info",
          "warn",
          "error",
          "silent",
        ]),
      ),
    { action: async (invocation, flags) => (await import("./serve.ts")).serveUntilStopped(invocation, flags) },
  );
}

/** `sluice shutdown`: stops a service. */
export function shutdownCommand(host: ActionHost): Command {
  return withAction<{ readonly file: string; readonly timeout: number }>(
    host,
    new Command("shutdown")
      .description("stop a service of this machine, and wait until it has stored what it holds")
      .option("-f, --file <file>", "its group file", "sluice.json")
      .option("--timeout <seconds>", "how long to wait", integer(1), 60),
    { action: async (invocation, flags) => (await import("./shutdown.ts")).shutdown(invocation, flags) },
  );
}

/** `sluice reload`: has a service read its configuration again. */
export function reloadCommand(host: ActionHost): Command {
  return withAction<{ readonly file: string; readonly timeout: number }>(
    host,
    new Command("reload")
      .description("have a service of this machine read its tokens, access rules and certificate again")
      .option("-f, --file <file>", "its group file", "sluice.json")
      .option("--timeout <seconds>", "how long to wait", integer(1), 60),
    { action: async (invocation, flags) => (await import("./reload.ts")).reload(invocation, flags) },
  );
}

/** `sluice token`: makes a token. */
export function tokenCommand(host: ActionHost): Command {
  return withAction<object>(
    host,
    new Command("token")
      .description("make a token for a user: the token is shown once, and the service is given its hash")
      .argument("<user>", "whose it is"),
    {
      action: async (invocation, _flags, user) => (await import("./makeUserToken.ts")).makeUserToken(invocation, user),
    },
  );
}
