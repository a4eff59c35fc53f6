import type { SluiceError } from "../../../src/model/errors.ts";
import type { StorableBatch } from "../format/storableBatch.ts";

/** Bytes of one commit at the most, unless a single batch is larger. */
const maxCommitBytes = 16 << 20;

/** A batch that waits to be written. Without a batch it is an answer that waits for those in front of it. */
export interface PendingBatch {
  readonly batch: StorableBatch | undefined;
  readonly firstId: number;
  readonly durability: "disk" | "os";
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
}

/** What is done with what has gathered. */
export interface CommitQueueOptions<W> {
  /** Stores some batches. Resolves when they are as safe as the first of them was to be. */
  readonly commit: (taken: readonly PendingBatch[], durability: "disk" | "os") => Promise<W>;
  /** Told of what was stored, before whoever appended it is answered. */
  readonly committed: (written: W) => void;
  /** Told when nothing waits any more. */
  readonly rested: () => void;
  /** Makes the error that everybody gets, once a commit has failed. */
  readonly failed: (cause: unknown) => SluiceError;
}

/**
 * Group commit: one commit is in flight at a time, and whatever is appended meanwhile joins the next one. With nothing in
 * flight a commit begins within the call of `append`: its caller may keep the event loop busy for a while.
 */
export class CommitQueue<W> {
  readonly #options: CommitQueueOptions<W>;
  #pending: PendingBatch[] = [];
  #inFlight: readonly PendingBatch[] = [];
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(options: CommitQueueOptions<W>) {
    this.#options = options;
  }

  /** Whether something is being written. */
  get isBusy(): boolean {
    return this.#isRunning;
  }

  /** Takes a batch. */
  append(pending: PendingBatch): void {
    this.#pending.push(pending);
    if (!this.#isRunning) this.#running = this.#run();
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    while (this.#isRunning) await this.#running;
  }

  /** Answers everybody who waits with an error. */
  fail(error: SluiceError): void {
    const refused = [...this.#inFlight, ...this.#pending];
    this.#inFlight = [];
    this.#pending = [];
    for (const { failed } of refused) failed(error);
  }

  async #run(): Promise<void> {
    const { commit, committed, rested, failed } = this.#options;
    this.#isRunning = true;
    try {
      let taken = this.#take();
      let commiting = commit(taken, taken[0]!.durability);
      for (;;) {
        const written = await commiting;
        const answered = taken;
        this.#inFlight = [];
        committed(written);
        // What gathered meanwhile is on its way before anybody is answered, so that the disk has something to do.
        const hasMore = this.#pending.length > 0;
        if (hasMore) {
          taken = this.#take();
          commiting = commit(taken, taken[0]!.durability);
          commiting.catch(() => undefined); // It is awaited above, one answer later.
        }
        for (const { stored } of answered) stored();
        if (hasMore) continue;
        if (this.#pending.length === 0) {
          rested();
          break;
        }
        taken = this.#take();
        commiting = commit(taken, taken[0]!.durability);
      }
    } catch (error) {
      this.fail(failed(error));
    }
    this.#isRunning = false;
  }

  /**
   * What is written together. Those who need no sync and have nobody in front of them who does are not made to wait for
   * one; everybody else shares the next.
   */
  #take(): readonly PendingBatch[] {
    let bytes = 0;
    let count = 0;
    const isSynced = this.#pending[0]!.durability === "disk";
    for (const { batch, durability } of this.#pending) {
      if (!isSynced && durability === "disk") break;
      bytes += batch === undefined ? 0 : batch.metadata.length + (batch.dataEnds?.[batch.count - 1] ?? 0);
      if (count > 0 && bytes > maxCommitBytes) break;
      count++;
    }
    const taken = count === this.#pending.length ? this.#pending : this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    this.#inFlight = taken;
    return taken;
  }
}
