import { EMPTY, from, lastValueFrom } from "rxjs";
import { connect, isSluiceError, registerBackend, type Backend, type CloseOptions } from "sluice";
import { serve, type Service, type ServiceLogger, type ServiceRank } from "sluice/backends/service/server";
import { CommandError } from "../commandError.ts";
import { Census } from "./census.ts";
import { composeBackends } from "./composeBackends.ts";
import { ownCounts, type RankCounts } from "./counts.ts";
import { removeGroupFile, writeGroupFile, type Reloaded } from "./groupFile.ts";
import { httpHandler } from "./httpHandler.ts";
import { monitorBackend } from "./monitorBackend.ts";
import { directoryFile } from "./ranks/rankConfig.ts";
import { usesRanks } from "./ranks/rankDirectory.ts";
import {
  openBackends,
  readTls,
  serveOptions,
  topicOptionsOf,
  type CreateConfig,
  type LoadedConfig,
} from "./serviceConfig.ts";
import { serviceStatus } from "./serviceStatus.ts";

/** A service that was started of a configuration. */
export interface StartedService {
  /** Where clients reach it. */
  readonly addresses: readonly string[];
  /**
   * Takes over what of a configuration may change while the service runs: tokens, rules, and the certificate. Rejects with what is
   * wrong with it; the tokens and rules then stay as they were.
   */
  reload(config: LoadedConfig): Promise<void>;
  /** Notes in the group file what became of that. */
  tellReloaded(reloaded: Reloaded): Promise<void>;
  /** Stops taking anything, answers what is being stored, and closes the backends. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Starts a service of named parts: its backends, its topics, its listeners, and the file that tells clients where it is.
 *
 * @param config - Its configuration, as `loadServiceConfig` gives it.
 * @param logger - Where it writes what happens.
 * @returns The service, once it can be reached. When any part cannot be started, those that were are stopped again.
 */
export async function startService(config: LoadedConfig, logger: ServiceLogger): Promise<StartedService> {
  await refuseShared(config);
  const opened = new Map<string, Backend>();
  let service: Service | undefined;
  try {
    await openBackends(config, opened);
    const composed = composeBackends(opened, config.topics);
    const census = new Census();
    const backend = monitorBackend(composed, census);
    await createTopics(backend, config.create ?? [], logger);
    service = await serveTopics({ config, backend, census, placeOf: (topic) => composed.placeOf(topic), logger });
    await writeGroupFile(config.groupFile, service.addresses);
  } catch (error) {
    await service?.close({ deadline: 0 });
    await closeAll(opened);
    throw error;
  }
  const started = service;
  return {
    addresses: started.addresses,
    reload: (changed) => reloadService(started, changed),
    tellReloaded: (reloaded) => writeGroupFile(config.groupFile, started.addresses, reloaded),
    async close(closeOptions) {
      await removeGroupFile(config.groupFile);
      await started.close(closeOptions);
      await closeAll(opened);
    },
  };
}

/** A log of several ranks has only a part of its topics in the directory of rank 0. */
async function refuseShared({ backends }: LoadedConfig): Promise<void> {
  for (const each of Object.values(backends)) {
    const file = directoryFile(each);
    if (file === undefined || !(await usesRanks(file))) continue;
    throw new CommandError(`The log of ${file} is shared by several ranks: current value of 'ranks' is 1`);
  }
}

/** What is served to clients. */
export interface ServedTopics {
  readonly config: LoadedConfig;
  readonly backend: Backend;
  readonly census: Census;
  /** The backend that a topic is in. */
  readonly placeOf: (topic: string) => string | undefined;
  readonly logger: ServiceLogger;
  readonly rank?: ServiceRank | undefined;
  /** What the other ranks have counted. @default no others */
  readonly others?: (() => Promise<readonly RankCounts[]>) | undefined;
}

/** Serves topics at the listeners of a configuration, with the page and the metrics beside them. */
export async function serveTopics(topics: ServedTopics): Promise<Service> {
  const { config, backend, census, placeOf, logger, rank, others = async () => [] } = topics;
  // It may be asked how it is as soon as its first listener is open.
  const running: { service?: Service } = {};
  const counts = async () => [ownCounts(census, running.service, rank?.rank), ...(await others())] as const;
  const status = serviceStatus({
    backend,
    counts,
    placeOf,
    parts: config.backends,
    rules: config.topics,
    service: () => running.service,
  });
  const access = () => running.service?.access;
  const options = await serveOptions(config, ({ host, port, page = true }) => ({
    websocket: { host, port, request: httpHandler({ status, counts, page, access }) },
  }));
  return (running.service = await serve({ ...options, backend, logger, rank }));
}

/** Takes over what of a configuration may change. Tokens come first: what is revoked must not wait for anything else. */
export async function reloadService(service: Service, { tokens, access, tls }: LoadedConfig): Promise<void> {
  service.changeAccess({ tokens, access });
  if (tls !== undefined) service.changeTls(await readTls(tls));
}

/** Closes backends, also when one of them cannot be closed. */
export async function closeAll(opened: ReadonlyMap<string, Backend>): Promise<void> {
  if (opened.size > 0) await closeBackend(composeBackends(opened));
}

/** Services of this process that have created topics, so that each has a scheme of its own. */
let started = 0;

/** A driver over the backend checks components and options as for everybody else. */
export async function createTopics(
  backend: Backend,
  topics: readonly CreateConfig[],
  logger: ServiceLogger,
): Promise<void> {
  if (topics.length === 0) return;
  const scheme = `serve-${started++}`;
  const unregister = registerBackend(scheme, () => ({ ...backend, close: () => EMPTY }));
  try {
    const driver = await connect(`${scheme}:`);
    for (const topic of topics) {
      try {
        await driver.createTopic(topic.name, topicOptionsOf(topic));
        logger.info({ topic: topic.name }, "topic created");
      } catch (error) {
        if (!isSluiceError(error, "ERR_TOPIC_EXISTS")) throw error;
      }
    }
    await driver.close();
  } finally {
    unregister();
  }
}

async function closeBackend(backend: Backend): Promise<void> {
  await lastValueFrom(from(backend.close()), { defaultValue: undefined });
}
