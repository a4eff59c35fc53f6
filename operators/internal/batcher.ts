import { type NextObserver, type ObservableInput, type Observable, type Subscription } from "rxjs";
import { after } from "../../src/model/after.ts";
import { checkAmount, checkFunction, checkInteger } from "../../src/model/check.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import type { Downstream } from "./downstream.ts";
import { innerFrom } from "./innerFrom.ts";

/** How many events make a batch: a number, or `"adaptive"`. */
export type BatchSize = number | "adaptive";

/** How values are gathered into batches. */
export interface BatchOptions<T> {
  /**
   * A number: the batch goes when it holds so many values. `"adaptive"`: with nothing in flight the first value goes at
   * once; otherwise what gathers while the last batch is in flight makes the next one. @default "adaptive"
   */
  readonly batchSize?: BatchSize | undefined;
  /** The largest number of values of an adaptive batch. @default 4096 */
  readonly maxBatchEvents?: number | undefined;
  /** Bytes, as `sizeOf` counts them, that send a batch before it is full. A larger value goes alone. @default 1 MiB */
  readonly maxBatchBytes?: number | undefined;
  /** Milliseconds after its first value at which a batch goes that is not full. Adaptive batches do not linger. @default 10 */
  readonly linger?: number | undefined;
  /**
   * How many batches may be filling or in flight. One that is full goes while fewer are in flight; one that
   * is not leaves a place free. @default 2
   */
  readonly maxBatches?: number | undefined;
  /** The bytes of one value. @default () => 0 */
  readonly sizeOf?: ((value: T) => number) | undefined;
  /** Each emission sends what has been gathered so far, as soon as there is room in flight. */
  readonly flush?: Observable<unknown> | undefined;
  /** Told `true` when `maxBatches` is reached and `false` when there is room again, so that a source can be paused. */
  readonly pressure?: NextObserver<boolean> | undefined;
}

/** More than a queue ever holds. */
const never = Number.MAX_SAFE_INTEGER;

/** The options of `batch`, with their defaults. @internal */
export interface BatchRules<T> {
  readonly adaptive: boolean;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly linger: number;
  readonly maxBatches: number;
  readonly sizeOf: (value: T) => number;
  readonly pressure: NextObserver<boolean> | undefined;
}

/** Checks the options of `batch` and fills in the defaults. @internal */
export function checkBatchOptions<T>(options: BatchOptions<T>): BatchRules<T> {
  const { batchSize = "adaptive", maxBatchEvents = 4096, maxBatchBytes = 1 << 20, linger = 10 } = options;
  const { maxBatches = 2, sizeOf = () => 0, pressure } = options;
  if (batchSize !== "adaptive" && typeof batchSize !== "number") {
    throw new TypeError(`'batchSize' must be a number or "adaptive": current value is ${describeValue(batchSize)}`);
  }
  if (batchSize !== "adaptive") checkInteger("batchSize", batchSize, 1);
  checkInteger("maxBatchEvents", maxBatchEvents, 1);
  checkAmount("maxBatchBytes", maxBatchBytes, 1);
  checkAmount("linger", linger);
  checkInteger("maxBatches", maxBatches, 1);
  checkFunction("sizeOf", sizeOf);
  return {
    adaptive: batchSize === "adaptive",
    maxCount: batchSize === "adaptive" ? maxBatchEvents : batchSize,
    maxBytes: maxBatchBytes,
    linger,
    maxBatches,
    sizeOf,
    pressure,
  };
}

/**
 * Values wait in one queue and a batch is cut from it at the moment when it may go. So there is no batch object that
 * could be full and stuck: whatever the bounds, a queue with something to send and room in flight always moves.
 *
 * @internal
 */
export class Batcher<T, R> {
  readonly #downstream: Downstream<R>;
  readonly #rules: BatchRules<T>;
  readonly #project: (values: readonly T[]) => ObservableInput<R>;
  /** Batches that have been sent and not been answered. */
  readonly #flying = new Set<readonly T[]>();
  #queue: T[] = [];
  #head = 0;
  #bytes = 0;
  #inFlight = 0;
  /** How many of the queued values go without waiting for the batch to fill. */
  #hurried = 0;
  #lingering: Subscription | undefined;
  #pressed = false;
  #sending = false;
  /** The length of the queue, and the bytes in it, from which on there may be something to do; until then values just gather. */
  #heedLength = 0;
  #heedBytes = 0;
  #end: (() => void) | undefined;

