/** How a client proves who it is. */
export const mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] as const;

/** One of {@link mechanisms}. */
export type SaslMechanism = (typeof mechanisms)[number];

/** Who comes in, and how. Secrets may be given by functions, which are asked again for every connection. */
export interface SaslOptions {
  readonly mechanism: SaslMechanism;
  /** The name, for all but OAUTHBEARER. */
  readonly username?: string | undefined;
  /** The password, for all but OAUTHBEARER. */
  readonly password?: string | (() => string | Promise<string>) | undefined;
  /** The token, for OAUTHBEARER. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
}
