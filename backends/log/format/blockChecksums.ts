import { blockSize } from "./blockSize.ts";
import { crc32c } from "./crc32c.ts";

/** How many blocks there are in so many bytes of data. */
export function blocksOf(dataSize: number): number {
  return Math.ceil(dataSize / blockSize);
}

/** The checksum of each block of data, wherever its segments are cut. */
export function checksumsOf(data: readonly Uint8Array[], dataSize: number): Uint32Array {
  const checksums = new Uint32Array(blocksOf(dataSize));
  let at = 0;
  for (const segment of data) {
    for (let start = 0; start < segment.length;) {
      const end = Math.min(segment.length, start + blockSize - (at % blockSize));
      const block = Math.floor(at / blockSize);
      checksums[block] = crc32c(
        start === 0 && end === segment.length ? segment : segment.subarray(start, end),
        checksums[block],
      );
      at += end - start;
      start = end;
    }
  }
  return checksums;
}
