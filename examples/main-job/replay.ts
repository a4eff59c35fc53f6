import type { EventInput } from "sluice";
import type { Quake } from "./quake.ts";
import type { CatalogueEntry } from "./readCatalogue.ts";
import type { FrameFile } from "./readFrames.ts";

const blockSize = 2000;

/**
 * The catalogue, replayed until there are enough events, each with a frame. It is read in blocks, so that the file of
 * frames never is in memory as a whole. The same events come in the same order each time, which is what lets a later run
 * find out where an earlier one has stopped.
 */
export class Replay {
  /** How many blocks there are. */
  readonly blocks: number;
  readonly #catalogue: readonly CatalogueEntry[];
  readonly #frames: FrameFile;
  readonly #events: number;

  constructor(catalogue: readonly CatalogueEntry[], frames: FrameFile, events: number) {
    this.blocks = Math.ceil(events / blockSize);
    this.#catalogue = catalogue;
    this.#frames = frames;
    this.#events = events;
  }

  async read(block: number): Promise<readonly EventInput<Quake>[]> {
    const first = block * blockSize;
    const frames = await this.#frames.read(first, Math.min(blockSize, this.#events - first));
    return frames.map((data, i) => ({ metadata: this.#quakeAt(first + i), data }));
  }

  #quakeAt(index: number): Quake {
    const { length } = this.#catalogue;
    return { ...this.#catalogue[index % length]!, pass: Math.floor(index / length) };
  }
}
