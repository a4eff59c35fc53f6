import { readFile, stat } from "node:fs/promises";
import { parse } from "smol-toml";
import { SluiceError } from "../../../src/model/errors.ts";
import { isRecord } from "../layouts/layout.ts";
import type { SaslMechanism, SaslOptions } from "./saslOptions.ts";

/** What one entry of the file says. */
export interface AuthEntry {
  readonly sasl: SaslOptions;
  readonly protocol: string;
  /** The authority to trust instead of those that the system does. */
  readonly caFile: string | undefined;
  readonly ca: string | undefined;
}

/**
 * Reads credentials from a file in the format of hop's `auth.toml`: `[[auth]]` tables with `username`, `password`,
 * `hostname`, `mechanism`, `protocol` and `ssl_ca_location`. An entry for one of the hosts counts more than one for any.
 *
 * @param path - The file. Nobody but its owner may have access to it.
 * @param hosts - The names of the brokers.
 * @throws SluiceError `ERR_UNAUTHORIZED` when the file can be read by others or has no entry that fits. No message holds a secret.
 */
export async function readAuthFile(path: string, hosts: readonly string[]): Promise<AuthEntry> {
  const { mode } = await stat(path).catch((cause: unknown) => {
    throw refused(path, "cannot be read", cause);
  });
  if ((mode & 0o077) !== 0) throw refused(path, "can be read by others: chmod 600 it");
  const entries = parseChecked(path, await readFile(path, "utf8"));
  const fitting = entries.find(({ hostname }) => hostname !== "" && hosts.includes(hostname.split(":")[0]!));
  const entry = fitting ?? entries.find(({ hostname }) => hostname === "");
  if (entry === undefined) throw refused(path, `has no entry for ${hosts.join(", ")}`);
  const caFile = entry.caFile === "" ? undefined : entry.caFile;
  return { ...entry, caFile, ca: caFile === undefined ? undefined : await readFile(caFile, "utf8") };
}

interface ParsedEntry {
  readonly hostname: string;
  readonly protocol: string;
  readonly caFile: string;
  readonly sasl: SaslOptions;
}

/** The entries of such a file. Older files have one entry, and no table around it. */
export function parseAuth(text: string): readonly ParsedEntry[] {
  const parsed = parse(text);
  const tables: readonly unknown[] = Array.isArray(parsed["auth"]) ? parsed["auth"] : [parsed["auth"] ?? parsed];
  return tables.filter(isRecord).map((table) => {
    const textAt = (name: string) => (typeof table[name] === "string" ? table[name] : undefined);
    const mechanism = (textAt("mechanism") ?? "SCRAM-SHA-512").replaceAll("_", "-").toUpperCase() as SaslMechanism;
    return {
      hostname: textAt("hostname") ?? "",
      protocol: (textAt("protocol") ?? "SASL_SSL").toUpperCase(),
      caFile: textAt("ssl_ca_location") ?? "",
      sasl: { mechanism, username: textAt("username"), password: textAt("password") },
    };
  });
}

function parseChecked(path: string, text: string): readonly ParsedEntry[] {
  try {
    return parseAuth(text);
  } catch {
    throw refused(path, "is not TOML"); // Without the cause, which would quote the line with the secret.
  }
}

function refused(path: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError("ERR_UNAUTHORIZED", `The file of credentials "${path}" ${why}`, { cause, details: { path } });
}
