import type { ConnectionOptions } from "@platformatic/kafka";
import { describeValue } from "../../../src/model/describeValue.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { readAuthFile } from "./authFile.ts";
import { mechanisms, type SaslMechanism, type SaslOptions } from "./saslOptions.ts";

/** What decides about security. */
export interface SecurityOptions {
  readonly tls?: ConnectionOptions["tls"] | undefined;
  readonly sasl?: SaslOptions | undefined;
  readonly authFile?: string | undefined;
  /** The names of the brokers, to find the entry of a file that is meant for them. */
  readonly hosts: readonly string[];
}

/** Who comes in, and over what. */
export interface Security {
  readonly tls: ConnectionOptions["tls"];
  readonly sasl: SaslOptions | undefined;
}

/**
 * Finds out who comes in: the option `sasl`, else the file, else the environment (`SLUICE_KAFKA_USERNAME`,
 * `SLUICE_KAFKA_PASSWORD`, `SLUICE_KAFKA_TOKEN`, `SLUICE_KAFKA_MECHANISM`), else nobody.
 */
export async function securityOf(
  { tls, sasl, authFile, hosts }: SecurityOptions,
  environment: NodeJS.ProcessEnv,
): Promise<Security> {
  if (sasl !== undefined) return { tls, sasl: checkSasl(sasl) };
  if (authFile !== undefined) {
    const entry = await readAuthFile(authFile, hosts);
    const safe = entry.protocol !== "SASL_PLAINTEXT" || tls !== undefined;
    return {
      tls: safe ? (tls ?? (entry.caFile === undefined ? {} : { ca: entry.ca })) : undefined,
      sasl: checkSasl(entry.sasl),
    };
  }
  const { SLUICE_KAFKA_USERNAME, SLUICE_KAFKA_PASSWORD, SLUICE_KAFKA_TOKEN, SLUICE_KAFKA_MECHANISM } = environment;
  if (SLUICE_KAFKA_TOKEN !== undefined) {
    return { tls, sasl: checkSasl({ mechanism: "OAUTHBEARER", token: SLUICE_KAFKA_TOKEN }) };
  }
  if (SLUICE_KAFKA_USERNAME === undefined) return { tls, sasl: undefined };
  const mechanism = (SLUICE_KAFKA_MECHANISM ?? "SCRAM-SHA-512") as SaslMechanism;
  return { tls, sasl: checkSasl({ mechanism, username: SLUICE_KAFKA_USERNAME, password: SLUICE_KAFKA_PASSWORD }) };
}

function checkSasl(sasl: SaslOptions): SaslOptions {
  const { mechanism, username, password, token } = sasl;
  if (!(mechanisms as readonly unknown[]).includes(mechanism)) {
    throw new RangeError(
      `'sasl.mechanism' must be one of ${mechanisms.join(", ")}: current value is ${describeValue(mechanism)}`,
    );
  }
  const missing =
    mechanism === "OAUTHBEARER"
      ? token === undefined && "token"
      : (username === undefined && "username") || (password === undefined && "password");
  if (missing)
    throw new SluiceError("ERR_UNAUTHORIZED", `SASL ${mechanism} needs a ${missing}`, { details: { missing } });
  return sasl;
}
