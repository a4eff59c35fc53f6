/*
 * The file `cursors`: what the consumers of a topic have acknowledged. Records follow each other at multiples of 8 bytes
 * in a file that was filled with zeros when it was made; when it is full, a new one begins with all positions.
 *
 *      0        4        8        12       16
 *    0 │ "SLCR" │ CRC32C │ size   │ 0      │ JSON, `size` bytes, then zeros
 *
 * CRC32C of everything from byte 8 on. The JSON is [[consumer, partition, position], …], with "free" behind a position that
 * is not that of an event. Positions only grow, so the highest of a consumer and partition counts, and a record that cannot be
 * read costs no more than what it said.
 */
import type { SluiceError } from "../../src/model/errors.ts";
import { aligned, alignment, usedLength, viewOf } from "./format/bytes.ts";
import { crc32c } from "./format/crc32c.ts";
import { writeFailed } from "./logErrors.ts";
import { readFile, replaceFile, writeAgain, writeAll, type Storage, type StorageFile } from "./storage/storage.ts";

const magic = 0x52434c53;
const fixedSize = 16;
/** How long the file is made at the least, and how many times as long as its first record. */
const leastSize = 64 << 10;
const spare = 8;

/**
 * A consumer, a partition, and what has been acknowledged there. A position is free when it may lie behind the last event,
 * since somebody counts something else by it.
 */
export type Entry = readonly [consumer: string, partition: number, position: number, kind?: "free" | undefined];

/** The position of each consumer, by partition. */
type Positions = Map<string, (number | undefined)[]>;

interface Waiting {
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Stores positions. One write is in flight at a time, and brings the newest position of everything that moved meanwhile: a
 * thousand acknowledgements take one sync.
 */
export class CursorLog {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #isSynced: boolean;
  readonly #positions: Positions;
  /** Those of them that are on the disk. */
  readonly #stored: Positions = new Map();
  /** Those that transactions move which are under way: nobody is given an earlier one, and none of them is stored. */
  readonly #claimed: Positions = new Map();
  /** Which of them are free, by partition and consumer. */
  readonly #free: Set<string>;
  readonly #advanced: (partition: number) => void;
  /** Undefined until something is written: a log that is only read stays as it is. */
  #file: StorageFile | undefined;
  #offset = 0;
  #size = 0;
  #moved = new Map<string, Entry>();
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: SluiceError | undefined;

