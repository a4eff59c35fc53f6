import { join } from "node:path";
import { CommandError } from "../../commandError.ts";
import type { BackendConfig, ListenerConfig, LoadedConfig } from "../serviceConfig.ts";

/** The default ports of the listeners. */
const defaultPorts = { tcp: 7411, websocket: 7412 } as const;

/** Whether the ranks share the partitions of a backend. Others are opened by rank 0 alone. */
export function isShared({ type }: BackendConfig): boolean {
  return type === "memory" || type === "log";
}

/** The file of a log that says which rank has which partition. */
export function directoryFile(config: BackendConfig): string | undefined {
  return config.type === "log" ? join(config.path, "ranks.json") : undefined;
}

/**
 * The configuration of one rank. Rank 0 has it as it is; the others have backends that are shared, in directories of their own.
 *
 * @param config - That of the service.
 * @param rank - The number of the process.
 */
export function rankConfig(config: LoadedConfig, rank: number): LoadedConfig {
  if (rank === 0) return config;
  const shared = Object.entries(config.backends).filter(([, each]) => isShared(each));
  const backends = shared.map(([name, each]) => [
    name,
    each.type === "log" ? { ...each, path: join(each.path, `rank-${rank}`) } : each,
  ]);
  const { create: _create, ...rest } = config;
  return { ...rest, backends: Object.fromEntries(backends) as LoadedConfig["backends"] };
}

/**
 * Where one rank listens: at the ports of the configuration plus its rank times the number of them, and at Unix sockets with its
 * rank behind their names.
 */
export function rankListeners(listeners: readonly ListenerConfig[], rank: number): readonly ListenerConfig[] {
  if (rank === 0) return listeners;
  const step = listeners.filter(({ type }) => type !== "unix").length * rank;
  return listeners.map((each) => {
    if (each.type === "unix") return { ...each, path: `${each.path}.${rank}` };
    const { port = defaultPorts[each.type] } = each;
    const at = { ...each, port: port === 0 ? 0 : port + step };
    return at.type === "websocket" ? { ...at, page: false } : at; // The page of rank 0 shows them all.
  });
}

/** Rejects what does not go together with several ranks. @throws CommandError */
export function checkRanks({ ranks = 1, backends, listeners }: LoadedConfig): void {
  if (ranks === 1) return;
  if (!Object.values(backends).some(isShared)) {
    throw new CommandError(`'ranks' needs a backend of the type memory or log: current value of 'ranks' is ${ranks}`);
  }
  const taken = new Set<number>();
  for (let rank = 0; rank < ranks; rank++) {
    for (const each of rankListeners(listeners, rank)) {
      if (each.type === "unix") continue;
      const { port = defaultPorts[each.type] } = each;
      if (port > 65_535 || (port !== 0 && taken.has(port))) {
        throw new CommandError(`Rank ${rank} cannot listen at port ${port}: leave more room between the listeners`);
      }
      taken.add(port);
    }
  }
}
