import type { Wire } from "../protocol/wire.ts";

/** How a client proves who a service is, where it is not enough that a well-known authority does. Not in a browser. */
export interface ClientTls {
  /** Certificates of authorities to trust, as PEM, in place of the well-known ones. */
  readonly ca?: string | undefined;
  /** A certificate of the client's own, as PEM. */
  readonly cert?: string | undefined;
  /** The key of that certificate, as PEM. */
  readonly key?: string | undefined;
  /** The name that the service's certificate must have. @default the host of the URL */
  readonly servername?: string | undefined;
}

/** Opens a wire to an address. Rejects with `ERR_UNREACHABLE` or `ERR_REFUSED`. */
export type Dial = (address: string, tls: ClientTls | undefined) => Promise<Wire>;

/** The port of a service where a URL names none. */
export const defaultPort = 7411;
