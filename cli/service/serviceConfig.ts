import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { openBackend, type Backend, type ComponentSpec, type Retention, type TopicOptions } from "sluice";
import type {
  AccessRule,
  Listener,
  ServeOptions,
  ServiceLimits,
  ServiceTls,
  TokenEntry,
} from "sluice/backends/service/server";
import { CommandError } from "../commandError.ts";
import type { JsonObject } from "../dottedOptions.ts";
import { readConfigFile } from "../configFile.ts";
import { logOptions } from "../logKeys.ts";
import { checkConfig } from "./checkConfig.ts";
import type { TopicRule } from "./composeBackends.ts";
import { configSchema } from "./configSchema.ts";

/** A backend of a service. */
export type BackendConfig =
  | { readonly type: "memory" }
  | {
      readonly type: "log";
      readonly path: string;
      readonly durability?: "disk" | "os";
      readonly segmentBytes?: number;
      readonly encryption?: { readonly keyId: string; readonly keys: string };
      readonly options?: JsonObject;
    }
  | { readonly type: "kafka" | "url"; readonly url: string; readonly options?: JsonObject };

/** A listener of a service. */
export type ListenerConfig =
  | { readonly type: "tcp"; readonly host?: string; readonly port?: number }
  | { readonly type: "unix"; readonly path: string }
  | { readonly type: "websocket"; readonly host?: string; readonly port?: number; readonly page?: boolean };

/** A topic that a service creates. */
export interface CreateConfig {
  readonly name: string;
  readonly partitions?: number;
  readonly validator?: ComponentSpec;
  readonly partitionSelector?: ComponentSpec;
  readonly serializer?: ComponentSpec;
  readonly retention?: Retention;
}

/** The configuration of a service, as `configSchema` describes it. */
export interface ServiceConfig {
  readonly backends?: Readonly<Record<string, BackendConfig>>;
  readonly topics?: readonly TopicRule[];
  readonly create?: readonly CreateConfig[];
  readonly ranks?: number;
  readonly listeners?: readonly ListenerConfig[];
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  readonly tokens?: readonly TokenEntry[];
  readonly access?: readonly AccessRule[];
  readonly origins?: readonly string[];
  readonly limits?: Partial<ServiceLimits>;
  readonly leaseTime?: number;
  readonly heartbeat?: number;
  readonly groupFile?: string;
  readonly log?: { readonly level?: string; readonly format?: "auto" | "json" | "text" };
}

/** What there is without a configuration: a log in the working directory, for programs and pages of this machine. */
const defaultBackends = { log: { type: "log", path: "./sluice-data" } } as const;
const defaultListeners = [{ type: "tcp" }, { type: "websocket" }] as const;

/** A configuration that has been checked, with its defaults, and with absolute paths. */
export interface LoadedConfig extends ServiceConfig {
  readonly backends: Readonly<Record<string, BackendConfig>>;
  readonly listeners: readonly ListenerConfig[];
  readonly groupFile: string;
}

/**
 * Reads and checks a configuration. Paths in it are relative to its file.
 *
 * @param file - Its path; nothing for the defaults.
 * @param over - What lies over it, from the command line.
 * @param cwd - What the path is relative to.
 */
export async function loadServiceConfig(
  file: string | undefined,
  over: JsonObject,
  cwd: string,
): Promise<LoadedConfig> {
  const given = file === undefined ? {} : await readConfigFile(file, cwd);
  const merged: JsonObject = { ...given, ...over };
  checkConfig(merged, configSchema);
  const root = file === undefined ? cwd : dirname(resolve(cwd, file));
  const config = merged as ServiceConfig;
  return absolutePaths(config, root);
}

function absolutePaths(config: ServiceConfig, root: string): LoadedConfig {
  const { backends = defaultBackends, listeners = defaultListeners, groupFile = "sluice.json", tls } = config;
  const at = (path: string) => resolve(root, path);
  const places = Object.entries(backends).map(([name, each]) => [
    name,
    each.type === "log" ? absoluteLog(each, at) : each,
  ]);
  return {
    ...config,
    backends: Object.fromEntries(places) as Record<string, BackendConfig>,
    listeners: listeners.map((each) => (each.type === "unix" ? { ...each, path: at(each.path) } : each)),
    groupFile: at(groupFile),
    ...(tls && { tls: { cert: at(tls.cert), key: at(tls.key), ...(tls.ca !== undefined && { ca: at(tls.ca) }) } }),
  };
}

function absoluteLog(config: Extract<BackendConfig, { type: "log" }>, at: (path: string) => string): BackendConfig {
  const { path, encryption } = config;
  return {
    ...config,
    path: at(path),
    ...(encryption && { encryption: { ...encryption, keys: at(encryption.keys) } }),
  };
}

/** Opens the backends by their names. When one cannot be opened, those that are open are closed again by the caller. */
export async function openBackends(config: LoadedConfig, opened: Map<string, Backend>): Promise<void> {
  for (const [name, each] of Object.entries(config.backends)) opened.set(name, await openOne(each));
}

function openOne(config: BackendConfig): Promise<Backend> {
  if (config.type === "memory") return openBackend("memory:");
  if (config.type !== "log") return openBackend(config.url, config.options);
  const { type: _type, path, options = {}, ...rest } = config;
  return openBackend(`log:${path}`, logOptions({ ...options, ...rest }, "/"));
}

/** The part of a configuration that the service itself takes. */
export async function serveOptions(
  config: LoadedConfig,
  websocket: (listener: Extract<ListenerConfig, { type: "websocket" }>) => Listener,
): Promise<Omit<ServeOptions, "backend" | "logger">> {
  const { tokens, access, origins, limits, leaseTime, heartbeat } = config;
  return {
    listeners: config.listeners.map((each) => {
      if (each.type === "websocket") return websocket(each);
      return each.type === "unix" ? { unix: { path: each.path } } : { tcp: { host: each.host, port: each.port } };
    }),
    tls: config.tls === undefined ? undefined : await readTls(config.tls),
    tokens,
    access,
    origins,
    limits,
    leaseTime,
    heartbeat,
  };
}

/** Reads the files of a certificate. */
export async function readTls({ cert, key, ca }: NonNullable<ServiceConfig["tls"]>): Promise<ServiceTls> {
  const read = async (path: string) => {
    try {
      return await readFile(path, "utf8");
    } catch (cause) {
      throw new CommandError(`${path} cannot be read: ${(cause as Error).message}`, { exit: "notFound", cause });
    }
  };
  return { cert: await read(cert), key: await read(key), ...(ca !== undefined && { ca: await read(ca) }) };
}

/** The options of a topic that a configuration creates. */
export function topicOptionsOf({ name: _name, ...options }: CreateConfig): TopicOptions {
  return options;
}
