import type { Damage, RecoveryOutcome } from "../recovery/recoveryReport.ts";

/** What `verifyLog` has found in a directory. */
export interface LogReport {
  /** The directory. */
  readonly directory: string;
  /** The worst that was found. */
  readonly outcome: RecoveryOutcome;
  /** The process that has the directory open for writing; undefined when there is none. */
  readonly inUseBy: number | undefined;
  /** The topics, in the order of their names. */
  readonly topics: readonly TopicReport[];
  /** Directories of topics whose `topic.json` cannot be read, as file names below `topics/`. */
  readonly unreadable: readonly string[];
  /** What a repair would have to accept: nothing when it is empty. */
  readonly losses: readonly Loss[];
}

/** What was found of one topic. */
export interface TopicReport {
  /** Its name. */
  readonly topic: string;
  /** Its directory, as a file name below `topics/`. */
  readonly directory: string;
  /** The worst of its partitions and its cursors. */
  readonly outcome: RecoveryOutcome;
  /** Whether it takes no more events. */
  readonly sealed: boolean;
  /** Its partitions, by their number. */
  readonly partitions: readonly PartitionReport[];
  /** What its consumers have acknowledged. */
  readonly cursors: CursorsReport;
}

/** What was found of one partition. */
export interface PartitionReport {
  /** Its number. */
  readonly partition: number;
  /** The worst that was found. */
  readonly outcome: RecoveryOutcome;
  /** The id of the first event, and the one behind the last that is known to have been there. */
  readonly fromId: number;
  readonly toId: number;
  /** Its segments, oldest first. */
  readonly segments: readonly SegmentReport[];
  /** Everything that is not as it was written. */
  readonly damage: readonly Damage[];
  /** Ids that cannot be read: from one, to the one behind the last. */
  readonly lost: readonly { readonly fromId: number; readonly toId: number }[];
}

/** What was found in one segment, all of it read and every checksum compared. */
export interface SegmentReport {
  /** Its name within the partition's directory. */
  readonly file: string;
  /** The id of its first event, and the one behind its last. */
  readonly fromId: number;
  readonly toId: number;
  /** How many batches and events can be read. */
  readonly batches: number;
  readonly events: number;
  /** Bytes of metadata, and of data. */
  readonly metadataBytes: number;
  readonly dataBytes: number;
  /** Bytes of header and batches. */
  readonly length: number;
  /** The id of the key that it is encrypted with; undefined when it is not. */
  readonly keyId: string | undefined;
}

/** What was found of the cursors of a topic. */
export interface CursorsReport {
  /** The worst that was found. */
  readonly outcome: RecoveryOutcome;
  /** The acknowledged position of each consumer in each partition. */
  readonly positions: Readonly<Record<string, readonly (number | undefined)[]>>;
  /** Records that cannot be read. */
  readonly damage: readonly Damage[];
}

/**
 * Something that is gone, and that a repair goes on without: events, by their ids; records of what consumers have
 * acknowledged, so that some events may be delivered again; or a whole topic whose description cannot be read.
 */
export type Loss =
  | {
      readonly kind: "events";
      readonly topic: string;
      readonly partition: number;
      readonly fromId: number;
      /** The id behind the last one. */
      readonly toId: number;
    }
  | { readonly kind: "cursors"; readonly topic: string }
  | { readonly kind: "topic"; readonly directory: string };

const order: readonly RecoveryOutcome[] = ["clean", "tornTail", "truncated", "wrongKey", "corrupt", "unknownVersion"];

/** The worst of several outcomes; `clean` when there are none. */
export function worstOf(outcomes: Iterable<RecoveryOutcome>): RecoveryOutcome {
  let worst: RecoveryOutcome = "clean";
  for (const outcome of outcomes) if (order.indexOf(outcome) > order.indexOf(worst)) worst = outcome;
  return worst;
}
