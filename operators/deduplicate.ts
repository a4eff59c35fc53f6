import { Observable, type MonoTypeOperatorFunction } from "rxjs";
import { checkFunction, checkInteger } from "../src/model/check.ts";
import { describeValue } from "../src/model/describeValue.ts";
import { StreamEvent } from "../src/model/event.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";

/** How many stretches of events that were sent twice are remembered of a producer. One is one time that it had to send again. */
const maxRepeats = 64;

/**
 * How {@link deduplicate} tells that two events are the same: by their key, by the place in their producer's sequence, or, for
 * events of a consumer, by the place that the backend has kept.
 */
export type DeduplicateOptions<T> = DeduplicateByKey<T> | DeduplicateBySequence<T>;

/**
 * Two values with the same key are the same, as long as the first is remembered. An event that a consumer gets again, since it was
 * given back without having been acknowledged, is not one that was sent twice: it passes each time. Values that are no events of a
 * consumer have their key alone.
 */
export interface DeduplicateByKey<T> {
  /** The key of a value, such as an id that its producer gave it. */
  readonly keyOf: (value: T) => string | number | bigint;
  /** How many keys are remembered; the oldest is forgotten first. @default 100000 */
  readonly maxKeys?: number | undefined;
}

/** How far the events of a producer have come. Plain data, which JSON takes. */
export interface HighWaterMark {
  /** The highest of its numbers that has passed. */
  readonly sequence: number;
  /** The id of its event that was seen last. Undefined for values that are no events of a consumer. */
  readonly id?: number | undefined;
  /** The ids of what was left out, from the first to the last of each stretch, so that it is left out again. At most 64 of them. */
  readonly repeats?: readonly (readonly [first: number, last: number])[] | undefined;
}

/** What is remembered of each producer: a high-water mark. */
export interface HighWaterMarks {
  /**
   * Where the marks are kept, by producer. Keep it with what you make of the events, and begin with it after a restart.
   * @default a map of each subscription's own
   */
  readonly marks?: Map<string, HighWaterMark> | undefined;
  /** How many producers are remembered; the one that has been silent for longest is forgotten first. @default 65536 */
  readonly maxProducers?: number | undefined;
}

/**
 * A value whose number is not above the highest that has passed of its producer has been sent twice. An event that a consumer gets
 * again is told by its id, and passes as it has passed before. Takes one mark a producer.
 */
export interface DeduplicateBySequence<T> extends HighWaterMarks {
  /** The producer of a value and its number in the producer's sequence. Undefined lets the value through. */
  readonly sequenceOf: (value: T) =>
    | {
        /** The producer. Its numbers ascend, so where it counts in each partition for itself, name the partition as well. */
        readonly producer: string;
        /** The number of the value among all of this producer. */
        readonly sequence: number;
      }
    | undefined;
}

/**
 * Leaves out values that have passed before, by a key or a sequence that is found in them. An event that is delivered again, after a
 * rebalance or a restart, keeps its id and passes; so stand behind `consume`, before the events become something else.
 *
 * @param options - The key of a value, or its producer and sequence.
 * @returns An operator. Its memory is bounded by `maxKeys`, or by `maxProducers`.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { of } from "rxjs";
 * import { deduplicate } from "sluice/operators";
 *
 * of("a", "b", "a")
 *   .pipe(deduplicate({ keyOf: (value) => value }))
 *   .subscribe((value) => console.log(value)); // a, b
 * ```
 */
export function deduplicate<T>(options: DeduplicateOptions<T>): MonoTypeOperatorFunction<T>;
/**
 * Leaves out events that a named producer has sent twice: those whose number is not above the highest that has passed of this
 * producer and partition. For backends that keep who has sent an event, and cannot drop what is sent again. An event that is
 * delivered again keeps its id and passes: it may not have been handled.
 *
 * @param options - Where the marks are kept, and how many.
 * @returns An operator for the events of a consumer. An event without a producer passes. The memory is bounded by `maxProducers`.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 * import { consume, deduplicate } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * await topic.producer({ name: "app1" }).push({ n: 1 });
 * consume(topic, "app2", { until: "end" })
 *   .pipe(deduplicate())
 *   .subscribe(({ metadata, producer }) => console.log(metadata.n, producer?.sequence)); // 1 0
 * ```
 */
