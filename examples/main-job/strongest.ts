import type { Quake } from "./quake.ts";

/** An earthquake with the part of its frame that was selected. */
export interface Shot {
  readonly quake: Quake;
  readonly pixels: Uint8Array;
}

/** Keeps the strongest earthquakes of those that it is offered, each of them once however often it is replayed. */
export class Strongest {
  readonly #limit: number;
  #shots: readonly Shot[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The strongest first. */
  get shots(): readonly Shot[] {
    return this.#shots;
  }

  offer(shot: Shot): void {
    if (this.#shots.some(({ quake }) => quake.id === shot.quake.id)) return;
    const ranked = [...this.#shots, shot].toSorted((a, b) => b.quake.magnitude - a.quake.magnitude);
    this.#shots = ranked.slice(0, this.#limit);
  }
}
