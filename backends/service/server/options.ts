import type { RequestListener } from "node:http";
import type { Backend } from "../../../src/model/backend.ts";
import { checkAmount, checkInteger } from "../../../src/model/check.ts";
import { describeValue } from "../../../src/model/describeValue.ts";
import { defaultPort } from "../transport/dial.ts";
import type { AccessRule, TokenEntry } from "./access.ts";

/** A listener for TCP, or for TLS when the service has a certificate. */
export interface TcpListener {
  /** Where to listen. */
  readonly tcp: {
    /** @default "127.0.0.1" */
    readonly host?: string | undefined;
    /** 0 takes a free one. @default 7411 */
    readonly port?: number | undefined;
  };
}

/** A listener for a Unix socket. Its file is readable and writable by its owner alone. */
export interface UnixListener {
  /** Where to listen. */
  readonly unix: {
    /** The path of the socket's file. A file that a dead process left is replaced. */
    readonly path: string;
  };
}

/** A listener for WebSocket, or for WebSocket over TLS when the service has a certificate. */
export interface WebSocketListener {
  /** Where to listen. */
  readonly websocket: {
    /** @default "127.0.0.1" */
    readonly host?: string | undefined;
    /** 0 takes a free one. @default 7412 */
    readonly port?: number | undefined;
    /** The only path that is served. @default "/" */
    readonly path?: string | undefined;
    /** Answers what is not an upgrade to WebSocket: a page, say. @default 404 */
    readonly request?: RequestListener | undefined;
  };
}

/** Where a service listens. */
export type Listener = TcpListener | UnixListener | WebSocketListener;

/** The certificate of a service, as PEM. */
export interface ServiceTls {
  /** The certificate, with those in between it and the authority behind it. */
  readonly cert: string;
  /** Its key. */
  readonly key: string;
  /** When given, a client must show a certificate of one of these authorities. */
  readonly ca?: string | undefined;
}

/** What a service grants at the most. */
export interface ServiceLimits {
  /** Connections in all. @default 20000 */
  readonly connections: number;
  /** Connections of one user. @default 20000 */
  readonly connectionsPerUser: number;
  /** Connections from one address. @default 20000 */
  readonly connectionsPerAddress: number;
  /** Requests of one connection that may be unanswered. @default 16384 */
  readonly streams: number;
  /** Milliseconds that a client may take to say who it is. @default 2000 */
  readonly handshake: number;
  /** Bytes of one topic that a connection may have unanswered when it begins another batch. @default 8 MiB */
  readonly topicWindow: number;
  /** Bytes that a connection may have unanswered when it begins another batch. @default 32 MiB */
  readonly window: number;
  /** Bytes of the largest batch. @default 256 MiB */
  readonly message: number;
  /** Bytes of answers that may wait for one connection before no more is read for it. @default 4 MiB */
  readonly queued: number;
  /** Bytes of unanswered batches of all connections, above which no connection is read from. @default 1 GiB */
  readonly bytes: number;
  /** Milliseconds for which a client may take nothing of what waits for it. @default 30000 */
  readonly stall: number;
  /** Bytes that one user may send in a second; more has to wait. @default no limit */
  readonly bytesPerSecondPerUser: number;
  /** Bytes that may come from one address in a second; more has to wait. @default no limit */
  readonly bytesPerSecondPerAddress: number;
}

/** Where a service writes what happens. A logger of pino is one. */
export interface ServiceLogger {
  /** What happened in the ordinary course. */
  info(facts: Readonly<Record<string, unknown>>, message: string): void;
  /** What somebody should look at. */
  warn(facts: Readonly<Record<string, unknown>>, message: string): void;
  /** What has failed. */
  error(facts: Readonly<Record<string, unknown>>, message: string): void;
}

/** What one of several processes has to know, where they share the partitions of a service. */
export interface ServiceRank {
  /** The number of this process, from 0. */
  readonly rank: number;
  /** What all processes of this run of the service have in common, and no other has. */
  readonly service: string;
  /** What this process has itself. Clients that know which partitions these are come straight to them. */
  readonly own: Backend;
  /** Where clients reach each process, by its rank. Asked each time that a client opens a topic. */
  readonly addresses: () => readonly (readonly string[])[];
}

