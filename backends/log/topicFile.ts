import type { TopicConfig } from "../../src/model/backend.ts";
import { unknownVersion } from "./logErrors.ts";
import { crc32c } from "./format/crc32c.ts";
import { readFile, replaceFile, type Storage } from "./storage/storage.ts";

/** A topic as it is stored. */
export interface StoredTopic {
  readonly version: number;
  readonly name: string;
  readonly config: TopicConfig;
  readonly sealed: boolean;
}

const fileName = "topic.json";

/** Makes the directory of a topic below another one. It is there whole or not at all. */
export async function makeTopic(storage: Storage, above: string, directory: string, topic: StoredTopic): Promise<void> {
  await storage.makeDirectory(`${directory}.new`);
  await writeTopic(storage, `${directory}.new`, topic);
  await storage.rename(`${directory}.new`, directory);
  await storage.syncDirectory(above);
}

/** Writes `topic.json`. After a crash it is the old one or the new one. */
export async function writeTopic(storage: Storage, directory: string, topic: StoredTopic): Promise<void> {
  await replaceFile(storage, directory, fileName, encodeTopic(topic));
}

/** Reads it; undefined when it is missing or is not what was written. */
export async function readTopic(storage: Storage, directory: string): Promise<StoredTopic | undefined> {
  const bytes = await readFile(storage, `${directory}/${fileName}`);
  return bytes && decodeTopic(bytes);
}

/** A line of JSON, and a line with its CRC32C. */
export function encodeTopic(topic: StoredTopic): Uint8Array {
  const json = JSON.stringify(topic);
  return new TextEncoder().encode(`${json}\n${checksumOf(json)}\n`);
}

/** Reads them; undefined when they are not what was written. */
export function decodeTopic(bytes: Uint8Array): StoredTopic | undefined {
  const [json = "", checksum] = new TextDecoder().decode(bytes).split("\n");
  if (checksum !== checksumOf(json)) return undefined;
  try {
    return JSON.parse(json) as StoredTopic;
  } catch {
    return undefined; // The checksum was right and the content is not: as good as no file.
  }
}

/** Refuses a topic that another version of the format has written. */
export function assertKnownVersion({ name, version }: StoredTopic): void {
  if (version !== 1) throw unknownVersion(`Topic "${name}"`, version, 1);
}

function checksumOf(json: string): string {
  return crc32c(new TextEncoder().encode(json)).toString(16).padStart(8, "0");
}
