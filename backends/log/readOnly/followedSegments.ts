import type { Keys } from "../encryption/keys.ts";
import { HeadFile, type Head } from "../format/headFile.ts";
import { formatVersion } from "../format/segmentHeader.ts";
import { unknownVersion, unreadable } from "../logErrors.ts";
import { readHeader } from "../recovery/openSegments.ts";
import { Segment, segmentName } from "../segments/segment.ts";
import { codeOf, type Storage } from "../storage/storage.ts";

/** How often is looked again when a segment is dropped while it is looked at. */
const maxAttempts = 5;

/**
 * The segments of a partition that another process may be writing. What may be read of them is what that process has
 * published: it does so once it has answered for it, so a batch that is not committed is never seen.
 */
export class FollowedSegments {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #keys: Keys;
  /** Oldest first. */
  segments: Segment[] = [];
  /** Settled when the change before has been made: they are made one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(storage: Storage, directory: string, keys: Keys) {
    this.#keys = keys;
    this.#storage = storage;
    this.#directory = directory;
  }

  /** The id behind the last event that may be read. */
  get end(): number {
    return this.segments.at(-1)?.endId ?? 0;
  }

  /** Takes in what was published, and lets go of what was dropped. */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#refresh(this.segments));
  }

  /**
   * Opens everything anew: files may have been replaced. Until that is done, and where it fails, what was known stays: a reader
   * that finds nothing would take it for the end. Returns what it had open before.
   */
  async reload(): Promise<readonly Segment[]> {
    let before: readonly Segment[] = [];
    await this.#inTurn(async () => {
      const anew: Segment[] = [];
      await this.#refresh(anew);
      before = this.segments;
      this.segments = anew;
    });
    return before;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #refresh(segments: Segment[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const head = await HeadFile.readPublished(this.#storage, `${this.#directory}/head`);
      if (head === undefined) return; // Nothing was ever stored.
      try {
        return await this.#follow(head, segments);
      } catch (error) {
        if (codeOf(error) !== "ENOENT" || attempt === maxAttempts) throw error;
      }
    }
  }

  /** Lets go of all files. */
  close(): Promise<void> {
    return closeAll(this.segments);
  }

  async #follow(head: Head, segments: Segment[]): Promise<void> {
    const dropped = segments.filter(({ header }) => header.ordinal < head.firstOrdinal).length;
    if (dropped > 0) await closeAll(segments.splice(0, dropped));
    for (;;) {
      const live = segments.at(-1);
      const ordinal = live === undefined ? head.firstOrdinal : live.header.ordinal + 1;
      if (ordinal > head.ordinal) break;
      const next = await this.#open(ordinal);
      if (live !== undefined) await complete(live, next);
      segments.push(next);
    }
    const live = segments.at(-1);
    if (live?.header.ordinal === head.ordinal && live.header.rewritten === undefined) await live.follow(head.length);
  }

  async #open(ordinal: number): Promise<Segment> {
    const path = `${this.#directory}/${segmentName(ordinal)}`;
    const header = await readHeader(this.#storage, path);
    if (header === "invalid") throw unreadable(path, 0, this.end, this.end + 1);
    if ("version" in header) throw unknownVersion(`"${path}"`, header.version, formatVersion);
    return new Segment(this.#storage, this.#directory, header, this.#keys);
  }
}

/** Says how far a segment reaches that is written no more, as the next one knows it. */
async function complete(segment: Segment, { header }: Segment): Promise<void> {
  if (segment.header.rewritten !== undefined) return;
  const { endId, length } = header.predecessor;
  // What was followed until now is indexed already. Of the others the index is made when somebody asks.
  if (segment.index !== undefined) return segment.follow(length);
  segment.endId = endId;
  segment.length = length;
  segment.newest = Infinity;
}

async function closeAll(segments: readonly Segment[]): Promise<void> {
  await Promise.all(segments.map((segment) => segment.close()));
}