export function deduplicate<M>(options?: HighWaterMarks): MonoTypeOperatorFunction<StreamEvent<M>>;
export function deduplicate<T>(options: DeduplicateOptions<T> | HighWaterMarks = {}): MonoTypeOperatorFunction<T> {
  const start = "keyOf" in options ? byKey(options) : bySequence({ sequenceOf: placeOf, ...options });
  return (source) =>
    new Observable((subscriber) => {
      const isNew = start();
      subscribeWithin(subscriber, source, {
        next: (value) => {
          try {
            if (!isNew(value)) return;
          } catch (error) {
            return subscriber.error(error);
          }
          subscriber.next(value);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}

/** The place that the backend has kept. Sequences count in each partition for themselves. */
function placeOf(value: unknown): { readonly producer: string; readonly sequence: number } | undefined {
  const { topic, partition, producer } = value as StreamEvent;
  return producer && { producer: `${topic}/${partition}/${producer.id}`, sequence: producer.sequence };
}

function bySequence<T>({
  sequenceOf,
  marks,
  maxProducers = 65_536,
}: DeduplicateBySequence<T>): () => (value: T) => boolean {
  checkFunction("sequenceOf", sequenceOf);
  checkInteger("maxProducers", maxProducers, 1);
  if (marks !== undefined) checkMarks(marks);
  return () => {
    const known = marks ?? new Map<string, HighWaterMark>();
    return (value) => {
      const place = sequenceOf(value);
      if (place === undefined) return true;
      const { producer, sequence } = place;
      const mark = known.get(producer);
      const id = value instanceof StreamEvent ? value.id : undefined;
      if (mark !== undefined && wasSeen(mark, id)) return !wasRepeat(mark, id);
      const isRepeat = mark !== undefined && sequence <= mark.sequence;
      known.delete(producer); // So that the one that has been silent for longest stands first.
      known.set(producer, isRepeat ? withRepeat(mark, id) : { sequence, id, repeats: mark?.repeats });
      if (known.size > maxProducers) known.delete(known.keys().next().value!);
      return !isRepeat;
    };
  };
}

function checkMarks(marks: ReadonlyMap<string, HighWaterMark>): void {
  if (!(marks instanceof Map)) throw new TypeError(`'marks' must be a Map: current value is ${describeValue(marks)}`);
  for (const [producer, mark] of marks)
    if (!Number.isSafeInteger(mark?.sequence))
      throw new TypeError(`'marks' must have a mark for "${producer}": current value is ${describeValue(mark)}`);
}

/** Whether an event is delivered again: ids ascend, and this one is not above the last. */
function wasSeen(mark: HighWaterMark, id: number | undefined): id is number {
  return id !== undefined && mark.id !== undefined && id <= mark.id;
}

function wasRepeat({ repeats = [] }: HighWaterMark, id: number): boolean {
  return repeats.some(([first, last]) => first <= id && id <= last);
}

/** A stretch goes on until an event passes. When the oldest one is forgotten, its events would pass if they were delivered again. */
function withRepeat(mark: HighWaterMark, id: number | undefined): HighWaterMark {
  if (id === undefined) return mark;
  const { sequence, repeats = [] } = mark;
  const latest = repeats.at(-1);
  if (latest !== undefined && latest[1] === mark.id)
    return { sequence, id, repeats: [...repeats.slice(0, -1), [latest[0], id]] };
  return { sequence, id, repeats: [...repeats, [id, id] as const].slice(-maxRepeats) };
}

function byKey<T>({ keyOf, maxKeys = 100_000 }: DeduplicateByKey<T>): () => (value: T) => boolean {
  checkFunction("keyOf", keyOf);
  checkInteger("maxKeys", maxKeys, 1);
  return () => {
    const seen = new Map<string | number | bigint, string | undefined>();
    return (value) => {
      const key = keyOf(value);
      const address = addressOf(value);
      if (seen.has(key)) return address !== undefined && address === seen.get(key);
      seen.set(key, address);
      if (seen.size > maxKeys) seen.delete(seen.keys().next().value!);
      return true;
    };
  };
}

/** What an event keeps when it is delivered again. */
function addressOf(value: unknown): string | undefined {
  return value instanceof StreamEvent ? `${value.topic}/${value.partition}/${value.id}` : undefined;
}