/** What a service is made of. */
export interface ServeOptions {
  /** What is served. It stays the caller's: closing the service does not close it. */
  readonly backend: Backend;
  /** Where to listen. @default TCP on 127.0.0.1:7411 */
  readonly listeners?: readonly Listener[] | undefined;
  /** The service's certificate. Needed to listen beyond the machine itself. @default none */
  readonly tls?: ServiceTls | undefined;
  /** Who may connect. Needed to listen beyond the machine itself. @default everybody on this machine, as "local" */
  readonly tokens?: readonly TokenEntry[] | undefined;
  /** Who may do what. Needed with `tokens`. @default everything, for a service without tokens */
  readonly access?: readonly AccessRule[] | undefined;
  /** Origins of web pages that may connect, exactly as browsers send them. @default those of its own WebSocket listeners */
  readonly origins?: readonly string[] | undefined;
  /** What it grants at the most. */
  readonly limits?: Partial<ServiceLimits> | undefined;
  /** Milliseconds for which a client's leases outlive its connection. @default 10000 */
  readonly leaseTime?: number | undefined;
  /** Milliseconds of silence after which a client is asked whether it is there. @default 15000 */
  readonly heartbeat?: number | undefined;
  /** For one of several processes of a service. @default none: it is the only one */
  readonly rank?: ServiceRank | undefined;
  /** A file to write the addresses to, for clients. It is removed at the end. @default none */
  readonly groupFile?: string | undefined;
  /** Where to write what happens. @default nowhere */
  readonly logger?: ServiceLogger | undefined;
}

/** The options with their defaults. */
export interface CheckedOptions extends ServeOptions {
  readonly listeners: readonly Listener[];
  readonly limits: ServiceLimits;
  readonly leaseTime: number;
  readonly heartbeat: number;
  readonly logger: ServiceLogger;
}

const defaultLimits: ServiceLimits = {
  connections: 20_000,
  connectionsPerUser: 20_000,
  connectionsPerAddress: 20_000,
  streams: 16_384,
  handshake: 2000,
  topicWindow: 8 << 20,
  window: 32 << 20,
  message: 256 << 20,
  queued: 4 << 20,
  bytes: 1 << 30,
  stall: 30_000,
  bytesPerSecondPerUser: Number.MAX_SAFE_INTEGER,
  bytesPerSecondPerAddress: Number.MAX_SAFE_INTEGER,
};

const silent: ServiceLogger = { info: () => {}, warn: () => {}, error: () => {} };

/** Checks the options before anything is opened. @throws TypeError or RangeError with the current value. */
export function checkOptions(options: ServeOptions): CheckedOptions {
  const { backend, listeners = [{ tcp: { port: defaultPort } }], limits = {}, logger = silent } = options;
  const { leaseTime = 10_000, heartbeat = 15_000 } = options;
  if (typeof backend !== "object" || backend === null || typeof backend.openTopic !== "function") {
    throw new TypeError(`'backend' must be a backend: current value is ${describeValue(backend)}`);
  }
  if (!Array.isArray(listeners) || listeners.length === 0) {
    throw new TypeError(`'listeners' must be a list of at least one: current value is ${describeValue(listeners)}`);
  }
  checkAmount("leaseTime", leaseTime);
  checkAmount("heartbeat", heartbeat, 1);
  for (const name of Object.keys(limits)) {
    if (!(name in defaultLimits)) {
      throw new RangeError(
        `A limit must be one of ${Object.keys(defaultLimits).join(", ")}: current value is "${name}"`,
      );
    }
    checkInteger(`limits.${name}`, limits[name as keyof ServiceLimits], 1);
  }
  return { ...options, listeners, limits: { ...defaultLimits, ...limits }, leaseTime, heartbeat, logger };
}
