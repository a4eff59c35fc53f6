import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CloseOptions } from "sluice";
import type { ServiceLogger } from "sluice/backends/service/server";
import type { Terminal } from "../../terminal.ts";
import type { RankCounts } from "../counts.ts";
import { removeGroupFile, writeGroupFileOfRanks, type Reloaded } from "../groupFile.ts";
import type { LoadedConfig } from "../serviceConfig.ts";
import type { StartedService } from "../startService.ts";
import { checkRanks, rankListeners } from "./rankConfig.ts";
import { SupervisedRank } from "./supervisedRank.ts";

/**
 * Starts a service of several processes that share the partitions of its topics, and starts those anew that end.
 *
 * @param config - Its configuration, with `ranks`.
 * @param logger - Where it writes what happens.
 * @param terminal - Where its processes write.
 * @returns The service, once all of it can be reached. When any rank cannot be started, the others are stopped again.
 */
export async function startRanks(
  config: LoadedConfig,
  logger: ServiceLogger,
  terminal: Pick<Terminal, "stderr" | "env">,
): Promise<StartedService> {
  checkRanks(config);
  const service = new RankedService(config, logger, terminal, await mkdtemp(join(tmpdir(), "sluice-ranks-")));
  try {
    await service.start();
    return service;
  } catch (error) {
    await service.close({ deadline: 0 });
    throw error;
  }
}

class RankedService implements StartedService {
  readonly #config: LoadedConfig;
  readonly #folder: string;
  readonly #ranks: readonly SupervisedRank[];
  #reloaded: Reloaded | undefined;

  constructor(config: LoadedConfig, logger: ServiceLogger, terminal: Pick<Terminal, "stderr" | "env">, folder: string) {
    this.#config = config;
    this.#folder = folder;
    const isText = config.log?.format === "text" || (config.log?.format !== "json" && terminal.stderr.isTTY === true);
    const log = { level: config.log?.level, format: isText ? "text" : "json" } as const;
    const service = randomBytes(16).toString("hex");
    this.#ranks = Array.from({ length: config.ranks! }, (_, rank) => {
      const open = { type: "open", config, rank, folder, service, log } as const;
      return new SupervisedRank(open, logger, terminal, {
        restarted: () => this.#tellAddresses(),
        others: (than) => this.#countsOfOthers(than),
      });
    });
  }

  get addresses(): readonly string[] {
    return this.#ranks.flatMap(({ addresses }) => addresses);
  }

  async start(): Promise<void> {
    await Promise.all(this.#ranks.map((rank) => rank.open()));
    const [first, ...others] = this.#ranks;
    const { listeners, origins } = this.#config;
    await first!.serve(listeners, origins);
    // The page comes from rank 0, and connects to the others.
    const pages = origins ?? first!.addresses.flatMap(originsOf);
    await Promise.all(others.map((rank, i) => rank.serve(rankListeners(listeners, i + 1), pages)));
    await this.#tellAddresses();
    for (const rank of this.#ranks) rank.keepRunning();
  }

  /** Rank 0 first: what it refuses no other hears of. */
  async reload(config: LoadedConfig): Promise<void> {
    for (const rank of this.#ranks) await rank.reload(config);
  }

  async tellReloaded(reloaded: Reloaded): Promise<void> {
    this.#reloaded = reloaded;
    await this.#tellAddresses();
  }

  async close({ deadline = 5000 }: CloseOptions = {}): Promise<void> {
    await removeGroupFile(this.#config.groupFile);
    // Rank 0 last: what the others hand on to it is answered first.
    const [first, ...others] = this.#ranks;
    await Promise.all(others.map((rank) => rank.close(deadline)));
    await first!.close(deadline);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What all ranks but one have counted, without those that do not answer. */
  async #countsOfOthers(than: SupervisedRank): Promise<readonly RankCounts[]> {
    const others = this.#ranks.filter((rank) => rank !== than);
    const counts = await Promise.all(others.map((rank) => rank.counts()));
    return counts.filter((each) => each !== undefined);
  }

  /** Tells the ranks and the clients where everybody is; a rank that was started anew has another process. */
  async #tellAddresses(): Promise<void> {
    const addresses = this.#ranks.map((rank) => rank.addresses);
    for (const rank of this.#ranks) rank.tell({ type: "addresses", addresses });
    await writeGroupFileOfRanks(this.#config.groupFile, this.#ranks, this.#reloaded);
  }
}

/** The origins that browsers give to pages of a WebSocket listener. */
function originsOf(address: string): string[] {
  if (!/^wss?:/.test(address)) return [];
  const { protocol, host, port } = new URL(address);
  const web = protocol.replace("ws", "http");
  return [`${web}//${host}`, `${web}//localhost:${port}`];
}
