import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { LiveFile } from "../../backends/log/write/liveFile.ts";
import { nodeStorage } from "../../backends/log/storage/nodeStorage.ts";
import type { Storage } from "../../backends/log/storage/storage.ts";
import { emptyEnd, Segment } from "../../backends/log/segments/segment.ts";
import { noPredecessor, segmentHeaderSize } from "../../backends/log/format/segmentHeader.ts";
import { LoopDisk, type FileSystem } from "./loopDisk.ts";

/**
 * Loses the power behind a commit in front of which zeros are written ahead that are not synced yet, and looks whether it
 * is there.
 */
export async function slowZeros(kind: FileSystem): Promise<string> {
  const disk = await LoopDisk.make(kind);
  try {
    const { storage, written, release } = withHeldZeros();
    const segment = new Segment(storage, disk.path, {
      ...{ id: new Uint8Array(16).fill(7), ordinal: 0, baseId: emptyEnd.endId, baseNumber: 0, epoch: 1, created: 0 },
      predecessor: noPredecessor,
    });
    const live = await LiveFile.create(storage, disk.path, segment, 1 << 20, Promise.resolve());
    const [first, second] = [new Uint8Array(3592).fill(1), new Uint8Array(200).fill(2)];
    const [from, to] = [segmentHeaderSize + first.length, segmentHeaderSize + first.length + second.length];
    await live.write([first], segmentHeaderSize, from, "disk");
    live.extend(from, first.length);
    await written;
    await live.write([second], from, to, "disk");
    await disk.cutPower();
    release();
    await live.close();
    await disk.startAgain();
    const kept = (await readFile(join(disk.path, "0000000000.seg"))).subarray(from, to);
    if (Buffer.compare(kept, second) !== 0)
      throw new Error(`Of ${second.length} bytes, ${kept.length} are in the file`);
    return `${second.length} bytes in front of zeros that were on their way are there`;
  } finally {
    await disk.remove();
  }
}

/** The file system, but zeros that were written are synced only when that is allowed. */
function withHeldZeros() {
  let [written, release] = [() => {}, () => {}];
  const isWritten = new Promise<void>((resolve) => (written = resolve));
  const isReleased = new Promise<void>((resolve) => (release = resolve));
  const storage: Storage = {
    ...nodeStorage,
    async open(path, mode) {
      const file = await nodeStorage.open(path, mode);
      let isHeld = false;
      return {
        ...file,
        async writev(segments, position) {
          const isZeros = segments.every((bytes) => bytes.every((byte) => byte === 0));
          const count = await file.writev(segments, position);
          if (isZeros) [isHeld] = [true, written()];
          return count;
        },
        sync: async () => (isHeld ? isReleased.then(() => file.sync()) : file.sync()),
      };
    },
  };
  return { storage, written: isWritten, release };
}
