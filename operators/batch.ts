import { Observable, of, timer, type NextObserver, type ObservableInput, type OperatorFunction, type Subscriber, type Subscription } from "rxjs";
import { checkAmount, checkFunction, checkInteger } from "../src/model/check.ts";
import { describeValue } from "../src/model/describeValue.ts";
import { innerFrom } from "./internal/innerFrom.ts";

/** How many events make a batch: a number, or `"adaptive"`. */
export type BatchSize = number | "adaptive";

/** How values are gathered into batches. */
export interface BatchOptions<T> {
  /**
   * A number: the batch goes when it holds so many values. `"adaptive"`: with nothing in flight the first value goes at
   * once; otherwise what gathers while the last batch is in flight makes the next one. @default "adaptive"
   */
  readonly batchSize?: BatchSize | undefined;
  /** The largest number of values of an adaptive batch. @default 8192 */
  readonly maxBatchEvents?: number | undefined;
  /** Bytes, as `sizeOf` counts them, that send a batch before it is full. A larger value goes alone. @default 1 MiB */
  readonly maxBatchBytes?: number | undefined;
  /** Milliseconds after its first value at which a batch goes that is not full. Adaptive batches do not linger. @default 10 */
  readonly linger?: number | undefined;
  /** How many batches may be filling or in flight. One is in flight with 1 and 2, one fewer than this with more. @default 2 */
  readonly maxBatches?: number | undefined;
  /** The bytes of one value. @default () => 0 */
  readonly sizeOf?: ((value: T) => number) | undefined;
  /** Each emission sends what has been gathered so far, as soon as there is room in flight. */
  readonly flush?: Observable<unknown> | undefined;
  /** Told `true` when `maxBatches` is reached and `false` when there is room again, so that a source can be paused. */
  readonly pressure?: NextObserver<boolean> | undefined;
}

/**
 * Gathers values into batches, bounded by count, bytes and time. Alone it emits arrays. With a function it sends each
 * batch through it, no more than `maxBatches` allow at once, and emits the answers; this is what makes batches adaptive,
 * since they grow while the last one is on its way.
 *
 * The adaptive rule is that of group commit: no controller and no parameter to tune, since the time of one batch in
 * flight sets the size of the next.
 *
 * @param options - Sizes, times and bounds.
 * @param project - Sends one batch. Its answers are emitted in the order of the batches when one is in flight at a time.
 * @returns An operator. It completes when the source has and the last batch has been answered. When the source fails,
 * what was gathered is sent first. An error of `project` ends the stream.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { range } from "rxjs";
 * import { batch } from "sluice/operators";
 *
 * range(0, 5)
 *   .pipe(batch({ batchSize: 2 }))
 *   .subscribe((values) => console.log(values)); // [0, 1], [2, 3], [4]
 * ```
 */
export function batch<T>(options?: BatchOptions<T>): OperatorFunction<T, readonly T[]>;
export function batch<T, R>(
  options: BatchOptions<T>,
  project: (values: readonly T[]) => ObservableInput<R>,
): OperatorFunction<T, R>;
export function batch<T, R>(
  options: BatchOptions<T> = {},
  project: (values: readonly T[]) => ObservableInput<R> = of as never,
): OperatorFunction<T, R> {
  const rules = checkBatchOptions(options);
  checkFunction("project", project);
  return (source) =>
    new Observable((subscriber) => {
      const batcher = new Batcher<T, R>(subscriber, rules, project);
      if (rules.flush !== undefined) subscriber.add(rules.flush.subscribe(() => batcher.flush()));
      return source.subscribe(batcher);
    });
}

interface BatchRules<T> {
  readonly adaptive: boolean;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly linger: number;
  readonly maxBatches: number;
  readonly sizeOf: (value: T) => number;
  readonly flush: Observable<unknown> | undefined;
  readonly pressure: NextObserver<boolean> | undefined;
}

/** Checks the options of {@link batch} and fills in the defaults. @internal */
export function checkBatchOptions<T>(options: BatchOptions<T>): BatchRules<T> {
  const { batchSize = "adaptive", maxBatchEvents = 8192, maxBatchBytes = 1 << 20, linger = 10 } = options;
  const { maxBatches = 2, sizeOf = () => 0, flush, pressure } = options;
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
    flush,
    pressure,
  };
}

/**
 * Values wait in one queue and a batch is cut from it at the moment when it may go. So there is no batch object that
 * could be full and stuck: whatever the bounds, a queue with something to send and room in flight always moves.
 */
