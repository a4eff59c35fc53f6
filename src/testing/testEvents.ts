import { defer, map, Observable } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import type { StreamEvent } from "../model/event.ts";
import { EventLog } from "./eventLog.ts";
import { makeEvent, type TestEventOptions } from "./makeEvent.ts";

/** The events that stand behind the letters of a marble diagram. */
export type EventsByLetter<M = unknown> = Readonly<Record<string, Omit<TestEventOptions<M>, "log">>>;

/** When something was subscribed to and unsubscribed from, for `expectSubscriptions`. */
export type SubscriptionLogs = ReturnType<RunHelpers["cold"]>["subscriptions"];

/**
 * The stream of a consumer, made of marbles by the helper `events` of {@link runMarbles}. Each subscription gets events of
 * its own; what is done with all of them is in one log.
 *
 * @typeParam M - The metadata of its events.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { acknowledge } from "sluice/operators";
 * import { runMarbles, type TestEvents } from "sluice/testing";
 *
 * runMarbles(assert.deepEqual, ({ events, expectSubscriptions }) => {
 *   const source$: TestEvents<string> = events("ab|", { a: { metadata: "first" }, b: { metadata: "second" } });
 *   source$.pipe(acknowledge()).subscribe({ complete: () => console.log(source$.log.acknowledged) }); // [ [ 0, 0 ], [ 0, 1 ] ]
 *   expectSubscriptions(source$.subscriptions).toBe("^-!");
 * });
 * ```
 */
export class TestEvents<M = unknown> extends Observable<StreamEvent<M>> {
  /** What was done with the events. */
  readonly log: EventLog;
  /** Its subscriptions, for `expectSubscriptions`. */
  readonly subscriptions: SubscriptionLogs;

  /** @internal */
  constructor(
    cold: RunHelpers["cold"],
    marbles: string,
    values: EventsByLetter<M> | undefined,
    error: unknown,
    log = new EventLog(),
  ) {
    const letters$ = cold(marbles, undefined, error);
    const events$ = defer(() => {
      const nextIds = new Map<number, number>();
      return letters$.pipe(map((letter) => eventOf(optionsOf(letter, values), nextIds, log)));
    });
    super((subscriber) => events$.subscribe(subscriber));
    this.log = log;
    this.subscriptions = letters$.subscriptions;
  }
}

function optionsOf<M>(letter: string, values: EventsByLetter<M> | undefined): TestEventOptions<M> {
  return values?.[letter] ?? { metadata: letter as M };
}

/** Ids follow one by one in each partition, from the last one that was given. */
function eventOf<M>(options: TestEventOptions<M>, nextIds: Map<number, number>, log: EventLog): StreamEvent<M> {
  const { partition = 0 } = options;
  const { id = nextIds.get(partition) ?? 0 } = options;
  nextIds.set(partition, id + 1);
  return makeEvent({ ...options, id, log });
}
