import type { ServiceLogger } from "sluice/backends/service/server";
import type { LoadedConfig } from "./serviceConfig.ts";
import type { StartedService } from "./startService.ts";

/** What a reload is made of. */
export interface ReloaderOptions {
  /** What the service was started with. */
  readonly config: LoadedConfig;
  /** Reads it again. */
  readonly load: () => Promise<LoadedConfig>;
  readonly service: Pick<StartedService, "reload" | "tellReloaded">;
  readonly logger: ServiceLogger;
}

/** Keys of a configuration that take effect while the service runs. `tls` names files, whose content is what is read again. */
const atOnce: readonly string[] = ["$schema", "tokens", "access"];

/** Reads the configuration of a service again while it runs. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #count = 0;
  #working: Promise<void> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** Reads it once more. Resolves when it is in force or refused, which the log and the group file tell; one at a time. */
  reload(): Promise<void> {
    return (this.#working = this.#working.then(() => this.#reload()));
  }

  async #reload(): Promise<void> {
    const { service, logger } = this.#options;
    const count = ++this.#count;
    try {
      const later = await this.#takeOver();
      if (later.length > 0) logger.warn({ later }, "these changes take effect when the service is started anew");
      logger.info({ count }, "the configuration was read again");
      await service.tellReloaded({ count, later });
    } catch (error) {
      const { message } = error as Error;
      logger.error({ count, message }, "the configuration was refused, and what was in force stays so");
      await service.tellReloaded({ count, problem: message }).catch(() => undefined); // Nobody but the log can be told.
    }
  }

  /** Returns the keys whose changes have to wait. */
  async #takeOver(): Promise<string[]> {
    const { config, load, service } = this.#options;
    const changed = await load();
    await service.reload(changed);
    const keys = [...new Set([...Object.keys(config), ...Object.keys(changed)])] as (keyof LoadedConfig)[];
    const waiting = keys.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(changed[key]));
    return waiting.filter((key) => !atOnce.includes(key)).toSorted();
  }
}
