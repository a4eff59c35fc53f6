import * as http from "node:http";
import * as https from "node:https";
import type { RequestOptions } from "node:https";
import { text } from "node:stream/consumers";
import type { SecureContextOptions as TlsOptions } from "node:tls";
import { isServiceUrl, driverOptions } from "../driverOptions.ts";
import { driverUrl } from "../driverUrl.ts";
import type { Invocation } from "../invocation.ts";
import { readGroupFile } from "./groupFile.ts";
import type { ServiceStatus } from "./serviceStatus.ts";

/** Milliseconds for an answer. */
const patience = 5000;

/**
 * What the service of a command says of itself, over HTTP at one of its WebSocket listeners.
 *
 * @returns Undefined when the backend is no service, or has no listener that could be asked, or does not tell this user.
 */
export async function statusOfService(invocation: Invocation): Promise<ServiceStatus | undefined> {
  const { globals, terminal } = invocation;
  const url = driverUrl(globals, terminal);
  if (!isServiceUrl(url)) return undefined;
  const address = (await addressesOf(url)).find((each) => /^wss?:/.test(each));
  if (address === undefined) return undefined;
  const { token, tls } = await driverOptions(url, await invocation.givenOptions(), terminal);
  const headers = typeof token === "string" ? { authorization: `Bearer ${token}` } : {};
  const at = new URL("/status", address.replace(/^ws/, "http"));
  try {
    return JSON.parse(await get(at, { headers, ...(tls as TlsOptions | undefined) })) as ServiceStatus;
  } catch {
    return undefined; // It may be gone; the connection that follows will say so.
  }
}

/** The body of an answer that is a success. The authority of a service may be one that `fetch` does not know. */
function get(url: URL, options: RequestOptions): Promise<string> {
  const signal = AbortSignal.timeout(patience);
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).get(
      url,
      { ...options, signal, agent: false },
      (answer) => {
        if (answer.statusCode === 200) text(answer).then(resolve, reject);
        else reject(new Error(`The service answers with ${answer.statusCode}`));
      },
    );
    request.on("error", reject);
  });
}

async function addressesOf(url: string): Promise<readonly string[]> {
  if (!url.startsWith("sluice:") || url.startsWith("sluice://")) return [url];
  const { members } = await readGroupFile(url.slice("sluice:".length));
  return members.flatMap(({ addresses }) => addresses);
}
