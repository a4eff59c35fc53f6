import { dial, readGroupFile } from "#dial";
import { defer, map, of, type Observable } from "rxjs";
import type { Backend, TopicConfig } from "../../src/model/backend.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { malformed } from "./protocol/bodyReader.ts";
import { ask } from "./client/ask.ts";
import { checkServiceOptions, type ServiceOptions } from "./client/clientOptions.ts";
import { RankLinks } from "./client/rankLinks.ts";
import { descriptionOf, RemoteTopic } from "./client/remoteTopic.ts";
import { ServiceClient } from "./client/serviceClient.ts";

export type { ServiceOptions } from "./client/clientOptions.ts";
export type { ClientTls } from "./transport/dial.ts";

/**
 * The service backend: topics that another process serves. It connects by TCP (`sluice://host:port`, `sluices://` with TLS),
 * by a Unix socket (`unix:/path`), by WebSocket (`ws://`, `wss://`; the only way for a web page), or to whatever a group file
 * names (`sluice:./sluice.json`).
 *
 * A connection that is lost is made again, with growing waits. What was on its way is sent again and stored once; consumers
 * go on where they were.
 *
 * @param url - Where the service is. Never with a token or password in it.
 * @param options - Who connects, and how patiently.
 * @returns The backend, once it is connected.
 * @throws SluiceError `ERR_UNREACHABLE` when nobody answers, `ERR_UNAUTHORIZED` when the token is not known, `ERR_REFUSED` when
 * the service takes no connection, `ERR_PROTOCOL` when it is no service, `ERR_UNSUPPORTED` in a browser for anything but WebSocket.
 * @throws TypeError or RangeError when the URL or an option is wrong.
 *
 * @example
 * ```ts
 * import { memoryBackend } from "sluice/backends/memory";
 * import { serviceBackend } from "sluice/backends/service";
 * import { serve } from "sluice/backends/service/server";
 *
 * const service = await serve({ backend: memoryBackend(), listeners: [{ websocket: { port: 0 } }] });
 * const backend = await serviceBackend(service.addresses[0]!);
 * console.log(backend.capabilities.durability); // memory
 * backend.close();
 * await service.close();
 * ```
 */
export async function serviceBackend(url: string, options: ServiceOptions = {}): Promise<Backend> {
  const checked = checkServiceOptions(options);
  assertNoSecret(url);
  assertAddress(url);
  const addresses =
    url.startsWith("sluice:") && !url.startsWith("sluice://")
      ? await readGroupFile(url.slice("sluice:".length))
      : [url];
  const client = new ServiceClient(addresses, checked, dial);
  try {
    await client.connect();
  } catch (error) {
    client.close();
    throw error;
  }
  // An address that a service tells may be somebody else's from here, through a tunnel say. TLS proves who it is; the group file and a
  // Unix socket are this machine's own.
  const mayShow = (address: string) =>
    options.token === undefined || /^(sluices|wss|unix):/.test(address) || addresses.includes(address);
  return backendOf(new RankLinks(client, (address) => new ServiceClient([address], checked, dial), mayShow));
}

function backendOf(links: RankLinks): Backend {
  const client = links.main;
  const known = new Map<string, RemoteTopic>();
  /** A topic is one object for as long as it is the same topic, so that opening it often takes up no handles. */
  const topicOf = (name: string) => (answer: unknown) => {
    const description = descriptionOf(answer);
    const topic = known.get(name);
    if (topic?.isAs(description) === true) return topic;
    const opened = new RemoteTopic(links, name, description);
    known.set(name, opened);
    return opened;
  };
  return {
    capabilities: client.capabilities,
    createTopic: (name, config) =>
      ask(client, { op: "create", topic: name, config: storable(config) }).pipe(map(topicOf(name))),
    openTopic: (name) => ask(client, { op: "open", topic: name }).pipe(map(topicOf(name))),
    listTopics: () => ask(client, { op: "list" }).pipe(map(namesOf)),
    deleteTopic: (name) => ask(client, { op: "delete", topic: name }).pipe(map(() => void known.delete(name))),
    close: (): Observable<void> => defer(() => of(links.close())),
  };
}

/** JSON knows no infinity, which means the same as nothing here. */
function storable({ retention, ...config }: TopicConfig): TopicConfig {
  if (retention === undefined) return config;
  const { maxBytes = Infinity, maxAge = Infinity, acknowledgedBy } = retention;
  return {
    ...config,
    retention: {
      ...(maxBytes !== Infinity && { maxBytes }),
      ...(maxAge !== Infinity && { maxAge }),
      ...(acknowledgedBy !== undefined && { acknowledgedBy }),
    },
  };
}

function namesOf(answer: unknown): readonly string[] {
  if (Array.isArray(answer) && answer.every((name) => typeof name === "string")) return answer;
  throw malformed("names that are none");
}

/** @throws TypeError when a URL cannot be connected to, whoever listens. */
function assertAddress(url: string): void {
  if (/^(sluices?|wss?):\/\//i.test(url)) {
    // Of schemes that it does not know URL takes an empty host too.
    if (URL.canParse(url.replace(/^[a-z]+:/i, "http:"))) return;
    throw new TypeError(
      `'url' must have a host and a port up to 65535, as in "sluice://localhost:7411": current value is "${url}"`,
    );
  }
  if (/^(sluice|unix):./i.test(url)) return;
  throw new TypeError(`'url' must name a host or a file, as in "sluice://localhost": current value is "${url}"`);
}

/** @throws TypeError when a URL has what may be a secret: URLs get into logs. */
function assertNoSecret(url: string): void {
  if (typeof url !== "string") throw new TypeError(`'url' must be a string: current value is ${describeValue(url)}`);
  if (/^(sluices?|wss?):\/\/[^/]*@/i.test(url) || /[?&#](token|access_token|key|password|secret)=/i.test(url)) {
    throw new TypeError("'url' must have no token or password in it: hand it in as the option 'token'");
  }
}