class Batcher<T, R> {
  readonly #subscriber: Subscriber<R>;
  readonly #rules: BatchRules<T>;
  readonly #project: (values: readonly T[]) => ObservableInput<R>;
  #queue: T[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;
  #inFlight = 0;
  /** How many of the queued values go without waiting for the batch to fill. */
  #hurried = 0;
  #lingering: Subscription | undefined;
  #pressed = false;
  #sending = false;
  #end: (() => void) | undefined;

  constructor(subscriber: Subscriber<R>, rules: BatchRules<T>, project: (values: readonly T[]) => ObservableInput<R>) {
    this.#subscriber = subscriber;
    this.#rules = rules;
    this.#project = project;
    subscriber.add(() => {
      this.#lingering?.unsubscribe();
      this.#queue = [];
      this.#sizes = [];
    });
  }

  next(value: T): void {
    const size = this.#rules.sizeOf(value);
    this.#queue.push(value);
    this.#sizes.push(size);
    this.#bytes += size;
    this.#send();
  }

  error(error: unknown): void {
    this.#endWith(() => this.#subscriber.error(error));
  }

  complete(): void {
    this.#endWith(() => this.#subscriber.complete());
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
    this.#endWhenEmpty();
  }

  #send(): void {
    if (this.#sending) return; // An answer that comes at once must not recurse; the loop below goes on.
    this.#sending = true;
    while (this.#mayGo() && !this.#subscriber.closed) this.#sendOne(this.#cut());
    this.#sending = false;
    this.#lingerForTheRest();
    this.#tellPressure();
  }

  #mayGo(): boolean {
    if (this.#count === 0 || this.#inFlight >= Math.max(1, this.#rules.maxBatches - 1)) return false;
    return this.#isFull() || this.#hurried > 0 || (this.#rules.adaptive && this.#inFlight === 0);
  }

  #isFull(): boolean {
    return this.#count >= this.#rules.maxCount || this.#bytes >= this.#rules.maxBytes;
  }

  /** Takes the next batch from the queue: as many values as the bounds allow, and at least one. */
  #cut(): readonly T[] {
    const { maxCount, maxBytes } = this.#rules;
    const limit = Math.min(this.#head + maxCount, this.#queue.length);
    let end = this.#head;
    let bytes = 0;
    while (end < limit && (end === this.#head || bytes + this.#sizes[end]! <= maxBytes)) bytes += this.#sizes[end++]!;
    const values = this.#take(end);
    this.#bytes -= bytes;
    this.#hurried = Math.max(0, this.#hurried - values.length);
    this.#stopLingering();
    return values;
  }

  #take(end: number): readonly T[] {
    if (end === this.#queue.length && this.#head === 0) {
      const all = this.#queue;
      this.#queue = [];
      this.#sizes = [];
      return all;
    }
    const values = this.#queue.slice(this.#head, end);
    this.#head = end;
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head); // So that what has gone is not kept alive by the queue.
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
    return values;
  }

  #sendOne(values: readonly T[]): void {
    this.#inFlight++;
    let answer: Observable<R>;
    try {
      answer = innerFrom(this.#project(values));
    } catch (error) {
      return this.#subscriber.error(error);
    }
    this.#subscriber.add(
      answer.subscribe({
        next: (value) => this.#subscriber.next(value),
        error: (error: unknown) => this.#subscriber.error(error),
        complete: () => {
          this.#inFlight--;
          this.#send();
          this.#endWhenEmpty();
        },
      }),
    );
  }

  #lingerForTheRest(): void {
    const { adaptive, linger } = this.#rules;
    if (adaptive || linger === Infinity || this.#lingering !== undefined || this.#count === 0 || this.#hurried > 0) return;
    this.#lingering = timer(linger).subscribe(() => {
      this.#stopLingering();
      this.flush();
    });
  }

  #stopLingering(): void {
    this.#lingering?.unsubscribe();
    this.#lingering = undefined;
  }

  #tellPressure(): void {
    const { pressure, maxBatches, maxCount, maxBytes } = this.#rules;
    if (pressure === undefined) return;
    const filled = Math.max(Math.floor(this.#count / maxCount), Math.floor(this.#bytes / maxBytes));
    const pressed = this.#inFlight + filled >= maxBatches;
    if (pressed === this.#pressed) return;
    this.#pressed = pressed;
    pressure.next(pressed);
  }

  #endWhenEmpty(): void {
    if (this.#count === 0 && this.#inFlight === 0 && !this.#sending) this.#end?.();
  }
}
