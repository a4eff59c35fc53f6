import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkKeys } from "./checkKeys.ts";
import { CommandError } from "./commandError.ts";
import { isObject, type JsonObject } from "./dottedOptions.ts";
import { logOptions } from "./logKeys.ts";
import { systemMessage } from "./systemMessage.ts";
import type { Terminal } from "./terminal.ts";

const serviceKeys = ["token", "tokenFile", "tls", "connectTimeout", "reconnectTimeout", "minDelay", "maxDelay"];

const serviceSchemes = /^(sluices?|unix|wss?):/;

/** Whether a URL is that of a service. */
export function isServiceUrl(url: string): boolean {
  return serviceSchemes.test(url);
}

/**
 * The options for a backend, with the keys of a log and the certificates under `tls` read of their files, and the token for a service
 * out of `SLUICE_TOKEN` or the file that `tokenFile` names. The command line has neither: every user of a machine can read it.
 *
 * @param url - The URL of the backend.
 * @param options - As they were given.
 * @throws CommandError when the file cannot be read.
 */
export async function driverOptions(
  url: string,
  { tokenFile, ...given }: JsonObject,
  { env, cwd }: Pick<Terminal, "env" | "cwd">,
): Promise<Readonly<Record<string, unknown>>> {
  if (url.startsWith("log:")) return logOptions(given, cwd);
  const options = { ...given, ...(isObject(given["tls"]) && { tls: await readTlsFiles(given["tls"], cwd) }) };
  if (!isServiceUrl(url)) return tokenFile === undefined ? options : { ...options, tokenFile };
  checkKeys("the options of a service", options, serviceKeys);
  if (typeof tokenFile === "string") return { ...options, token: await readToken(resolve(cwd, tokenFile)) };
  const token = env["SLUICE_TOKEN"];
  return token === undefined || token === "" || "token" in options ? options : { ...options, token };
}

/**
 * Refuses a secret on the command line, wherever it stands among the options of a backend.
 *
 * @param group - The first word of the dotted options: `driver`.
 * @param dotted - What they said.
 * @throws CommandError that names the option, and not the secret.
 */
export function refuseSecrets(group: string, dotted: JsonObject): void {
  for (const [key, value] of Object.entries(dotted)) {
    const name = `${group}.${key}`;
    if (isObject(value)) refuseSecrets(name, value);
    else if (secrets.includes(key) || (key === "key" && typeof value === "string" && isPem(value))) {
      throw new CommandError(`--${name} would show the ${key} to every user of this machine`, {
        hint: "set SLUICE_TOKEN, give --driver.tokenFile, or use --driver-config",
      });
    }
  }
}

/** Options that are secret, on whatever level. */
const secrets: readonly string[] = ["token", "password", "secret", "secretAccessKey", "sessionToken", "passphrase"];

/** The files under `tls`: PEM itself may stand there too. */
async function readTlsFiles(tls: JsonObject, cwd: string): Promise<JsonObject> {
  const read = Object.entries(tls).map(async ([key, value]) => {
    const isFile = ["ca", "cert", "key"].includes(key) && typeof value === "string" && !isPem(value);
    return [key, isFile ? await readPem(resolve(cwd, value)) : value] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

function isPem(text: string): boolean {
  return text.includes("-----BEGIN");
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new CommandError(`${path} cannot be read: ${systemMessage(cause) ?? (cause as Error).message}`, {
      exit: "notFound",
      cause,
    });
  }
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (cause) {
    throw new CommandError(`The token file ${path} cannot be read`, { exit: "notFound", cause });
  }
}
