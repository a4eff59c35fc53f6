import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CommandError } from "./commandError.ts";
import { isObject, type JsonObject, type JsonValue } from "./dottedOptions.ts";
import { checkKeys } from "./checkKeys.ts";

/** What a log takes in place of the names of keys and of their directory. */
export interface LogEncryption {
  /** The id of the key that new files are encrypted with. */
  readonly keyId: string;
  /** Reads the key of an id. */
  readonly key: (id: string) => Promise<Uint8Array | undefined>;
}

/**
 * The options of a log with its keys read of files: `{ encryption: { keyId, keys } }` names a directory that has one file for each
 * key, `<id>.key`, with 32 bytes as 64 hexadecimal digits. The keys themselves are never in a configuration or command line.
 *
 * @param options - As they were given.
 * @param cwd - What the directory is relative to.
 * @throws CommandError when they are not of this form.
 */
export function logOptions({ encryption, ...options }: JsonObject, cwd: string): Readonly<Record<string, unknown>> {
  checkKeys("the options of a log", options, ["durability", "segmentBytes", "mode", "encryption"]);
  return encryption === undefined ? options : { ...options, encryption: encryptionOf(encryption, cwd) };
}

function encryptionOf(given: JsonValue, cwd: string): LogEncryption {
  if (!isObject(given)) throw new CommandError("encryption must be a table with keyId and keys");
  checkKeys("encryption", given, ["keyId", "keys"]);
  const { keyId, keys } = given;
  if (typeof keyId !== "string" || typeof keys !== "string") {
    throw new CommandError("encryption needs keyId, the name of a key, and keys, the directory of the keys");
  }
  const root = resolve(cwd, keys);
  return { keyId, key: (id) => readKey(root, id) };
}

async function readKey(root: string, id: string): Promise<Uint8Array | undefined> {
  // Ids of older keys come out of the files of the log.
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(id)) return undefined;
  const path = join(root, `${id}.key`);
  let text: string;
  try {
    if (process.platform !== "win32" && ((await stat(path)).mode & 0o077) !== 0) {
      throw new CommandError(`The key file ${path} can be read by others`, {
        exit: "denied",
        hint: `chmod 600 ${path}`,
      });
    }
    text = (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new CommandError(`The key file ${path} must have 64 hexadecimal digits`);
  return Uint8Array.from(Buffer.from(text, "hex"));
}
