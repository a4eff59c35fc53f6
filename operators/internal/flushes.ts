import { SluiceError } from "../../src/model/errors.ts";
import { Promised, type Future } from "../../src/model/future.ts";

/** The events between two flushes. @internal */
export interface Epoch {
  outstanding: number;
  failed: number;
  /** How many of those that failed have had somebody look at their futures. */
  seen: number;
  /** The errors of the first few that failed. */
  readonly errors: unknown[];
}

/** Which failures a flush rejects for: all of them, or those whose future nobody has looked at. @internal */
export type FlushScope = "all" | "unseen";

interface Flush {
  readonly epoch: Epoch;
  readonly promised: Promised<void>;
  readonly tells: FlushScope;
}

/** How many errors a flush keeps to show. The others are counted. */
const keptErrors = 16;

/**
 * Counts the events between one flush and the next, and knows when a flush is done. A flush counts and does not keep its
 * events, so that it costs the same however many there are.
 *
 * @internal
 */
export class Flushes {
  /** Where events that are pushed now belong. */
  epoch: Epoch = newEpoch();
  readonly #waiting: Flush[] = [];

  /** How many events have neither been stored nor failed. */
  get outstanding(): number {
    return this.#waiting.reduce((sum, { epoch }) => sum + epoch.outstanding, this.epoch.outstanding);
  }

  /** Whether somebody waits for a flush. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** A future that resolves when all that was pushed so far is stored, and rejects when any of it was not. */
  begin(tells: FlushScope): Future<void> {
    const promised = new Promised<void>();
    this.#waiting.push({ epoch: this.epoch, promised, tells });
    this.epoch = newEpoch();
    return promised;
  }

  /** Counts an event that was not stored. */
  failed(epoch: Epoch, error: unknown): void {
    epoch.outstanding--;
    epoch.failed++;
    if (epoch.errors.length < keptErrors) epoch.errors.push(error);
  }

  /** Settles the flushes that are done, in their order. */
  settle(): void {
    while (this.#waiting[0]?.epoch.outstanding === 0) {
      const { epoch, promised, tells } = this.#waiting.shift()!;
      if (epoch.failed === 0 || (tells === "unseen" && isSeen(epoch))) promised.resolve();
      else promised.reject(flushError(epoch));
    }
  }

  /** Fails every flush that is waiting. */
  abandon(error: unknown): void {
    for (const { promised } of this.#waiting.splice(0)) promised.reject(error);
  }
}

function newEpoch(): Epoch {
  return { outstanding: 0, failed: 0, seen: 0, errors: [] };
}

/** Whether somebody has looked at the future of each event that failed. */
function isSeen({ failed, seen }: Epoch): boolean {
  return failed === seen;
}

function flushError({ failed, errors }: Epoch): unknown {
  const [first] = errors;
  if (failed === 1) return first;
  const reason = first instanceof Error ? first.message : String(first);
  return new SluiceError(
    first instanceof SluiceError ? first.code : "ERR_STORAGE",
    `${failed} of the events pushed since the last flush were not stored. The first: ${reason}`,
    { cause: new AggregateError(errors), details: { failed } },
  );
}
