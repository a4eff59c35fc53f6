/**
 * What was found when a partition was opened.
 *
 * - `clean`: everything that was ever stored is there.
 * - `tornTail`: what was being written when the process or the machine stopped was set aside. Nobody had been told that it is stored.
 * - `truncated`: the log ends, in good order, before an event that was on the disk. It takes no more events.
 * - `corrupt`: something that was on the disk cannot be read. It takes no more events; what is intact can be read.
 * - `wrongKey`: some of it is encrypted with a key that is not the one that was given, or that was not given. It takes no more events.
 * - `unknownVersion`: written by another version of the format. Nothing is read or written.
 */
export type RecoveryOutcome = "clean" | "tornTail" | "truncated" | "corrupt" | "wrongKey" | "unknownVersion";

/** Something that is not as it was written. */
export interface Damage {
  /** What kind of damage it is. */
  readonly outcome: RecoveryOutcome;
  /** The file, within the partition's directory. */
  readonly file: string;
  /** The first byte, and the one behind the last. */
  readonly offset: number;
  readonly end: number;
  /** The ids that cannot be read: from one, to the one behind the last. Equal when no event is lost. */
  readonly fromId: number;
  readonly toId: number;
  /** What is wrong, in words. */
  readonly reason: string;
}

/** What opening one partition has found and done. */
export interface RecoveryReport {
  readonly topic: string;
  readonly partition: number;
  readonly outcome: RecoveryOutcome;
  /** Whether it had been closed in good order. */
  readonly closed: boolean;
  /** The id behind the last event that can be read. */
  readonly end: number;
  readonly damage: readonly Damage[];
}

/** What has been found so far. The worst outcome stays. */
export class Finding {
  outcome: RecoveryOutcome = "clean";
  closed = false;
  readonly damage: Damage[] = [];

  worsen(outcome: "truncated" | "corrupt", damage: Omit<Damage, "outcome">): void {
    if (this.outcome !== "corrupt") this.outcome = outcome;
    this.damage.push({ outcome, ...damage });
  }

  /** What is encrypted with another key is as it was written, as far as anybody can tell. */
  hasWrongKey(damage: Omit<Damage, "outcome">): void {
    if (this.outcome === "clean" || this.outcome === "tornTail") this.outcome = "wrongKey";
    this.damage.push({ outcome: "wrongKey", ...damage });
  }

  /** Nothing can be said of what another version has written. */
  isUnknownVersion(damage: Omit<Damage, "outcome">): void {
    this.outcome = "unknownVersion";
    this.damage.push({ outcome: "unknownVersion", ...damage });
  }

  /** What was being written was set aside, and the log goes on without it. */
  wasTorn(damage: Omit<Damage, "outcome">): void {
    this.outcome = "tornTail";
    this.damage.push({ outcome: "tornTail", ...damage });
  }
}
