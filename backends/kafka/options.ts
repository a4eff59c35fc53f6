import type { ConnectionOptions as TlsOptions } from "node:tls";
import { checkAmount, checkInteger } from "../../src/model/check.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import type { BrokerAddress, GroupProtocol } from "./client/client.ts";
import { compressions, type Compression } from "./compression.ts";
import { layoutNames, type LayoutName } from "./layouts/layout.ts";
import type { DataStore } from "./store/dataStore.ts";
import type { SaslOptions } from "./security/saslOptions.ts";

/** Options of `connect("kafka://host:9092,host2:9092/?…")`. Those that are text or numbers can stand in the URL as well. */
export interface KafkaConnectOptions {
  /** The name by which brokers know this client in their logs. @default "sluice" */
  readonly clientId?: string | undefined;
  /** Stands in front of the name of every topic, with a dot behind it. @default none */
  readonly namespace?: string | undefined;
  /** Stands in front of the name of every consumer to make the name of its group. @default none */
  readonly groupPrefix?: string | undefined;
  /** How events become records, for topics that do not say it themselves. @default "sluice" */
  readonly layout?: LayoutName | undefined;
  /** The same for single topics, by name. @default none */
  readonly layouts?: Readonly<Record<string, LayoutName>> | undefined;
  /** Who sends, in the layout `hop`. @default the user of SASL */
  readonly sender?: string | undefined;
  /** What becomes of test messages that are read in the layout `hop`. @default "skip" */
  readonly tests?: "skip" | "deliver" | undefined;
  /** How batches are compressed, off the calling thread. @default "none" */
  readonly compression?: Compression | undefined;
  /** Copies of each partition that new topics have; -1 leaves it to the cluster. @default -1 */
  readonly replicas?: number | undefined;
  /** Bytes of data that go into the record of their event; more is stored in chunks. @default 65536 */
  readonly inlineBytes?: number | undefined;
  /** Bytes of a chunk. @default 262144 */
  readonly chunkBytes?: number | undefined;
  /**
   * Where data of more than `storeBytes` goes, instead of into Kafka: the path of a directory, `s3://bucket/prefix`, or a store of
   * your own. All who read and write the topics need the same one. @default none
   */
  readonly store?: string | DataStore | undefined;
  /** Bytes of data beyond which it goes into the `store`. @default 1048576 */
  readonly storeBytes?: number | undefined;
  /** Bytes of one fetch from one partition; less of them while answers of its broker do not come through. @default 2097152 */
  readonly fetchBytes?: number | undefined;
  /** Milliseconds that a broker waits for events before it answers a fetch with none. @default 500 */
  readonly fetchWait?: number | undefined;
  /** Connections to each broker on which fetches may wait at the same time. @default 8 */
  readonly fetchConnections?: number | undefined;
  /** Events at the end of a partition that are looked at for a named producer that is new there. @default 10000 */
  readonly tailEvents?: number | undefined;
  /** Milliseconds for which a batch is sent again before its events fail. @default 120000 */
  readonly deliveryTimeout?: number | undefined;
  /** Milliseconds for which every other request is tried again. @default 30000 */
  readonly retryTimeout?: number | undefined;
  /** Milliseconds after which an answer counts as lost. @default 15000 */
  readonly requestTimeout?: number | undefined;
  /** Milliseconds without a heartbeat after which a group gives a member up. @default 20000 */
  readonly sessionTimeout?: number | undefined;
  /** Milliseconds that the members of a group have to join again. @default 60000 */
  readonly rebalanceTimeout?: number | undefined;
  /** Milliseconds between heartbeats: as long does it take until a member hears that the group is shared anew. @default 1000 */
  readonly heartbeatInterval?: number | undefined;
  /** Milliseconds after which a consumer looks for new partitions. @default 5000 */
  readonly metadataMaxAge?: number | undefined;
  /**
   * How consumers of a name share partitions: by the protocol that all brokers know, or by that of KIP-848, for which brokers have
   * to be 4.0 or newer. @default "classic"
   */
  readonly groupProtocol?: GroupProtocol | undefined;
  /** A name that outlives the process: its consumers find their partitions again after a short restart. @default none */
  readonly instance?: string | undefined;
  /** TLS: how to check the brokers, and a certificate of one's own. @default none; `tls=true` in the URL trusts the system */
  readonly tls?: TlsOptions | undefined;
  /** Who comes in, and how. @default from the environment, see the guide */
  readonly sasl?: SaslOptions | undefined;
  /** A file in the format of hop's `auth.toml`, which nobody else may read. @default none */
  readonly authFile?: string | undefined;
}

type Numbers =
  | "replicas"
  | "inlineBytes"
  | "chunkBytes"
  | "storeBytes"
  | "fetchBytes"
  | "fetchWait"
  | "fetchConnections"
  | "tailEvents"
  | "deliveryTimeout"
  | "retryTimeout"
  | "requestTimeout"
  | "sessionTimeout"
  | "rebalanceTimeout"
  | "heartbeatInterval"
  | "metadataMaxAge";

/** The options with everything that has a default. */
export interface KafkaOptions extends Omit<KafkaConnectOptions, Numbers> {
  readonly brokers: readonly BrokerAddress[];
  readonly clientId: string;
  readonly prefix: string;
  readonly groupPrefix: string;
  readonly layout: LayoutName | undefined;
  readonly compression: Compression;
  readonly replicas: number;
  readonly inlineBytes: number;
  readonly chunkBytes: number;
  readonly storeBytes: number;
  readonly fetchBytes: number;
  readonly fetchWait: number;
  readonly fetchConnections: number;
  readonly tailEvents: number;
  readonly deliveryTimeout: number;
  readonly retryTimeout: number;
  readonly requestTimeout: number;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly heartbeatInterval: number;
  readonly metadataMaxAge: number;
}

