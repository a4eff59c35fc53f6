import type { Acknowledger } from "./acknowledger.ts";

/**
 * Events of one partition that somebody has taken over and may give back while it has not begun with them. They count as
 * delivered until then.
 *
 * @internal
 */
export class ReturnableEvents {
  readonly #acknowledger: Acknowledger;
  /** What gives an event back that its holder has not begun with, by its id, oldest first. */
  readonly #returns = new Map<number, () => boolean>();
  /** The last event of those that were kept whose holder is done with it; -1 before the first. */
  #handled = -1;

  constructor(acknowledger: Acknowledger) {
    this.#acknowledger = acknowledger;
  }

  /**
   * Keeps what gives an event back.
   *
   * @param giveBack - Answers whether it was given back; what has been begun with stays.
   */
  keep(id: number, giveBack: () => boolean): void {
    this.#returns.set(id, giveBack);
  }

  /** Notes that the holder of an event is done with it. */
  done(id: number): void {
    if (this.#returns.delete(id)) this.#handled = id;
  }

  /** Makes what was not begun with count as never delivered, so that the next owner of the partition gets it. */
  takeBack(): void {
    if (this.#returns.size === 0) return;
    const kept = [...this.#returns];
    this.#returns.clear();
    this.#acknowledger.delivered = this.#handled;
    for (const [id, giveBack] of kept) if (!giveBack()) this.#acknowledger.delivered = id;
  }
}
