/*
 * The file `cursors`: what the consumers of a topic have acknowledged. Records follow each other at multiples of 8 bytes
 * in a file that was filled with zeros when it was made; when it is full, a new one begins with all positions.
 *
 *      0        4        8        12       16
 *    0 │ "SLCR" │ CRC32C │ size   │ 0      │ JSON, `size` bytes, then zeros
 *
 * CRC32C of everything from byte 8 on. The JSON is [[consumer, partition, position], …]. Positions only grow, so the
 * highest of a consumer and partition counts, and a record that cannot be read costs no more than what it said.
 */
import type { SluiceError } from "../../src/model/errors.ts";
import { aligned, alignment, viewOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import { writeFailed } from "./logErrors.ts";
import { readFile, replaceFile, writeAll, type Storage, type StorageFile } from "./storage.ts";

const magic = 0x52434c53;
const fixedSize = 16;
/** How long the file is made at the least, and how many times as long as its first record. */
const leastSize = 64 << 10;
const spare = 8;

/** A consumer, a partition, and what has been acknowledged there. */
type Entry = readonly [consumer: string, partition: number, position: number];

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
    advanced: (partition: number) => void,
  ) {
    this.#storage = storage;
    this.#directory = directory;
    this.#isSynced = isSynced;
    this.#positions = positions;
    this.#advanced = advanced;
    for (const entry of entriesIn(positions)) advance(this.#stored, entry);
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
    const bytes = await readFile(storage, `${directory}/cursors`);
    if (bytes !== undefined) for (const entry of decodeCursors(bytes)) advance(positions, entry);
    return new CursorLog(storage, directory, durability === "disk", positions, advanced);
  }

  /** The acknowledged position, also when it is not stored yet. */
  position(consumer: string, partition: number): number | undefined {
    return this.#positions.get(consumer)?.[partition];
  }

  /** The acknowledged position as the disk has it. */
  storedPosition(consumer: string, partition: number): number | undefined {
    return this.#stored.get(consumer)?.[partition];
  }

  /** Moves a position forward. It is stored soon; `whenStored` tells when. */
  move(consumer: string, partition: number, position: number): void {
    const entry: Entry = [consumer, partition, position];
    if (advance(this.#positions, entry)) this.#moved.set(`${partition}/${consumer}`, entry);
  }

  /** Brings a position back to where the events end: they may have been lost with the power, where nobody asked for a sync. */
  limit(partition: number, end: number): void {
    for (const positions of [...this.#positions.values(), ...this.#stored.values()]) {
      if (positions[partition] !== undefined && positions[partition] > end) positions[partition] = end;
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
    const record = encodeCursors([...entriesIn(this.#positions)]);
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

/** All entries of a file, past what cannot be read. */
export function* decodeCursors(bytes: Uint8Array): Generator<Entry> {
  const view = viewOf(bytes);
  for (let at = 0; at + fixedSize <= bytes.length;) {
    const size = view.getUint32(at + 8, true);
    const end = at + aligned(fixedSize + size);
    const isRecord =
      view.getUint32(at, true) === magic &&
      end <= bytes.length &&
      view.getUint32(at + 4, true) === crc32c(bytes.subarray(at + 8, end));
    if (isRecord) yield* entriesOf(bytes.subarray(at + fixedSize, at + fixedSize + size));
    at = isRecord ? end : at + alignment;
  }
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

function* entriesIn(positions: Positions): Generator<Entry> {
  for (const [consumer, byPartition] of positions) {
    for (const [partition, position] of byPartition.entries())
      if (position !== undefined) yield [consumer, partition, position];
  }
}

function advance(positions: Positions, [consumer, partition, position]: Entry): boolean {
  const known = positions.get(consumer) ?? [];
  positions.set(consumer, known);
  if (known[partition] !== undefined && known[partition] >= position) return false;
  known[partition] = position;
  return true;
}