  private constructor(
    storage: Storage,
    directory: string,
    isSynced: boolean,
    positions: Positions,
    free: Set<string>,
    advanced: (partition: number) => void,
  ) {
    this.#storage = storage;
    this.#directory = directory;
    this.#isSynced = isSynced;
    this.#positions = positions;
    this.#free = free;
    this.#advanced = advanced;
    for (const entry of entriesIn(positions, free)) advance(this.#stored, entry);
  }

  /**
   * Reads the positions of a topic.
   *
   * @param advanced - Called when a new position of a partition is stored.
   */
  static async open(
    storage: Storage,
    directory: string,
    durability: "disk" | "os",
    advanced: (partition: number) => void,
  ): Promise<CursorLog> {
    const positions: Positions = new Map();
    const free = new Set<string>();
    const bytes = await readFile(storage, `${directory}/cursors`);
    if (bytes !== undefined) {
      for (const entry of decodeCursors(bytes)) {
        advance(positions, entry);
        if (entry[3] === "free") free.add(keyOf(entry));
      }
      if (durability === "disk") await writeAgain(storage, directory, "cursors", bytes); // Somebody may have been told of them.
    }
    return new CursorLog(storage, directory, durability === "disk", positions, free, advanced);
  }

  /** The acknowledged position, also when it is not stored yet. */
  position(consumer: string, partition: number): number | undefined {
    return this.#positions.get(consumer)?.[partition];
  }

  /** The position at which the next owner begins, also when the transaction that moves it there is still under way. */
  nextPosition(consumer: string, partition: number): number | undefined {
    return this.#claimed.get(consumer)?.[partition] ?? this.position(consumer, partition);
  }

  /** Whether a transaction is under way. */
  get isClaimed(): boolean {
    return this.#claimed.size > 0;
  }

  /** Takes a position for a transaction. It is moved there when that is committed. */
  claim(entry: Entry): void {
    advance(this.#claimed, entry);
  }

  /** Ends a claim, unless it has been taken further. */
  unclaim([consumer, partition, position]: Entry): void {
    const claimed = this.#claimed.get(consumer);
    if (claimed?.[partition] === undefined || claimed[partition] > position) return;
    claimed[partition] = undefined;
    if (claimed.every((each) => each === undefined)) this.#claimed.delete(consumer);
  }

  /** The acknowledged position as the disk has it. */
  storedPosition(consumer: string, partition: number): number | undefined {
    return this.#stored.get(consumer)?.[partition];
  }

  /** Moves a position forward. It is stored soon; `whenStored` tells when. */
  move(entry: Entry): void {
    if (entry[3] === "free") this.#free.add(keyOf(entry));
    if (advance(this.#positions, entry)) this.#moved.set(keyOf(entry), entry);
  }

  /**
   * Brings positions back to where the events end: they may have been lost with the power, where nobody asked for a sync. One
   * that is free has nothing to do with them.
   */
  limit(partition: number, end: number): void {
    for (const [consumer, positions] of [...this.#positions, ...this.#stored]) {
      const position = positions[partition];
      if (position !== undefined && position > end && !this.#free.has(keyOf([consumer, partition, position])))
        positions[partition] = end;
    }
  }

  /** Calls back when everything that has been moved is stored. */
  whenStored(waiting: Waiting): void {
    if (this.#failure !== undefined) return waiting.failed(this.#failure);
    this.#waiting.push(waiting);
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  /** Stores what has been moved, and lets go of the file. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.whenStored({ stored: resolve, failed: () => resolve() }));
    await this.#running;
    await this.#file?.close().catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      const moved = [...this.#moved.values()];
      this.#waiting = [];
      this.#moved = new Map();
      try {
        if (moved.length > 0) await this.#store(moved);
      } catch (error) {
        this.#failure = writeFailed(`${this.#directory}/cursors`, error);
        for (const { failed } of [...waiting, ...this.#waiting]) failed(this.#failure);
        this.#waiting = [];
        break;
      }
      for (const entry of moved) if (advance(this.#stored, entry)) this.#advanced(entry[1]);
      for (const { stored } of waiting) stored();
    }
    this.#running = undefined;
  }

  async #store(moved: readonly Entry[]): Promise<void> {
    const record = encodeCursors(moved);
    if (this.#file === undefined || this.#offset + record.length > this.#size) return this.#begin();
    await writeAll(this.#file, [record], this.#offset);
    if (this.#isSynced) await this.#file.sync();
    this.#offset += record.length;
  }

  /** Makes a new file with all positions in its first record. */
  async #begin(): Promise<void> {
    const record = encodeCursors([...entriesIn(this.#positions, this.#free)]);
    const bytes = new Uint8Array(Math.max(leastSize, aligned(record.length) * spare));
    bytes.set(record);
    await this.#file?.close();
    this.#file = undefined;
    await replaceFile(this.#storage, this.#directory, "cursors", bytes);
    this.#file = await this.#storage.open(`${this.#directory}/cursors`, "write");
    this.#offset = record.length;
    this.#size = bytes.length;
  }
}

/** One record. */
export function encodeCursors(entries: readonly Entry[]): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const bytes = new Uint8Array(aligned(fixedSize + json.length));
  const view = viewOf(bytes);
  view.setUint32(0, magic, true);
  view.setUint32(8, json.length, true);
  bytes.set(json, fixedSize);
  view.setUint32(4, crc32c(bytes.subarray(8)), true);
  return bytes;
}

/** A record of the file, or bytes between records that are neither a record nor 0: then `entries` is undefined. */
export interface CursorRecord {
  readonly offset: number;
  readonly end: number;
  readonly entries: readonly Entry[] | undefined;
}

/** All entries of a file, past what cannot be read. */
export function* decodeCursors(bytes: Uint8Array): Generator<Entry> {
  for (const { entries } of cursorRecords(bytes)) if (entries !== undefined) yield* entries;
}

/** What a file consists of, in order. */
export function* cursorRecords(bytes: Uint8Array): Generator<CursorRecord> {
  const used = usedLength(bytes);
  let from: number | undefined; // Where bytes begin that are no record.
  for (let at = 0; at < used;) {
    const end = endOfRecord(bytes, at);
    if (end !== undefined) {
      if (from !== undefined) yield { offset: from, end: at, entries: undefined };
      yield { offset: at, end, entries: entriesOf(bytes.subarray(at + fixedSize, at + fixedSize + sizeAt(bytes, at))) };
      from = undefined;
    } else from ??= at;
    at = end ?? at + alignment;
  }
  if (from !== undefined) yield { offset: from, end: bytes.length, entries: undefined };
}

/** Undefined where no record begins. */
function endOfRecord(bytes: Uint8Array, at: number): number | undefined {
  if (at + fixedSize > bytes.length) return undefined;
  const view = viewOf(bytes);
  const end = at + aligned(fixedSize + sizeAt(bytes, at));
  const isRecord =
    view.getUint32(at, true) === magic &&
    end <= bytes.length &&
    view.getUint32(at + 4, true) === crc32c(bytes.subarray(at + 8, end));
  return isRecord ? end : undefined;
}

function sizeAt(bytes: Uint8Array, at: number): number {
  return viewOf(bytes).getUint32(at + 8, true);
}

function entriesOf(json: Uint8Array): Entry[] {
  try {
    const entries = JSON.parse(new TextDecoder().decode(json)) as Entry[];
    return entries.filter(
      ([consumer, partition, position]) => typeof consumer === "string" && partition >= 0 && position >= 0,
    );
  } catch {
    return []; // The checksum was right and the content is not: as good as no record.
  }
}

function* entriesIn(positions: Positions, free: ReadonlySet<string>): Generator<Entry> {
  for (const [consumer, byPartition] of positions) {
    for (const [partition, position] of byPartition.entries()) {
      if (position === undefined) continue;
      const isFree = free.has(keyOf([consumer, partition, position]));
      yield isFree ? [consumer, partition, position, "free"] : [consumer, partition, position];
    }
  }
}

function keyOf([consumer, partition]: Entry): string {
  return `${partition}/${consumer}`;
}

function advance(positions: Positions, [consumer, partition, position]: Entry): boolean {
  const known = positions.get(consumer) ?? [];
  positions.set(consumer, known);
  if (known[partition] !== undefined && known[partition] >= position) return false;
  known[partition] = position;
  return true;
}
