import type { Future, StreamEvent } from "sluice";
import { CommandError } from "../commandError.ts";

/** Acknowledges events that have been printed. */
export interface Acknowledger {
  /** Told of each event once it is written. */
  written(event: StreamEvent): void;
  /** Acknowledges what is left to be, and resolves when all of it is stored. */
  end(): Promise<void>;
}

/**
 * Makes what acknowledges events: `never`, `each`, `every:n` of a partition (and the last ones at the end), or `at-exit`.
 *
 * @param mode - What the user wrote.
 */
export function acknowledgeMode(mode: string): Acknowledger {
  if (mode === "never") return { written: () => {}, end: () => Promise.resolve() };
  return new EveryNth(intervalOf(mode));
}

function intervalOf(mode: string): number {
  if (mode === "each") return 1;
  if (mode === "at-exit") return Number.POSITIVE_INFINITY;
  const count = Number(/^every:(\d+)$/.exec(mode)?.[1] ?? 0);
  if (count >= 1) return count;
  throw new CommandError(`--acknowledge must be never, each, every:n or at-exit: it is "${mode}"`);
}

/** Acknowledgements are cumulative, so one in n of a partition covers the others. */
class EveryNth implements Acknowledger {
  readonly #count: number;
  readonly #open = new Map<number, { passed: number; last: StreamEvent }>();
  #stored = new Map<number, Future<void>>();

  constructor(count: number) {
    this.#count = count;
  }

  written(event: StreamEvent): void {
    const open = this.#open.get(event.partition);
    const passed = (open?.passed ?? 0) + 1;
    if (passed < this.#count) {
      this.#open.set(event.partition, { passed, last: event });
      return;
    }
    this.#open.delete(event.partition);
    // The last one of a partition covers those before it, so only its future is kept.
    this.#stored.set(event.partition, event.acknowledge());
  }

  async end(): Promise<void> {
    for (const { last } of this.#open.values()) this.#stored.set(last.partition, last.acknowledge());
    this.#open.clear();
    await Promise.all(this.#stored.values());
  }
}
