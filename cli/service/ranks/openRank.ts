import { join } from "node:path";
import { from, lastValueFrom } from "rxjs";
import { openBackend, type Backend, type CloseOptions } from "sluice";
import { serve, type Service, type ServiceLogger } from "sluice/backends/service/server";
import { Census } from "../census.ts";
import { composeBackends } from "../composeBackends.ts";
import { ownCounts, type RankCounts } from "../counts.ts";
import { monitorBackend } from "../monitorBackend.ts";
import { openBackends, type ListenerConfig, type LoadedConfig } from "../serviceConfig.ts";
import { closeAll, createTopics, reloadService, serveTopics } from "../startService.ts";
import { directoryFile, isShared, rankConfig } from "./rankConfig.ts";
import { RankDirectory } from "./rankDirectory.ts";
import { rankedBackend } from "./rankedBackend.ts";

/** What one rank of a service is made of. */
export interface RankOptions {
  /** The configuration of the service. */
  readonly config: LoadedConfig;
  /** The number of this rank. */
  readonly rank: number;
  /** Where the ranks find each other: a folder that only they can read. */
  readonly folder: string;
  /** Names this run of the service, over all its ranks. */
  readonly service: string;
  readonly logger: ServiceLogger;
}

/** Where a rank is reached, and where the others are. */
export interface RankPlace {
  readonly listeners: readonly ListenerConfig[];
  /** Origins of pages that may connect; undefined for its own. */
  readonly origins: readonly string[] | undefined;
  /** Where clients reach each rank. */
  readonly addresses: () => readonly (readonly string[])[];
  /** What the other ranks have counted. */
  readonly others: () => Promise<readonly RankCounts[]>;
}

/** Another rank may be on its way back: whoever waits for it looks often. */
const patience = { minDelay: 5, maxDelay: 200 };

/** Opens what one rank has, for the other ranks to find. Rejects when it cannot. */
export async function openRank(options: RankOptions): Promise<OpenRank> {
  const rank = new OpenRank(options);
  try {
    await rank.open();
    return rank;
  } catch (error) {
    await rank.close({ deadline: 0 });
    throw error;
  }
}

/**
 * One rank of a service. Each has topics of its own, and serves them to the others. Rank 0 makes one backend of all of them, with the
 * names and the groups; the others hand on to it what is not about their own partitions, so that a client can come to any of them.
 */
export class OpenRank {
  readonly #options: RankOptions;
  readonly #config: LoadedConfig;
  readonly #opened = new Map<string, Backend>();
  /** Backends of the other ranks. */
  readonly #others: Backend[] = [];
  readonly #services: Service[] = [];
  /** The one that clients come to. */
  #service: Service | undefined;
  readonly #census = new Census();

  constructor(options: RankOptions) {
    this.#options = options;
    this.#config = rankConfig(options.config, options.rank);
  }

  async open(): Promise<void> {
    await openBackends(this.#config, this.#opened);
    for (const name of this.#shared) await this.#serveInside(this.#opened.get(name)!, this.#file(name));
  }

  /** Serves clients, once all other ranks are open. Resolves with where they reach this one. */
  async serve({ listeners, origins, addresses, others }: RankPlace): Promise<readonly string[]> {
    const { rank, service: run, logger } = this.#options;
    const config = { ...this.#config, listeners, ...(origins && { origins }) };
    const own = composeBackends(new Map(this.#shared.map((name) => [name, this.#opened.get(name)!])));
    const census = this.#census;
    const [whole, placeOf] = rank === 0 ? await this.#all() : [await this.#reach("all"), own.placeOf];
    const backend = monitorBackend(whole, census);
    if (rank === 0) await createTopics(backend, config.create ?? [], logger);
    const its = { rank, service: run, own: monitorBackend(own, census), addresses };
    const service = await serveTopics({ config, backend, census, placeOf, logger, rank: its, others });
    this.#service = service;
    this.#services.push(service);
    return service.addresses;
  }

  /** What went through it. */
  counts(): RankCounts {
    return ownCounts(this.#census, this.#service, this.#options.rank);
  }

  /** Takes over what of a configuration may change while it serves. */
  async reload(config: LoadedConfig): Promise<void> {
    if (this.#service !== undefined) await reloadService(this.#service, config);
  }

  /** Stops serving, clients first, and closes what it has. */
  async close(options?: CloseOptions): Promise<void> {
    for (const service of this.#services.splice(0).toReversed()) await service.close(options);
    for (const other of this.#others.splice(0)) await lastValueFrom(from(other.close()), { defaultValue: undefined });
    await closeAll(this.#opened);
    this.#opened.clear();
  }

  /** One backend of those of all ranks, and of those that rank 0 has alone. The other ranks find it here. */
  async #all() {
    const parts = new Map(this.#opened);
    for (const name of this.#shared) parts.set(name, await this.#ranked(name));
    const whole = composeBackends(parts, this.#config.topics);
    await this.#serveInside(whole, "all");
    return [whole, whole.placeOf] as const;
  }

  async #ranked(name: string): Promise<Backend> {
    const { ranks = 1, backends } = this.#options.config;
    const parts = [this.#opened.get(name)!];
    for (let rank = 1; rank < ranks; rank++) parts.push(await this.#reach(this.#file(name, rank)));
    return rankedBackend(parts, await RankDirectory.open(directoryFile(backends[name]!), ranks));
  }

  get #shared(): string[] {
    return Object.entries(this.#config.backends).flatMap(([name, each]) => (isShared(each) ? [name] : []));
  }

  /** A path of a socket is short everywhere, which a name need not be. */
  #file(name: string, rank = this.#options.rank): string {
    return `${rank}.${this.#shared.indexOf(name)}`;
  }

  async #reach(file: string): Promise<Backend> {
    const backend = await openBackend(`unix:${join(this.#options.folder, file)}`, patience);
    this.#others.push(backend);
    return backend;
  }

  /** A rank that has ended does not come back with what it held, so its leases are free at once. */
  async #serveInside(backend: Backend, file: string): Promise<void> {
    const { message } = { message: 256 << 20, ...this.#config.limits };
    // One rank speaks for all of its clients, so it has the requests and topics of all of them.
    const limits = { message, streams: 1 << 24, topicWindow: 256 << 20, window: 1 << 30 };
    const listeners = [{ unix: { path: join(this.#options.folder, file) } }];
    this.#services.push(await serve({ backend, listeners, leaseTime: 0, limits }));
  }
}
