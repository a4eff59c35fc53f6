import { resolve } from "node:path";
import type { JsonObject } from "../dottedOptions.ts";
import type { Invocation } from "../invocation.ts";
import { makeLogger } from "./logger.ts";
import { Reloader } from "./reloader.ts";
import { loadServiceConfig } from "./serviceConfig.ts";
import { startRanks } from "./ranks/startRanks.ts";
import { startService } from "./startService.ts";

/** The flags of `sluice serve`. */
export interface ServeFlags {
  /** The configuration. */
  readonly config?: string | undefined;
  /** The address to listen at. */
  readonly host?: string | undefined;
  /** The port for TCP. */
  readonly port?: number | undefined;
  /** The file that tells clients where the service is. */
  readonly groupFile?: string | undefined;
  /** The least that is logged. */
  readonly logLevel?: string | undefined;
}

/** Milliseconds that clients have to get their answers when the service stops. */
const drainDeadline = 10_000;

/** Runs a service until it is asked to stop. */
export async function serveUntilStopped(invocation: Invocation, flags: ServeFlags): Promise<void> {
  const { terminal, output, stopping } = invocation;
  const config = await loadServiceConfig(flags.config, overrides(invocation, flags), terminal.cwd);
  const logger = makeLogger(terminal, { ...config.log, ...(flags.logLevel && { level: flags.logLevel }) });
  const { ranks = 1 } = config;
  const service = ranks === 1 ? await startService(config, logger) : await startRanks(config, logger, terminal);
  try {
    invocation.stopOnSignal((text) => logger.info({}, text));
    const load = () => loadServiceConfig(flags.config, overrides(invocation, flags), terminal.cwd);
    const reloader = new Reloader({ config, load, service, logger });
    invocation.reloadOnHangUp(() => void reloader.reload());
    const { addresses } = service;
    output.result({ addresses, groupFile: config.groupFile }, () => addresses.join("\n"));
    await new Promise<void>((done) => {
      if (stopping.aborted) done();
      else stopping.addEventListener("abort", () => done(), { once: true });
    });
  } finally {
    await service.close({ deadline: drainDeadline });
  }
}

/** What the command line says lies over the configuration. */
function overrides(invocation: Invocation, { host, port, groupFile }: ServeFlags): JsonObject {
  const { globals, terminal } = invocation;
  const at = host === undefined ? {} : { host };
  const isListening = host !== undefined || port !== undefined;
  const options = invocation.group("driver");
  return {
    ...(globals.driver !== undefined && { backends: { main: { type: "url", url: globals.driver, options } } }),
    ...(isListening && {
      listeners: [
        { type: "tcp", ...at, ...(port !== undefined && { port }) },
        { type: "websocket", ...at, ...(port !== undefined && { port: port === 0 ? 0 : port + 1 }) },
      ],
    }),
    ...(groupFile !== undefined && { groupFile: resolve(terminal.cwd, groupFile) }),
  };
}
