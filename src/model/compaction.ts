import { describeValue } from "./describeValue.ts";
import { SluiceError } from "./errors.ts";
import { parsePointer, readPointer, toPointer } from "./jsonPointer.ts";

/**
 * Keeps the newest event of each key: an older one may go as soon as a newer one of the same key is stored. So a topic
 * holds the state of everything that has a key, and a consumer that reads it from the start ends with that state.
 */
export interface Compaction {
  /** Where the key is in the metadata: a JSON pointer (`"/sensor/id"`), or the name of a field (`"sensor"`). */
  readonly key: string;
  /**
   * Where an event says that its key is gone: a JSON pointer, or the name of a field that is true then. Such a tombstone removes
   * the events of its key, and is itself removed after `tombstoneAge`. @default no event does
   */
  readonly tombstone?: string | undefined;
  /** Milliseconds that a tombstone stays at the least, so that consumers learn of it. @default 86400000 */
  readonly tombstoneAge?: number | undefined;
}

/** The keys of a batch of a topic that is compacted. */
export interface BatchKeys {
  /** The key of each event. */
  readonly keys: readonly string[];
  /** 1 for each event that says that its key is gone. */
  readonly tombstones: Uint8Array;
}

/** How long a tombstone stays where nothing else is said. @internal */
export const defaultTombstoneAge = 86_400_000;

/** The key of an event of a topic that is compacted. */
export interface KeyOfEvent {
  /** The key. */
  readonly key: string;
  /** Whether it says that its key is gone. */
  readonly isTombstone: boolean;
}

/**
 * Makes what reads the keys of events, for a topic that is compacted.
 *
 * @throws SluiceError `ERR_INVALID_METADATA`, when it is called for an event without a key: it could never be removed.
 * @internal
 */
export function keyReader({ key, tombstone }: Compaction): (metadata: unknown) => KeyOfEvent {
  const path = parsePointer(key);
  const gone = tombstone === undefined ? undefined : parsePointer(tombstone);
  return (metadata) => {
    const value = readPointer(metadata, path);
    const isTombstone = gone !== undefined && readPointer(metadata, gone) === true;
    if (typeof value === "string") return { key: value, isTombstone };
    if (typeof value === "boolean" || Number.isFinite(value)) return { key: JSON.stringify(value), isTombstone };
    const pointer = toPointer(path);
    throw new SluiceError(
      "ERR_INVALID_METADATA",
      `The key at ${pointer === "" ? "the root" : pointer} must be a string, a finite number or a boolean, since the topic is compacted: current value is ${describeValue(value)}`,
      { details: { path: pointer, rule: "compaction" } },
    );
  };
}