  /** @param abandoned - Told which values it still had, in flight or not, when nobody takes the answers any more. */
  constructor(
    downstream: Downstream<R>,
    rules: BatchRules<T>,
    project: (values: readonly T[]) => ObservableInput<R>,
    abandoned: (values: readonly T[]) => void = () => {},
  ) {
    this.#downstream = downstream;
    this.#rules = rules;
    this.#project = project;
    downstream.add(() => {
      this.#lingering?.unsubscribe();
      const left = [...this.#flying].flat().concat(this.#queue.slice(this.#head));
      this.#flying.clear();
      this.#queue = [];
      this.#head = 0;
      abandoned(left);
    });
  }

  next(value: T): void {
    if (this.#end !== undefined) return;
    try {
      this.#bytes += this.#rules.sizeOf(value);
    } catch (error) {
      return this.error(error); // What was gathered before it is sent, as for an error of the source.
    }
    this.#queue.push(value);
    if (this.#queue.length >= this.#heedLength || this.#bytes >= this.#heedBytes) this.#send();
  }

  error(error: unknown): void {
    this.#endWith(() => this.#downstream.error(error));
  }

  complete(): void {
    this.#endWith(() => this.#downstream.complete());
  }

  flush(): void {
    this.#hurried = this.#count;
    this.#send();
  }

  get #count(): number {
    return this.#queue.length - this.#head;
  }

  #endWith(end: () => void): void {
    this.#end = end;
    this.flush();
  }

  #send(): void {
    if (this.#sending) return; // An answer that comes at once must not recurse; the loop below goes on.
    this.#sending = true;
    while (this.#mayGo() && !this.#downstream.closed) this.#sendOne(this.#cut());
    this.#sending = false;
    this.#lingerForTheRest();
    this.#tellPressure();
    this.#endWhenEmpty();
  }

  /**
   * What gathers can go when it is full, unless as much as may is in flight. But the first value is heeded where it goes alone,
   * and where the time to linger begins with it.
   */
  #heed(): void {
    const { adaptive, maxCount, maxBytes } = this.#rules;
    const isFirst = this.#count === 0 && (this.#lingers || (adaptive && this.#inFlight === 0));
    this.#heedLength = isFirst ? 0 : this.#pressed ? never : this.#head + maxCount;
    this.#heedBytes = this.#pressed ? never : maxBytes;
  }

  /** What is full may take the last place in flight. What is hurried leaves it, since small batches would press for nothing. */
  #mayGo(): boolean {
    const { adaptive, maxBatches } = this.#rules;
    if (this.#count === 0 || this.#inFlight >= maxBatches) return false;
    if (this.#isFull() || (adaptive && this.#inFlight === 0)) return true;
    return this.#hurried > 0 && this.#inFlight < Math.max(1, maxBatches - 1);
  }

  #isFull(): boolean {
    return this.#count >= this.#rules.maxCount || this.#bytes >= this.#rules.maxBytes;
  }

  /** Takes the next batch from the queue: as many values as the bounds allow, and at least one. */
  #cut(): readonly T[] {
    const values = this.#fitsWhole ? this.#takeAll() : this.#takePart();
    if (this.#count === 0) this.#stopLingering(); // What is left has waited already, and keeps the time it was given.
    this.#hurried = Math.max(0, this.#hurried - values.length);
    return values;
  }

  get #fitsWhole(): boolean {
    return (
      this.#head === 0 &&
      this.#count <= this.#rules.maxCount &&
      (this.#bytes <= this.#rules.maxBytes || this.#count === 1)
    );
  }

  #takeAll(): readonly T[] {
    const all = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    return all;
  }

  #takePart(): readonly T[] {
    const { maxCount, maxBytes, sizeOf } = this.#rules;
    const limit = Math.min(this.#head + maxCount, this.#queue.length);
    let end = this.#head + 1;
    let bytes = sizeOf(this.#queue[this.#head]!);
    for (; end < limit; end++) {
      const size = sizeOf(this.#queue[end]!);
      if (bytes + size > maxBytes) break;
      bytes += size;
    }
    const values = this.#queue.slice(this.#head, end);
    this.#head = end;
    this.#bytes = end === this.#queue.length ? 0 : this.#bytes - bytes;
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head); // So that what has gone is not kept alive by the queue.
      this.#head = 0;
    }
    return values;
  }

  #sendOne(values: readonly T[]): void {
    this.#inFlight++;
    this.#flying.add(values);
    let answer: Observable<R>;
    try {
      answer = innerFrom(this.#project(values));
    } catch (error) {
      return this.#downstream.error(error);
    }
    this.#downstream.add(
      answer.subscribe({
        next: (value) => this.#downstream.next(value),
        error: (error: unknown) => this.#downstream.error(error),
        complete: () => {
          this.#inFlight--;
          this.#flying.delete(values);
          this.#send();
        },
      }),
    );
  }

  #lingerForTheRest(): void {
    if (!this.#lingers || this.#lingering !== undefined || this.#count === 0 || this.#hurried > 0) return;
    this.#lingering = after(this.#rules.linger).subscribe(() => {
      this.#stopLingering();
      this.flush();
    });
  }

  get #lingers(): boolean {
    const { adaptive, linger } = this.#rules;
    return !adaptive && linger !== Infinity;
  }

  #stopLingering(): void {
    this.#lingering?.unsubscribe();
    this.#lingering = undefined;
  }

  #tellPressure(): void {
    const { pressure, maxBatches } = this.#rules;
    const before = this.#pressed;
    this.#pressed = this.#inFlight >= maxBatches; // With fewer, nothing that is full is left in the queue.
    this.#heed(); // Before anybody is told: who is may push at once.
    if (this.#pressed === before) return;
    try {
      pressure?.next(this.#pressed);
    } catch (error) {
      this.#downstream.error(error);
    }
  }

  #endWhenEmpty(): void {
    if (this.#end === undefined || this.#count > 0 || this.#inFlight > 0) return;
    const end = this.#end;
    this.#end = () => {}; // Told once, whatever is still called.
    end();
  }
}
