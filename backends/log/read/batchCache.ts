import { lastIndexWhere } from "../../../src/model/lastIndexWhere.ts";
import type { Segment } from "../segments/segment.ts";
import type { LoadedBatch } from "./segmentReader.ts";

/** How many batches a cache of single reads keeps. */
const maxRecent = 64;

/**
 * The batches of a partition that are likely to be read next: the newest ones, so that a consumer that keeps up reads
 * memory, and those that one read of the disk brought along.
 */
export class BatchCache {
  readonly #maxBytes: number;
  /** In the order of their ids, without gaps. */
  #tail: LoadedBatch[] = [];
  #tailBytes = 0;
  #recent: LoadedBatch[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps a batch that has just been written. */
  written(batch: LoadedBatch): void {
    this.#tail.push(batch);
    this.#tailBytes += sizeOf(batch);
    let dropped = 0;
    while (this.#tailBytes > this.#maxBytes && dropped < this.#tail.length)
      this.#tailBytes -= sizeOf(this.#tail[dropped++]!);
    if (dropped > 0) this.#tail.splice(0, dropped);
  }

  /** Keeps batches that have just been read. */
  read(batches: readonly LoadedBatch[]): void {
    this.#recent.push(...batches);
    let bytes = 0;
    let first = this.#recent.length;
    while (first > 0 && this.#recent.length - first < maxRecent && bytes <= this.#maxBytes)
      bytes += sizeOf(this.#recent[--first]!);
    if (first > 0) this.#recent.splice(0, first);
  }

  /** Lets go of the batches of a segment that is not there any more. */
  forget(segment: Segment): void {
    const { length } = this.#tail;
    const kept = this.#tail.slice(1 + this.#tail.findLastIndex((batch) => batch.segment === segment));
    if (kept.length < length) {
      this.#tail = kept;
      this.#tailBytes = kept.reduce((sum, batch) => sum + sizeOf(batch), 0);
    }
    this.#recent = this.#recent.filter((batch) => batch.segment !== segment);
  }

  /** The batch that holds an id, when it is here. */
  find(id: number): LoadedBatch | undefined {
    const oldest = this.#tail[0];
    if (oldest !== undefined && id >= oldest.firstId) return inOrder(this.#tail, id);
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      const batch = this.#recent[i]!;
      if (id >= batch.firstId && id < batch.next) return batch;
    }
    return undefined;
  }

  /** The batch that ends in front of an id, when it is here: what is looked for begins where it ends. */
  before(id: number): LoadedBatch | undefined {
    for (let i = this.#recent.length - 1; i >= 0; i--) if (this.#recent[i]!.next === id) return this.#recent[i];
    return undefined;
  }
}

function inOrder(batches: readonly LoadedBatch[], id: number): LoadedBatch | undefined {
  const batch = batches[lastIndexWhere(batches.length, (i) => batches[i]!.firstId <= id)];
  return batch !== undefined && id < batch.next ? batch : undefined;
}

function sizeOf({ metadata, count, blockChecksums }: LoadedBatch): number {
  return metadata.length + 20 * count + blockChecksums.byteLength + 200;
}
