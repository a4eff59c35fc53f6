import type { LogOptions } from "#log";
import { checkFunction } from "./model/check.ts";
import type { Backend } from "./model/backend.ts";
import { describeValue } from "./model/describeValue.ts";
import { SluiceError } from "./model/errors.ts";
import { Driver } from "./driver.ts";

/** Options for the backend that a URL names. Each backend says in its guide what it takes. */
export type ConnectOptions = Readonly<Record<string, unknown>>;

/**
 * Makes a backend for a URL of its scheme.
 *
 * @param url - The whole URL, as it was given.
 * @param options - What the caller gave beside it.
 */
export type BackendFactory = (url: string, options: ConnectOptions) => Backend | Promise<Backend>;

const service: BackendFactory = async (url, options) =>
  (await import("../backends/service/index.ts")).serviceBackend(url, options);

/** Each backend is loaded when a URL first asks for it, so that nobody pays for one that is not used. */
const factories = new Map<string, BackendFactory>([
  ["memory", async (url) => (await import("../backends/memory/index.ts")).memoryBackend(restOf(url))],
  ["kafka", async (url, options) => (await import("#kafka")).kafkaBackend(url, options)],
  ["log", async (url, options) => (await import("#log")).logBackend(restOf(url), options)],
  ["sluice", service],
  ["sluices", service],
  ["unix", service],
  ["ws", service],
  ["wss", service],
]);

/**
 * Connects to a backend.
 *
 * `memory:` is a store of its own in this process; `memory:name` is one that all drivers of the process share.
 * `sluice://host:port`, `sluices:`, `unix:`, `ws:` and `wss:` are a service, whose options are `ServiceOptions`.
 * `kafka://host:9092,host2/` is a cluster of Apache Kafka; its options are `KafkaConnectOptions`.
 * `log:./data` is a directory of the local disk, of which one process at a time is the owner; its options are `LogOptions`.
 *
 * @param url - Its scheme names the backend.
 * @param options - Options for the backend.
 * @returns The driver. Rejects with `ERR_UNKNOWN_SCHEME`, or with what the backend could not connect for.
 * @throws TypeError when the URL is not a string with a scheme (as a rejection).
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * console.log(driver.capabilities.durability); // memory
 * await driver.close();
 * ```
 */
export async function connect(url: `log:${string}`, options?: LogOptions): Promise<Driver>;
export async function connect(url: string, options?: ConnectOptions): Promise<Driver>;
export async function connect(url: string, options: object = {}): Promise<Driver> {
  return new Driver(await openBackend(url, options as ConnectOptions));
}

/**
 * Makes the backend of a URL without a driver, for what takes backends: a service that serves it, for one.
 *
 * @param url - As for {@link connect}.
 * @param options - As for {@link connect}.
 * @returns The backend, which is yours to close. Rejects as {@link connect} does.
 * @throws TypeError when the URL is not a string with a scheme (as a rejection).
 *
 * @example
 * ```ts
 * import { openBackend } from "sluice";
 * import { serve } from "sluice/backends/service/server";
 *
 * const backend = await openBackend("memory:");
 * const service = await serve({ backend, listeners: [{ tcp: { port: 0 } }] });
 * await service.close();
 * ```
 */
export async function openBackend(url: string, options: ConnectOptions = {}): Promise<Backend> {
  const scheme = schemeOf(url);
  const factory = factories.get(scheme);
  if (factory === undefined) throw unknownScheme(scheme);
  return factory(url, options);
}

/**
 * Adds a backend of your own under a scheme of its own.
 *
 * @param scheme - The part of a URL before the colon: lower-case letters, digits, `+`, `-` and `.`.
 * @param factory - Makes the backend.
 * @returns What takes the scheme back.
 * @throws TypeError or RangeError when an argument is wrong or the scheme is taken.
 *
 * @example
 * ```ts
 * import { connect, registerBackend } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 *
 * const unregister = registerBackend("mine", () => memoryBackend());
 * const driver = await connect("mine:anything");
 * await driver.close();
 * unregister();
 * ```
 */
export function registerBackend(scheme: string, factory: BackendFactory): () => void {
  checkFunction("factory", factory);
  if (typeof scheme !== "string")
    throw new TypeError(`'scheme' must be a string: current value is ${describeValue(scheme)}`);
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) {
    throw new RangeError(`'scheme' must match [a-z][a-z0-9+.-]*: current value is ${describeValue(scheme)}`);
  }
  if (factories.has(scheme))
    throw new RangeError(`'scheme' must not be taken: current value is ${describeValue(scheme)}`);
  factories.set(scheme, factory);
  return () => {
    if (factories.get(scheme) === factory) factories.delete(scheme);
  };
}

function schemeOf(url: string): string {
  if (typeof url !== "string") throw new TypeError(`'url' must be a string: current value is ${describeValue(url)}`);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1];
  if (scheme === undefined)
    throw new TypeError(`'url' must begin with a scheme, as in "memory:": current value is ${describeValue(url)}`);
  return scheme.toLowerCase();
}

function restOf(url: string): string {
  return url.slice(url.indexOf(":") + 1);
}

function unknownScheme(scheme: string): SluiceError {
  const known = [...factories.keys()];
  return new SluiceError(
    "ERR_UNKNOWN_SCHEME",
    `There is no backend for "${scheme}:". Known are ${known.map((each) => `"${each}:"`).join(", ")}; registerBackend adds another`,
    { details: { scheme, known } },
  );
}
