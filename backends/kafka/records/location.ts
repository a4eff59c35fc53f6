import { isKey } from "../store/dataStore.ts";
import { textOf, utf8, type Apart } from "../layouts/layout.ts";

const inlineTag = 0x69; // "i"
const tags = { chunks: 0x63, store: 0x73 } as const; // "c" and "s"

/**
 * Says that the data of an event came with its record, and keeps it at hand. Only the tag travels with a descriptor: who
 * gets one from elsewhere fetches the record again.
 */
export class InlineData extends Uint8Array {
  readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    super(1);
    this[0] = inlineTag;
    this.data = data;
  }

  get size(): number {
    return this.data.length;
  }

  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/** Chunks of data in the companion topic, in the order of their offsets. */
export interface ChunkList {
  /** How many bytes of data there are. */
  readonly size: number;
  /** How many bytes each chunk has; the last one may have less. */
  readonly chunkBytes: number;
  /** Runs of chunks that follow each other: the first offset, and how many. */
  readonly runs: readonly (readonly [first: number, count: number])[];
}

/** Writes where chunks are, as in `1048576/262144:1200+3,1204+1`. */
export function formatChunks({ size, chunkBytes, runs }: ChunkList): string {
  return `${size}/${chunkBytes}:${runs.map(([first, count]) => `${first}+${count}`).join()}`;
}

/** Reads where chunks are; undefined when it says nothing that makes sense. */
export function parseChunks(text: string): ChunkList | undefined {
  const match = /^(\d+)\/(\d+):(\d+\+\d+(?:,\d+\+\d+)*)$/.exec(text);
  if (match === null) return undefined;
  const runs = match[3]!.split(",").map((run) => run.split("+").map(Number) as [number, number]);
  const list = { size: Number(match[1]), chunkBytes: Number(match[2]), runs };
  const chunks = runs.reduce((sum, [, count]) => sum + count, 0);
  if (!Number.isSafeInteger(list.size) || list.chunkBytes < 1) return undefined;
  return chunks === Math.ceil(list.size / list.chunkBytes) ? list : undefined;
}

/** Data in a data store. */
export interface Claim {
  /** How many bytes of data there are. */
  readonly size: number;
  readonly key: string;
}

/** Writes a claim, as in `33554432@collisions/2026-11-26/0-6f9619ff`. */
export function formatClaim({ size, key }: Claim): string {
  return `${size}@${key}`;
}

/** Reads a claim; undefined when it makes no sense, or its key would lead elsewhere. */
export function parseClaim(text: string): Claim | undefined {
  const match = /^(\d{1,16})@(.+)$/.exec(text);
  const [size, key] = [Number(match?.[1]), match?.[2] ?? ""];
  return Number.isSafeInteger(size) && isKey(key) ? { size, key } : undefined;
}

/** Where data is, as a location of the contract that knows its size. */
export function locationOf({ where, text }: Apart): Uint8Array & { readonly size: number } {
  const bytes = utf8(`${String.fromCharCode(tags[where])}${text}`);
  const size = (where === "chunks" ? parseChunks(text) : parseClaim(text))?.size ?? 0;
  return Object.assign(bytes, { size });
}

/** The chunks that a location speaks of; undefined when it speaks of none. */
export function chunksAt(location: Uint8Array | undefined): ChunkList | undefined {
  return location?.[0] === tags.chunks ? parseChunks(textOf(location.subarray(1))) : undefined;
}

/** The claim that a location speaks of; undefined when it speaks of none. */
export function claimAt(location: Uint8Array | undefined): Claim | undefined {
  return location?.[0] === tags.store ? parseClaim(textOf(location.subarray(1))) : undefined;
}
