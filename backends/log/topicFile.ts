import type { TopicConfig } from "../../src/model/backend.ts";
import { crc32c } from "./crc32c.ts";
import { readFile, replaceFile, type Storage } from "./storage.ts";

/** A topic as it is stored. */
export interface StoredTopic {
  readonly version: 1;
  readonly name: string;
  readonly config: TopicConfig;
  readonly sealed: boolean;
}

const fileName = "topic.json";

/** Writes `topic.json`: a line of JSON, and a line with its CRC32C. After a crash it is the old one or the new one. */
export async function writeTopic(storage: Storage, directory: string, topic: StoredTopic): Promise<void> {
  const json = JSON.stringify(topic);
  const text = `${json}\n${checksumOf(json)}\n`;
  await replaceFile(storage, directory, fileName, new TextEncoder().encode(text));
}

/** Reads it; undefined when it is missing or is not what was written. */
export async function readTopic(storage: Storage, directory: string): Promise<StoredTopic | undefined> {
  const bytes = await readFile(storage, `${directory}/${fileName}`);
  if (bytes === undefined) return undefined;
  const [json = "", checksum] = new TextDecoder().decode(bytes).split("\n");
  return checksum === checksumOf(json) ? (JSON.parse(json) as StoredTopic) : undefined;
}

function checksumOf(json: string): string {
  return crc32c(new TextEncoder().encode(json)).toString(16).padStart(8, "0");
}
