import { HeadFile, type Head } from "../format/headFile.ts";
import type { Segment, SegmentEnd } from "../segments/segment.ts";
import type { Storage } from "../storage/storage.ts";

/** What was known of a partition when it was opened. */
export interface HeadKeeperOptions {
  readonly storage: Storage;
  readonly directory: string;
  /** The newest slot that could be read. */
  readonly head: Head | undefined;
  /** Oldest first. */
  readonly segments: readonly Segment[];
  /** Whether the head file says that the end is in good order. */
  readonly closed: boolean;
}

/** Keeps the head file of a partition in step with its newest segment. */
export class HeadKeeper {
  /** Which opening of the partition this is. */
  readonly epoch: number;
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #generation: number;
  #file: Promise<HeadFile> | undefined;
  #firstOrdinal: number;
  #isClean: boolean;

  constructor({ storage, directory, head, segments, closed }: HeadKeeperOptions) {
    this.#storage = storage;
    this.#directory = directory;
    this.epoch = Math.max(head?.epoch ?? 0, segments.at(-1)?.header.epoch ?? 0) + 1;
    this.#generation = head?.generation ?? 0;
    this.#firstOrdinal = head?.firstOrdinal ?? segments[0]?.header.ordinal ?? 0;
    this.#isClean = closed;
  }

  /** Whether the file says that the end is in good order. */
  get isClean(): boolean {
    return this.#isClean;
  }

  /** The oldest segment that was not dropped on purpose. */
  get firstOrdinal(): number {
    return this.#firstOrdinal;
  }

  /** From the next write on, segments in front of one are not missed any more. */
  dropBefore(ordinal: number): void {
    this.#firstOrdinal = ordinal;
  }

  /**
   * Writes and syncs how far a segment reaches.
   *
   * @param end - What is on the disk of it. What is not yet there must not be claimed to be.
   * @param order - `"clean"`: nothing will be written any more before `"open"` has been noted.
   */
  async write(live: Segment, end: SegmentEnd, order: "clean" | "open"): Promise<void> {
    const clean = order === "clean";
    await (await this.#opened()).write(this.#stateOf(live, end, end, clean));
    this.#isClean = clean;
  }

  /**
   * Tells readers in other processes how far a segment reaches. Nobody waits for it, and it is not synced.
   *
   * @param durable - What is on the disk of it.
   */
  publish(live: Segment, durable: SegmentEnd): void {
    const state = this.#stateOf(live, live.end, durable, false);
    this.#opened()
      .then((file) => file.publish(state))
      .catch(() => undefined); // What keeps it from being opened is told by `write`.
  }

  /** Resolves when readers can see all that was published. */
  async published(): Promise<void> {
    await (await this.#file?.catch(() => undefined))?.published();
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await (await this.#file?.catch(() => undefined))?.close();
  }

  #stateOf({ header }: Segment, end: SegmentEnd, durable: SegmentEnd, clean: boolean): Omit<Head, "generation"> {
    const { id, ordinal } = header;
    const [firstOrdinal, durableId] = [this.#firstOrdinal, durable.endId];
    return { clean, epoch: this.epoch, segmentId: id, ordinal, firstOrdinal, durableId, ...end };
  }

  /** The file, opened when it is first needed. The next one who needs it tries again when that fails. */
  #opened(): Promise<HeadFile> {
    if (this.#file === undefined) {
      this.#file = this.#open();
      this.#file.catch(() => (this.#file = undefined));
    }
    return this.#file;
  }

  async #open(): Promise<HeadFile> {
    const head = await HeadFile.open(this.#storage, `${this.#directory}/head`, this.#generation);
    await this.#storage.syncDirectory(this.#directory);
    return head;
  }
}
