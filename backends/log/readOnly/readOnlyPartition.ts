import { catchError, defer, from, mergeMap, Observable, type ObservableInput } from "rxjs";
import type { BackendPartition, ReadLimits } from "../../../src/model/backend.ts";
import type { Appended, DataRead, StoredBatch } from "../../../src/model/batch.ts";
import { isSluiceError, type SluiceError } from "../../../src/model/errors.ts";
import type { PartitionBounds } from "../../../src/model/partition.ts";
import type { Keys } from "../encryption/keys.ts";
import { readOnly } from "../logErrors.ts";
import { SegmentReads } from "../read/segmentReads.ts";
import { codeOf, type Storage } from "../storage/storage.ts";
import { ChangeWatch } from "./changeWatch.ts";
import { FollowedSegments } from "./followedSegments.ts";

/** How often a read is tried when files are dropped while they are opened. */
const maxAttempts = 10;

/** What a partition is told by its topic. */
export interface ReadOnlyPartitionOptions {
  readonly storage: Storage;
  readonly keys: Keys;
  readonly directory: string;
  readonly index: number;
  /** Called when a read begins to wait, and when it has ended. */
  readonly waiting: (change: 1 | -1) => void;
}

/** One partition that another process may be writing. */
export class ReadOnlyPartition implements BackendPartition {
  readonly index: number;
  readonly #options: ReadOnlyPartitionOptions;
  readonly #followed: FollowedSegments;
  readonly #reads: SegmentReads;
  readonly #watch: ChangeWatch;
  #waiting = 0;
  #isEnded = false;
  #gone: SluiceError | undefined;
  /** The look at the disk that is under way, and the one that follows it. */
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: ReadOnlyPartitionOptions) {
    const { storage, keys, directory, index } = options;
    this.index = index;
    this.#options = options;
    this.#followed = new FollowedSegments(storage, directory, keys);
    this.#reads = new SegmentReads({
      partition: index,
      directory,
      segments: () => this.#followed.segments,
      end: () => this.#followed.end,
      isEnded: () => this.#isEnded,
      gone: () => this.#gone,
    });
    this.#watch = new ChangeWatch(storage, directory, () => void this.refresh().catch(() => undefined));
  }

  append(): Observable<Appended> {
    return defer((): never => {
      throw readOnly("store events");
    });
  }

  nextSequence(): Observable<number> {
    return defer((): never => {
      throw readOnly("continue a producer");
    });
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#retrying(() => this.#waitingFor(position, limits));
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return this.#retrying(() => this.#reads.fetch(reads));
  }

  bounds(): Observable<PartitionBounds> {
    return defer(async () => {
      await this.refresh();
      if (this.#gone !== undefined) throw this.#gone;
      return { start: this.#reads.start, end: this.#followed.end, sealed: this.#isEnded };
    });
  }

  find(time: number): Observable<number> {
    return this.#retrying(() => from(this.refresh()).pipe(mergeMap(() => this.#reads.find(time))));
  }

  /** Takes in what was stored until now. Looks that are asked for while one is under way are one look. */
  refresh(): Promise<void> {
    if (this.#gone !== undefined) return Promise.resolve();
    if (this.#looking === undefined) return (this.#looking = this.#look());
    this.#next ??= this.#looking
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return (this.#looking = this.#look());
      });
    return this.#next;
  }

  /** Nothing is stored any more. */
  async seal(): Promise<void> {
    if (this.#isEnded) return;
    await this.refresh();
    this.#isEnded = true;
    this.#reads.wake();
  }

  /** Ends every read, refuses every further call with one error, and lets go of all files. */
  async close(error: SluiceError): Promise<void> {
    this.#gone ??= error;
    this.#watch.stop();
    this.#reads.wake();
    await this.#next?.catch(() => undefined);
    await this.#looking?.catch(() => undefined);
    await this.#reads.close();
    await this.#followed.close();
  }

  async #look(): Promise<void> {
    try {
      await this.#followed.refresh();
    } finally {
      this.#looking = undefined;
    }
    this.#reads.wake();
  }

  /** A read that is answered at once, or keeps looking until it can be. */
  #waitingFor(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return new Observable((subscriber) => {
      this.#wait(1);
      subscriber.add(() => this.#wait(-1));
      subscriber.add(this.#reads.read(position, limits).subscribe(subscriber));
      if (!subscriber.closed && position >= this.#followed.end)
        this.refresh().catch((error: unknown) => subscriber.error(error));
    });
  }

  #wait(change: 1 | -1): void {
    this.#waiting += change;
    this.#options.waiting(change);
    if (this.#waiting === 0) this.#watch.stop();
    else if (this.#gone === undefined) this.#watch.start();
  }

  async #reload(): Promise<void> {
    await this.#reads.forgetReplaced();
    for (const segment of await this.#followed.reload()) this.#reads.replaced(segment);
  }

  /**
   * Files may have been dropped or replaced since they were opened. What fails with them is tried once more with new ones, and
   * again where a file is dropped once more before it has been read.
   */
  #retrying<T>(call: () => ObservableInput<T>, attempt = 1): Observable<T> {
    return defer(call).pipe(
      catchError((error: unknown) => {
        const isLast = attempt >= (codeOf(error) === "ENOENT" ? maxAttempts : 2);
        if (isLast || this.#gone !== undefined) throw error;
        if (isSluiceError(error, "ERR_UNSUPPORTED") || isSluiceError(error, "ERR_KEY")) throw error;
        return from(this.#reload()).pipe(mergeMap(() => this.#retrying(call, attempt + 1)));
      }),
    );
  }
}
