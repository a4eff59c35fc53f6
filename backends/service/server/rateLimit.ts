/** Sources that are remembered before those are forgotten that have nothing to wait for. */
const remembered = 10_000;

/** What a source may send at once, and when that was known. */
interface Allowance {
  /** Bytes; below 0 while it has sent more than it may. */
  bytes: number;
  /** Milliseconds of the clock. */
  at: number;
}

/**
 * How many bytes may come from each of many sources in a second. A source may save up the bytes of one second. One message may
 * go beyond what is left, whatever its size, and what comes after it waits for longer.
 */
export class RateLimit {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #allowances = new Map<string, Allowance>();

  /**
   * @param perSecond - Bytes in a second.
   * @param now - The clock, in milliseconds.
   */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /**
   * Counts bytes that have come from a source.
   *
   * @returns Milliseconds after which it may send more.
   */
  take(source: string, bytes: number): number {
    if (this.#perSecond === Number.MAX_SAFE_INTEGER) return 0;
    const now = this.#now();
    const allowance = this.#allowances.get(source) ?? this.#remember(source, now);
    allowance.bytes = this.#left(allowance, now) - bytes;
    allowance.at = now;
    return Math.max(0, (-allowance.bytes * 1000) / this.#perSecond);
  }

  #left({ bytes, at }: Allowance, now: number): number {
    return Math.min(this.#perSecond, bytes + ((now - at) * this.#perSecond) / 1000);
  }

  #remember(source: string, now: number): Allowance {
    if (this.#allowances.size >= remembered) this.#forget(now);
    const allowance = { bytes: this.#perSecond, at: now };
    this.#allowances.set(source, allowance);
    return allowance;
  }

  /** Whoever may send as much as a newcomer is one. */
  #forget(now: number): void {
    for (const [source, allowance] of this.#allowances) {
      if (this.#left(allowance, now) === this.#perSecond) this.#allowances.delete(source);
    }
  }
}
