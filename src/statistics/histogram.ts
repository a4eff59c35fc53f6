/** How some values were spread. */
export interface Spread {
  /** How many values there were. */
  readonly count: number;
  /** The smallest. */
  readonly min: number;
  /** Half of the values are at most this. */
  readonly p50: number;
  /** 99 of 100 values are at most this. */
  readonly p99: number;
  /** The largest. */
  readonly max: number;
}

/** Buckets for each doubling: a percentile is off by less than five parts in a hundred. */
const perDoubling = 16;
/** The upper bound of the first bucket. */
const smallest = 1 / 64;
const buckets = 64 * perDoubling;

/**
 * Counts values in buckets that grow with them, so that it takes the same memory however many there are.
 *
 * @internal
 */
export class Histogram {
  readonly #counts = new Float64Array(buckets);
  #count = 0;
  #min = Infinity;
  #max = -Infinity;

  /** Counts a value, as often as said. */
  record(value: number, times = 1): void {
    this.#counts[bucketOf(value)]! += times;
    this.#count += times;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** How the values were spread; undefined when there were none. */
  spread(): Spread | undefined {
    if (this.#count === 0) return undefined;
    return {
      count: this.#count,
      min: this.#min,
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
      max: this.#max,
    };
  }

  #percentile(share: number): number {
    let left = Math.ceil(share * this.#count);
    for (let bucket = 0; bucket < buckets; bucket++) {
      left -= this.#counts[bucket]!;
      // What is known exactly is not guessed at.
      if (left <= 0) return Math.min(this.#max, Math.max(this.#min, upperBound(bucket)));
    }
    return this.#max;
  }
}

function bucketOf(value: number): number {
  if (value <= smallest) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log2(value / smallest) * perDoubling));
}

function upperBound(bucket: number): number {
  return smallest * 2 ** (bucket / perDoubling);
}
