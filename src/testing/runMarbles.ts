import { map, type Observable } from "rxjs";
import { TestScheduler, type RunHelpers } from "rxjs/testing";
import { checkFunction } from "../model/check.ts";
import { describeValue } from "../model/describeValue.ts";
import type { EventInput } from "../model/draft.ts";
import type { StreamEvent } from "../model/event.ts";
import { isPromiseLike } from "../model/isPromiseLike.ts";
import type { Receipt } from "../model/receipt.ts";
import type { TopicHandle } from "../model/topicHandle.ts";
import { acknowledged } from "./acknowledged.ts";
import { apartFromRealTime } from "./apartFromRealTime.ts";
import type { EventLog } from "./eventLog.ts";
import { positionOf, type EventPosition } from "./eventPosition.ts";
import { plainEvent, type PlainEvent } from "./plainEvent.ts";
import { stored } from "./stored.ts";
import { TestEvents, type EventsByLetter } from "./testEvents.ts";

/** What is expected of a stream. */
export interface Expectation<T> {
  /**
   * Says what the stream is to look like.
   *
   * @param marbles - The diagram: one character is a millisecond of virtual time.
   * @param values - What stands behind its letters.
   * @param error - What stands behind `#`. @default "error"
   */
  toBe(marbles: string, values?: Readonly<Record<string, T>>, error?: unknown): void;
}

/**
 * What a marble test works with: the helpers of RxJS's `TestScheduler.run`, and those that know topics. Each `subscription`
 * is a diagram of when to subscribe (`^`) and to unsubscribe (`!`); at the start and never when it is left out.
 */
export interface MarbleHelpers extends RunHelpers {
  /**
   * What a producer gets: a cold stream of events `{ metadata }`. The letter itself is the metadata where `values` has none.
   */
  readonly inputs: <I = string>(
    marbles: string,
    values?: Readonly<Record<string, I>>,
    error?: unknown,
  ) => Observable<EventInput<I>>;
  /**
   * What a consumer gives: a cold stream of events that can be acknowledged, held and asked for their data. Ids follow one
   * by one in each partition, unless they are given. `log` notes what is done with the events; by default the stream has
   * one of its own.
   */
  readonly events: <M = string>(
    marbles: string,
    values?: EventsByLetter<M>,
    error?: unknown,
    log?: EventLog,
  ) => TestEvents<M>;
  /** Expects what a topic stores, when it is stored. */
  readonly expectStored: <M, I = M>(topic: TopicHandle<M, I>, subscription?: string) => Expectation<PlainEvent<M>>;
  /** Expects receipts, each as `[partition, id]`. */
  readonly expectReceipts: (receipts$: Observable<Receipt>, subscription?: string) => Expectation<EventPosition>;
  /** Expects events of a consumer, each as a plain value with the data that was brought. */
  readonly expectEvents: <M>(events$: Observable<StreamEvent<M>>, subscription?: string) => Expectation<PlainEvent<M>>;
  /**
   * Expects acknowledgements as they are stored, each as the `[partition, id]` of the last event that it covers: those of a
   * consumer of a topic, or those of events that were made by `events` or {@link makeEvent}.
   */
  readonly expectAcknowledged: ExpectAcknowledged;
}

/** Expects acknowledgements, of a consumer or of events that a test made. */
export interface ExpectAcknowledged {
  /** Those of the consumers of a name, in a topic of {@link testTopic} or of a backend of `withFaults`. */
  <M, I = M>(topic: TopicHandle<M, I>, consumer: string): Expectation<EventPosition>;
  /** Those of events that a test made. */
  (made: { readonly log: EventLog }): Expectation<EventPosition>;
}

/**
 * Runs a marble test in virtual time: a test of an hour takes no time, and the same test always gives the same result.
 *
 * Everything of RxJS and of Sluice that waits is moved, promises are not. So a topic comes from {@link testTopic}, its
 * validator, selector and serializer answer at once, a source is an Observable, and what is asynchronous is a `cold`.
 *
 * @param assertDeepEqual - The deep equality of your test framework: `assert.deepEqual`, `t.deepEqual`,
 * `(actual, expected) => expect(actual).toEqual(expected)`. It throws, or returns false, when the two differ.
 * @param test - Builds streams and says what is expected of them. Virtual time runs when it has returned, and at `flush()`.
 * @returns What the test returns.
 * @throws TypeError when an argument is not a function or the test is asynchronous, and what `assertDeepEqual` throws.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { acknowledge, consume, produce } from "sluice/operators";
 * import { FaultPlan, runMarbles, testTopic, withFaults } from "sluice/testing";
 *
 * runMarbles(assert.deepEqual, ({ inputs, expectReceipts, expectAcknowledged }) => {
 *   const faults = new FaultPlan();
 *   faults.append.delay(2);
 *   const topic = testTopic<string>({ backend: withFaults(memoryBackend(), faults) });
 *
 *   expectReceipts(inputs("a----b|").pipe(produce(topic))).toBe("--a----(b|)", { a: [0, 0], b: [0, 1] });
 *   consume(topic, "app2").pipe(acknowledge()).subscribe();
 *   expectAcknowledged(topic, "app2").toBe("a----b", { a: [0, 0], b: [0, 1] });
 * });
 * console.log("as expected"); // as expected
 * ```
 */
export function runMarbles<T>(
  assertDeepEqual: (actual: unknown, expected: unknown) => unknown,
  test: (helpers: MarbleHelpers) => T,
): T {
  checkFunction("assertDeepEqual", assertDeepEqual);
  checkFunction("test", test);
  const scheduler = new TestScheduler((actual, expected) => {
    if (assertDeepEqual(actual, expected) === false) {
      throw new Error(`Expected ${describeValue(expected)} but got ${describeValue(actual)}`);
    }
  });
  return apartFromRealTime(() =>
    scheduler.run((helpers) => {
      const answer = test(helpersOf(helpers));
      if (isPromiseLike(answer)) throw new TypeError("'test' must not be asynchronous: virtual time moves no promise");
      return answer;
    }),
  );
}

function helpersOf(helpers: RunHelpers): MarbleHelpers {
  const expect = <T>(source$: Observable<T>, subscription?: string): Expectation<T> =>
    helpers.expectObservable(source$, subscription);
  return {
    ...helpers,
    inputs: <I>(marbles: string, values?: Readonly<Record<string, I>>, error?: unknown) =>
      helpers.cold(marbles, undefined, error).pipe(map((letter) => ({ metadata: valueOf(letter, values) }))),
    events: (marbles, values, error, log) => new TestEvents(helpers.cold, marbles, values, error, log),
    expectStored: (topic, subscription) => expect(stored(topic), subscription),
    expectReceipts: (receipts$, subscription) => expect(receipts$.pipe(map(positionOf)), subscription),
    expectEvents: (events$, subscription) => expect(events$.pipe(map(plainEvent)), subscription),
    expectAcknowledged: <M, I>(subject: TopicHandle<M, I> | { readonly log: EventLog }, consumer?: string) =>
      expect("log" in subject ? subject.log.acknowledgements : acknowledged(subject, consumer!)),
  };
}

/** A letter that stands for nothing stands for itself. */
function valueOf<I>(letter: string, values: Readonly<Record<string, I>> | undefined): I {
  return values !== undefined && Object.hasOwn(values, letter) ? values[letter]! : (letter as I);
}
