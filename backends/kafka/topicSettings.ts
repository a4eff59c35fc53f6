import type { TopicConfig } from "../../src/model/backend.ts";
import type { TopicSettings } from "./client/client.ts";

/** Bytes of a batch that a new topic takes, with room beyond what a producer puts into one. */
export const newTopicBatchBytes = 4 << 20;

const companionSuffix = ".sluice-data";

/** The topic that holds the chunks of another one's data. */
export function companionOf(topic: string): string {
  return `${topic}${companionSuffix}`;
}

/** Whether a topic is one that holds chunks. */
export function isCompanion(topic: string): boolean {
  return topic.endsWith(companionSuffix);
}

/** An hour in milliseconds: chunks are kept longer than what refers to them. */
export const chunkMargin = 3_600_000;

/** Milliseconds that the chunks of a batch may take until its record is sent, where chunks may be dropped by size. */
export const shortStoring = 300_000;

/** How a topic is set up in the cluster so that it drops what it may and nothing else. */
export function settingsOf(
  { retention = {} }: TopicConfig,
  holds: "events" | "chunks",
  { chunkBytes }: { readonly chunkBytes: number },
): TopicSettings {
  const { maxBytes, maxAge } = retention;
  const settings: Record<string, string> = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": String(holds === "events" ? newTopicBatchBytes : chunkBytes + 4096),
  };
  // Whole segments are dropped, so they have to be small beside what is to be kept.
  if (maxBytes !== undefined) settings["segment.bytes"] = String(clamp(maxBytes / 4, 1 << 20, 1 << 30));
  if (maxAge !== undefined) {
    const segment = clamp(maxAge / 4, 60_000, 604_800_000);
    settings["segment.ms"] = String(segment);
    // A record stays for as long as the youngest one of its segment, so its chunks have to stay for as much longer; and they may have
    // been stored half an hour before it, and it may say of itself that it is an hour younger than it is.
    settings["retention.ms"] = String(Math.ceil(maxAge) + (holds === "chunks" ? segment + 2 * chunkMargin : 0));
  }
  if (holds === "events") {
    if (maxBytes !== undefined) settings["retention.bytes"] = String(Math.ceil(maxBytes));
  } else {
    // By the time at which they came, and not by that of their events, which may be any.
    settings["message.timestamp.type"] = "LogAppendTime";
  }
  return settings;
}

function clamp(value: number, least: number, most: number): number {
  return Math.floor(Math.min(most, Math.max(least, value)));
}
