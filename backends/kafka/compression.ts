import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { SluiceError } from "../../src/model/errors.ts";
import { CompressionThread } from "./compressionThread.ts";
import { maxPlainLength } from "./maxPlainLength.ts";

/** How batches can be compressed: off the thread that calls, by the threads of Node.js or by one of our own. */
export const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** One of {@link compressions}. */
export type Compression = (typeof compressions)[number];

/** Compresses the records of a batch. */
export interface Compressor {
  /** The number that the protocol gives it. */
  readonly bits: number;
  readonly compress: (bytes: Uint8Array) => Promise<Uint8Array>;
}

/** The numbers that the protocol gives. */
const bitsOf = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
/** The most that the records of a batch may come to: a few bytes could otherwise fill the memory. */
const maxRecordsBytes = 512 << 20;

/** One for all connections of the process. */
const thread = new CompressionThread();
const gzip = promisify(zlib.gzip);
const gunzip = promisify(zlib.gunzip);
const zstdMissing = "Compression zstd needs Node.js 22.15 or newer";
const zstdCompress = typeof zlib.zstdCompress === "function" ? promisify(zlib.zstdCompress) : undefined;
const zstdDecompress = typeof zlib.zstdDecompress === "function" ? promisify(zlib.zstdDecompress) : undefined;

/** @returns undefined where nothing is to be compressed. */
export function compressorOf(compression: Compression): Compressor | undefined {
  if (compression === "none") return undefined;
  const bits = bitsOf[compression];
  if (compression === "gzip") return { bits, compress: gzip };
  if (compression !== "zstd") return { bits, compress: (bytes) => thread.run("compress", bits, bytes) };
  if (zstdCompress === undefined) {
    throw new SluiceError("ERR_UNSUPPORTED", zstdMissing);
  }
  return { bits, compress: zstdCompress };
}

/**
 * Takes records apart that were compressed, off the calling thread.
 *
 * @param bits - The number that the protocol gives to the way of it.
 * @throws SluiceError `ERR_STORAGE` when they cannot be taken apart, or nobody knows how (as a rejection).
 */
export async function decompress(bits: number, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await decompressBy(bits, bytes);
  } catch (cause) {
    const problem = "The records of a batch cannot be decompressed";
    throw new SluiceError("ERR_STORAGE", problem, { cause, details: { compression: bits } });
  }
}

function decompressBy(bits: number, bytes: Uint8Array): Promise<Uint8Array> {
  const options = { maxOutputLength: maxRecordsBytes };
  if (bits === bitsOf.gzip) return gunzip(bytes, options);
  if (bits === bitsOf.zstd && zstdDecompress !== undefined) return zstdDecompress(bytes, options);
  if (bits > bitsOf.zstd || bits < bitsOf.gzip) throw new Error(`Compression ${bits} is not known`);
  if (bits === bitsOf.zstd) throw new Error(zstdMissing);
  const length = maxPlainLength(bits === bitsOf.lz4 ? "lz4" : "snappy", bytes);
  if (length > maxRecordsBytes) throw new RangeError(`They come to ${length} bytes, of at most ${maxRecordsBytes}`);
  return thread.run("decompress", bits, bytes);
}
