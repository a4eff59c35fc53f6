import { checkAmount } from "../../../src/model/check.ts";
import { describeValue } from "../../../src/model/describeValue.ts";
import type { ClientTls } from "../transport/dial.ts";

/** Options for a connection to a service. */
export interface ServiceOptions {
  /** Who connects: a token that the service knows, or what gets one each time that a connection is made. @default none */
  readonly token?: string | (() => string | PromiseLike<string>) | undefined;
  /** How the service proves who it is, for `sluices:` and `wss:`. Not in a browser. @default by a well-known authority */
  readonly tls?: ClientTls | undefined;
  /** Milliseconds that one attempt to connect may take. @default 5000 */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds without a connection after which what is waiting for one fails with `ERR_UNREACHABLE`. @default 60000 */
  readonly reconnectTimeout?: number | undefined;
  /** Milliseconds before the second attempt to connect again; each further one waits twice as long. @default 50 */
  readonly minDelay?: number | undefined;
  /** The longest wait between two attempts, in milliseconds. @default 5000 */
  readonly maxDelay?: number | undefined;
}

/** The options with their defaults. */
export interface CheckedServiceOptions {
  readonly token: () => Promise<string | undefined>;
  readonly tls: ClientTls | undefined;
  readonly connectTimeout: number;
  readonly reconnectTimeout: number;
  readonly minDelay: number;
  readonly maxDelay: number;
}

/** Checks the options before anything is opened. @throws TypeError or RangeError with the current value. */
export function checkServiceOptions(options: ServiceOptions): CheckedServiceOptions {
  const { token, tls, connectTimeout = 5000, reconnectTimeout = 60_000, minDelay = 50, maxDelay = 5000 } = options;
  if (token !== undefined && typeof token !== "string" && typeof token !== "function") {
    throw new TypeError(`'token' must be a string or a function: current value is of type ${typeof token}`); // Never the value.
  }
  if (tls !== undefined && (typeof tls !== "object" || tls === null)) {
    throw new TypeError(`'tls' must be an object: current value is ${describeValue(tls)}`);
  }
  checkAmount("connectTimeout", connectTimeout, 1);
  checkAmount("reconnectTimeout", reconnectTimeout);
  checkAmount("minDelay", minDelay);
  checkAmount("maxDelay", maxDelay, minDelay);
  const current = async () => (typeof token === "function" ? token() : token);
  return { token: current, tls, connectTimeout, reconnectTimeout, minDelay, maxDelay };
}
