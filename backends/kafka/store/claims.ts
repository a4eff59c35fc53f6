import { randomUUID } from "node:crypto";
import type { EventBatch } from "../../../src/model/batch.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { copyInto, selectBytes } from "../../../src/model/selectBytes.ts";
import { unlessAborted } from "../pause.ts";
import { formatClaim, parseClaim, type Claim } from "../records/location.ts";
import type { DataWalker } from "../records/slices.ts";
import { Slices } from "../records/slices.ts";
import type { DataStore } from "./dataStore.ts";

/** Ranges that are closer together than this many bytes are read in one piece: a request costs more than they do. */
const gap = 65_536;
/** Bytes of a piece, beyond which ranges are read apart even where they are close. */
const maxPiece = 8 << 20;
/** How many pieces are read at the same time. */
const atOnce = 8;

/** Data of one topic that is kept in a data store: a record has a claim of it, as one has of luggage. */
export class Claims {
  readonly #topic: string;
  readonly #store: DataStore | undefined;
  readonly #patience: number;
  readonly #whenGivenUp: ((undo: () => Promise<void>) => void) | undefined;

  /**
   * @param topic - The name of the topic in the cluster: its objects are in a folder of this name.
   * @param store - Where they are; undefined where there is none.
   * @param patience - Milliseconds for which an object is waited for until it is stored.
   * @param whenGivenUp - Takes what is to be done when nothing of what is stored is wanted after all. @default nothing is done
   */
  constructor(
    topic: string,
    store: DataStore | undefined,
    patience: number,
    whenGivenUp?: (undo: () => Promise<void>) => void,
  ) {
    this.#topic = topic;
    this.#store = store;
    this.#patience = patience;
    this.#whenGivenUp = whenGivenUp;
  }

  /** The same, for data that is a part of something which may be given up as a whole. */
  within(whenGivenUp: (undo: () => Promise<void>) => void): Claims {
    return new Claims(this.#topic, this.#store, this.#patience, whenGivenUp);
  }

  /** Stores the data of one event, and says where it is. */
  async store(batch: EventBatch, data: DataWalker, index: number, partition: number): Promise<string> {
    const slices = new Slices();
    data.addTo(slices, index);
    const day = new Date().toISOString().slice(0, 10);
    const key = `${this.#topic}/${day}/${partition}-${randomUUID()}`;
    await this.#put(key, slices.toSegments());
    const claim = formatClaim({ size: data.sizeAt(index), key });
    this.#whenGivenUp?.(() => this.remove(claim));
    return claim;
  }

  /** Removes the data of an event that was not stored, where the store does that. Where it fails, the object stays behind. */
  async remove(text: string): Promise<void> {
    const claim = parseClaim(text);
    if (claim !== undefined) await this.#store?.remove?.(claim.key).catch(() => undefined);
  }

  /** A store that does not answer must not hold up all that is to be stored behind it. */
  async #put(key: string, segments: readonly Uint8Array[]): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(unanswered(key, this.#patience)), this.#patience);
    try {
      await unlessAborted(this.#opened().put(key, segments, late.signal), late.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads ranges of the data of an event, and no more than what lies close between them. */
  async fetch(
    { key, size }: Claim,
    ranges: Float64Array,
    into: readonly Uint8Array[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    const store = this.#opened();
    // A record may come from anybody: it must not lead into what belongs to other topics.
    if (!key.startsWith(`${this.#topic}/`)) throw gone(key);
    const pieces = piecesOf(ranges);
    const read: Uint8Array[] = [];
    let next = 0;
    const readNext = async (): Promise<void> => {
      while (next < pieces.length) {
        const index = next++;
        const { offset, end } = pieces[index]!;
        const bytes = end <= size ? await store.read(key, offset, end - offset, signal) : undefined;
        if (bytes === undefined) throw gone(key);
        read[index] = bytes;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, pieces.length) }, readNext));
    const parts = pieces.flatMap(({ offset, ranges: own }, i) =>
      selectBytes(
        [read[i]!],
        own.map((value, k) => (k % 2 === 0 ? value - offset : value)),
      ),
    );
    if (into === undefined) return parts;
    copyInto(parts, into);
    return into;
  }

  /** Removes what the topic has there, where the store does that. */
  async removeAll(): Promise<void> {
    await this.#store?.removeFolder?.(`${this.#topic}/`);
  }

  #opened(): DataStore {
    if (this.#store !== undefined) return this.#store;
    const problem = "The data of this event is in a data store: connect with the option `store` that its producer has";
    throw new SluiceError("ERR_UNSUPPORTED", problem);
  }
}

/** A piece to be read in one go, and the ranges that are in it. */
interface Piece {
  readonly offset: number;
  readonly end: number;
  readonly ranges: Float64Array;
}

/** Puts ranges that lie close together into one piece. */
export function piecesOf(ranges: Float64Array): Piece[] {
  const pieces: Piece[] = [];
  let first = 0;
  let [offset, end] = [0, -1];
  const finish = (behind: number) => {
    if (end >= 0) pieces.push({ offset, end, ranges: ranges.slice(first, behind) });
    first = behind;
  };
  for (let i = 0; i < ranges.length; i += 2) {
    const [start, size] = [ranges[i]!, ranges[i + 1]!];
    if (size === 0) continue;
    if (end < 0 || start - end > gap || start + size - offset > maxPiece) {
      finish(i);
      offset = start;
    }
    end = start + size;
  }
  finish(ranges.length);
  return pieces;
}

function unanswered(key: string, patience: number): SluiceError {
  const problem = `The data store has not stored "${key}" within ${patience} ms`;
  return new SluiceError("ERR_UNREACHABLE", problem, { details: { key } });
}

function gone(key: string): SluiceError {
  return new SluiceError("ERR_STORAGE", `The data of an event is not in the data store any more: "${key}"`, {
    details: { key },
  });
}