const defaults = {
  replicas: -1,
  inlineBytes: 65_536,
  chunkBytes: 262_144,
  storeBytes: 1_048_576,
  fetchBytes: 2_097_152,
  fetchWait: 500,
  fetchConnections: 8,
  tailEvents: 10_000,
  deliveryTimeout: 120_000,
  retryTimeout: 30_000,
  requestTimeout: 15_000,
  sessionTimeout: 20_000,
  rebalanceTimeout: 60_000,
  heartbeatInterval: 1000,
  metadataMaxAge: 5000,
} as const satisfies Record<Numbers, number>;

const numbers = Object.keys(defaults) as Numbers[];
const texts = [
  "clientId",
  "namespace",
  "groupPrefix",
  "layout",
  "sender",
  "tests",
  "compression",
  "instance",
  "groupProtocol",
] as const;
const groupProtocols = ["classic", "consumer"] as const satisfies readonly GroupProtocol[];
const switches = ["tls", "authFile", "store"] as const;

/** Reads what a URL says and what stands beside it; what stands beside it counts more. */
export function readOptions(url: string, given: KafkaConnectOptions): KafkaOptions {
  const { brokers, query } = splitUrl(url);
  const known = new Set<string>([...numbers, ...texts, ...switches]);
  for (const name of query.keys()) {
    if (!known.has(name)) throw new RangeError(`A URL of Kafka has no parameter ${describeValue(name)}`);
  }
  const values: Record<string, unknown> = {};
  for (const name of texts) values[name] = given[name] ?? query.get(name) ?? undefined;
  for (const name of numbers) values[name] = given[name] ?? numberOf(query.get(name)) ?? defaults[name];
  const tls = given.tls ?? (query.get("tls") === "true" ? {} : undefined);
  const authFile = given.authFile ?? query.get("authFile") ?? undefined;
  const store = given.store ?? query.get("store") ?? undefined;
  const options = { ...given, ...values, tls, authFile, store } as KafkaConnectOptions & Record<Numbers, number>;
  check(options);
  return {
    ...options,
    brokers,
    clientId: options.clientId ?? "sluice",
    prefix: options.namespace ? `${options.namespace}.` : "",
    groupPrefix: options.groupPrefix ?? "",
    layout: options.layout,
    compression: options.compression ?? "none",
  };
}

function check(options: KafkaConnectOptions & Record<Numbers, number>): void {
  for (const name of numbers) checkInteger(name, options[name], name === "replicas" ? -1 : 1, 0x7fff_ffff);
  checkAmount("heartbeatInterval", options.heartbeatInterval, 1);
  if (options.heartbeatInterval >= options.sessionTimeout) {
    throw new RangeError(
      `'heartbeatInterval' must be less than 'sessionTimeout': current value is ${options.heartbeatInterval}`,
    );
  }
  checkChoice("layout", options.layout, layoutNames);
  checkChoice("compression", options.compression, compressions);
  checkChoice("groupProtocol", options.groupProtocol, groupProtocols);
  checkChoice("tests", options.tests, ["skip", "deliver"]);
  for (const [topic, layout] of Object.entries(options.layouts ?? {}))
    checkChoice(`layouts.${topic}`, layout, layoutNames);
  for (const name of ["namespace", "groupPrefix", "instance", "clientId"] as const) {
    const value: unknown = options[name];
    if (value === undefined || value === "") continue;
    if (typeof value !== "string" || !/^[A-Za-z0-9._-]{1,200}$/.test(value)) {
      throw new RangeError(`'${name}' must match [A-Za-z0-9._-]{1,200}: current value is ${describeValue(value)}`);
    }
  }
}

function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || (choices as readonly unknown[]).includes(value)) return;
  throw new RangeError(
    `'${name}' must be one of ${choices.map((each) => `"${each}"`).join(", ")}: current value is ${describeValue(value)}`,
  );
}

function numberOf(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}

/** Splits `kafka://host:9092,host2/?a=b`. A URL has one host, so this cannot be left to `URL`. */
function splitUrl(url: string): { readonly brokers: readonly BrokerAddress[]; readonly query: URLSearchParams } {
  const match = /^[a-z]+:\/\/([^/?#]*)\/?(?:\?([^#]*))?$/i.exec(url);
  if (match === null) throw new TypeError('A URL of Kafka must have the form "kafka://host:9092,host2:9092/?…"');
  const [, hosts = "", query = ""] = match;
  // A password in a URL ends up in logs, so none is taken, and this message does not repeat it.
  if (hosts.includes("@")) {
    throw new TypeError("A URL of Kafka must not hold a user or a password: use the option `sasl`, or `authFile`");
  }
  const brokers = hosts.split(",").filter(Boolean).map(addressOf);
  if (brokers.length === 0) throw new TypeError('A URL of Kafka must name a broker, as in "kafka://localhost:9092/"');
  return { brokers, query: new URLSearchParams(query) };
}

function addressOf(text: string): BrokerAddress {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(text);
  const port = Number(match?.[2] ?? 9092);
  if (match === null || port < 1 || port > 65_535) {
    throw new RangeError(`A broker must be given as host:port: current value is ${describeValue(text)}`);
  }
  return { host: match[1]!.replace(/^\[(.*)\]$/, "$1"), port };
}
