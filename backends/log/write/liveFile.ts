import { settleAll } from "../../../src/model/settleAll.ts";
import { encodeSegmentHeader, segmentHeaderSize } from "../format/segmentHeader.ts";
import { segmentName, type Segment } from "../segments/segment.ts";
import { writeAll, type Storage, type StorageFile } from "../storage/storage.ts";
import { WriteAhead } from "./writeAhead.ts";

/** The file of the newest segment, open to be written. */
export class LiveFile {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #file: StorageFile;
  readonly #ahead: WriteAhead;
  /** The same file, opened a second time: what is written here is on the disk when the call returns. */
  #through: StorageFile | undefined;
  /** Whether something was written that nothing has synced. */
  #isBehind = false;

  private constructor(storage: Storage, path: string, file: StorageFile, position: number, segmentBytes: number) {
    this.#storage = storage;
    this.#path = path;
    this.#file = file;
    this.#ahead = new WriteAhead(file, position, segmentBytes);
  }

  /** Opens the file of a segment that there is. */
  static async open(storage: Storage, segment: Segment, segmentBytes: number): Promise<LiveFile> {
    const file = await storage.open(segment.path, "write");
    return new LiveFile(storage, segment.path, file, segment.length, segmentBytes);
  }

  /**
   * Makes the file of a new segment. After a crash it is there with its header, or not at all.
   *
   * @param sealed - What has to be done before it gets its name. It goes on at the same time.
   */
  static async create(
    storage: Storage,
    directory: string,
    segment: Segment,
    segmentBytes: number,
    sealed: Promise<void>,
  ): Promise<LiveFile> {
    const temporary = `${directory}/${segmentName(segment.header.ordinal)}.new`;
    const file = await storage.open(temporary, "create").catch(async (error: unknown) => {
      await sealed.catch(() => undefined); // It may still be writing, and the log may be closed as soon as this has failed.
      throw error;
    });
    try {
      await settleAll([writeHeader(file, segment), sealed]);
      await storage.rename(temporary, segment.path);
      await storage.syncDirectory(directory);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    return new LiveFile(storage, segment.path, file, segmentHeaderSize, segmentBytes);
  }

  /**
   * Writes at a position. Resolves when the system has it, or when it is on the disk with everything in front of it.
   *
   * @param end - Behind the last byte.
   */
  async write(parts: readonly Uint8Array[], position: number, end: number, durability: "disk" | "os"): Promise<void> {
    const zeros = this.#ahead.inTheWay(end);
    if (zeros !== undefined) await zeros; // Nothing is waited for without need: the write begins within the call.
    if (durability === "os" || this.#isBehind) {
      this.#isBehind = true;
      await writeAll(this.#file, parts, position);
      if (durability === "disk") await this.sync();
    } else {
      this.#through ??= await this.#storage.open(this.#path, "writeThrough");
      await writeAll(this.#through, parts, position);
    }
  }

  /** Resolves when everything that was written is on the disk. */
  async sync(): Promise<void> {
    if (!this.#isBehind) return;
    await this.#ahead.synced(); // The system tells a failure once, so the sync of zeros may have heard of that of an event.
    await this.#file.sync();
    this.#isBehind = false;
  }

  /** Goes on writing ahead of a position. Called when no commit is running. */
  extend(position: number, commitSize: number): void {
    this.#ahead.extend(position, commitSize);
  }

  /** Cuts off what was written ahead, and syncs. */
  async cut(length: number): Promise<void> {
    await this.#ahead.stop();
    await this.#file.truncate(length);
    await this.#file.sync();
  }

  /** Puts the footer behind the last batch, and lets go of the file. */
  async seal(length: number, footer: Uint8Array): Promise<void> {
    try {
      await this.#ahead.stop();
      await this.#file.truncate(length);
      await writeAll(this.#file, [footer], length);
      await this.#file.sync();
    } finally {
      await this.close();
    }
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#ahead.stop().catch(() => undefined);
    await Promise.all([this.#file.close(), this.#through?.close()]);
  }
}

async function writeHeader(file: StorageFile, { header }: Segment): Promise<void> {
  await writeAll(file, [encodeSegmentHeader(header)], 0);
  await file.sync();
}
