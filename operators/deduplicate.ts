import { Observable, type MonoTypeOperatorFunction } from "rxjs";
import { checkFunction, checkInteger } from "../src/model/check.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";

/** How {@link deduplicate} tells that two events are the same: by their key, or by the place in their producer's sequence. */
export type DeduplicateOptions<T> = DeduplicateByKey<T> | DeduplicateBySequence<T>;

/** Two events with the same key are the same, as long as the first is remembered. */
export interface DeduplicateByKey<T> {
  /** The key of a value, such as an id that its producer gave it. */
  readonly keyOf: (value: T) => string | number | bigint;
  /** How many keys are remembered; the oldest is forgotten first. @default 100000 */
  readonly maxKeys?: number | undefined;
}

/** An event whose sequence number is not above the highest seen of its producer has been seen. Takes one number a producer. */
export interface DeduplicateBySequence<T> {
  /** The producer of a value and its number in the producer's sequence. Undefined lets the value through. */
  readonly sequenceOf: (value: T) =>
    | {
        /** The producer. */
        readonly producer: string;
        /** The number of the value among all of this producer. */
        readonly sequence: number;
      }
    | undefined;
}

/**
 * Leaves out values that have passed before. For backends that cannot drop what a producer has sent twice.
 *
 * @param options - The key of a value, or its producer and sequence.
 * @returns An operator. Its memory is bounded by `maxKeys`, or by the number of producers.
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
export function deduplicate<T>(options: DeduplicateOptions<T>): MonoTypeOperatorFunction<T> {
  const start = "sequenceOf" in options ? bySequence(options) : byKey(options);
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

function bySequence<T>({ sequenceOf }: DeduplicateBySequence<T>): () => (value: T) => boolean {
  checkFunction("sequenceOf", sequenceOf);
  return () => {
    const highest = new Map<string, number>();
    return (value) => {
      const place = sequenceOf(value);
      if (place === undefined) return true;
      if (place.sequence <= (highest.get(place.producer) ?? -1)) return false;
      highest.set(place.producer, place.sequence);
      return true;
    };
  };
}

function byKey<T>({ keyOf, maxKeys = 100_000 }: DeduplicateByKey<T>): () => (value: T) => boolean {
  checkFunction("keyOf", keyOf);
  checkInteger("maxKeys", maxKeys, 1);
  return () => {
    const seen = new Set<string | number | bigint>();
    return (value) => {
      const key = keyOf(value);
      if (seen.has(key)) return false;
      seen.add(key);
      if (seen.size > maxKeys) seen.delete(seen.keys().next().value!);
      return true;
    };
  };
}
