import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRank, type OpenRank } from "../../cli/service/ranks/openRank.ts";
import type { BackendConfig, LoadedConfig } from "../../cli/service/serviceConfig.ts";

const logger = { info: () => {}, warn: () => {}, error: () => {} };

/** All ranks of a service in this process, each at a free port. */
export async function ranksInProcess(backends: Readonly<Record<string, BackendConfig>>, ranks: number) {
  const folder = await mkdtemp(join(tmpdir(), "sluice-ranks-"));
  const config: LoadedConfig = { backends, ranks, listeners: [{ type: "tcp", port: 0 }], groupFile: "" };
  const opened: OpenRank[] = [];
  for (let rank = 0; rank < ranks; rank++)
    opened.push(await openRank({ config, rank, folder, service: "one", logger }));
  const addresses: (readonly string[])[] = [];
  for (const each of opened) {
    const others = async () => opened.filter((other) => other !== each).map((other) => other.counts());
    const place = { listeners: config.listeners, origins: undefined, addresses: () => addresses, others };
    addresses.push(await each.serve(place));
  }
  return {
    addresses,
    close: async () => {
      for (const each of opened.toReversed()) await each.close({ deadline: 0 });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
