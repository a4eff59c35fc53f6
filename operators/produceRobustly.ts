import { from, Observable, Subscription, type ObservableInput, type Subscriber } from "rxjs";
import type { EventInput } from "../src/model/draft.ts";
import { SluiceError } from "../src/model/errors.ts";
import type { Rejection, RejectionPolicy } from "../src/model/rejection.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import { feed } from "./internal/feed.ts";
import { checkRejectionPolicy } from "./internal/mapDrafts.ts";
import { closeRobust } from "./internal/robust/closeRobust.ts";
import { openRobust, type OpenRobust } from "./internal/robust/openRobust.ts";
import { checkRobustOptions, type RobustOptions } from "./internal/robust/robustOptions.ts";
import type { Outcome } from "./internal/robust/robustTypes.ts";

/** The options of {@link produceRobustly}. */
export interface ProduceRobustlyOptions<M = unknown, I = M> extends RobustOptions<M> {
  /**
   * What becomes of an event that the validator, the selector or the serializer does not accept: `"fail"` ends the
   * stream once all before it is stored, `"skip"` leaves the event out, an observer is handed it. @default "fail"
   */
  readonly rejected?: RejectionPolicy<Rejection<I>> | undefined;
}

/**
 * Keeps each event of a stream in a journal on the local disk, and stores it in the topic when that can be done, across
 * outages and restarts. What an earlier process has left in the journal is stored first.
 *
 * An async iterable (or an iterable) as the source is pulled no faster than the journal takes events.
 *
 * @param topic - The topic.
 * @param options - The journal, and how it is filled and emptied.
 * @returns An operator for events `{ metadata, data?, partition? }`. It emits what becomes of each event in the journal, and
 * completes when the source has and the journal is empty. Unsubscribing leaves the rest in the journal. It fails when the
 * journal cannot be opened (`ERR_LOCKED`, `ERR_STORAGE`, `ERR_STALE_JOURNAL`), with the error of the source or of an event
 * that was not accepted, once all before it is dealt with, and with `ERR_CLOSED` when the driver is closed before.
 * @throws TypeError or RangeError when an option is wrong.
 *
 * @example
 * ```ts
 * import { lastValueFrom, of } from "rxjs";
 * import { connect } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { produceRobustly } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * const journal = memoryBackend(); // A directory in life: "publisher.journal"
 * const last = await lastValueFrom(of({ metadata: { n: 1 } }, { metadata: { n: 2 } }).pipe(produceRobustly(topic, { journal })));
 * console.log(last.kind, last.position); // delivered 1
 * await driver.close();
 * ```
 */
export function produceRobustly<M, I = M>(
  topic: TopicHandle<M, I>,
  options: ProduceRobustlyOptions<M, I>,
): (source: ObservableInput<EventInput<I>>) => Observable<Outcome> {
  const { rejected = "fail", ...rest } = options;
  checkRejectionPolicy("rejected", rejected);
  checkRobustOptions(rest);
  const handle = topic as unknown as TopicHandle<I, never>;
  /** A journal is for one at a time, so a subscription waits until the one before has let go. */
  let closing: Promise<unknown> = Promise.resolve();
  return (source) =>
    new Observable((subscriber) => {
      const opening = closing.then(() => openRobust<I>(handle, rest as unknown as RobustOptions<never>));
      const leave = (deadline: number) => opening.then((robust) => closeRobust(robust, deadline));
      const closed = new Promise<void>((resolve) => {
        subscriber.add(
          () =>
            void leave(0).then(
              () => resolve(),
              () => resolve(),
            ),
        ); // Nobody is left to be told.
      });
      closing = closed;
      opening.then(
        (robust) => run(source, robust, subscriber, rejected),
        (error: unknown) => subscriber.error(error),
      );
      subscriber.add(
        topic.attach?.({
          close: async ({ deadline = 5000 } = {}) => {
            const { left } = await leave(deadline);
            if (left > 0) subscriber.error(leftBehind(left));
            await closed;
          },
        }),
      );
    });
}

function run<I>(
  source: ObservableInput<EventInput<I>>,
  { core, rules }: OpenRobust<I>,
  subscriber: Subscriber<Outcome>,
  rejected: RejectionPolicy<Rejection<I>>,
): void {
  if (subscriber.closed) return;
  const feeding = new Subscription();
  subscriber.add(feeding);
  subscriber.add(() => core.abort());
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    feeding.unsubscribe(); // What the source would still bring could not be told of.
    core.end();
  };
  subscriber.add(core.outcomes.subscribe({ next: (outcome) => subscriber.next(outcome) }));
  if (rules.delivery === "automatic") core.start();
  core.failures.subscribe(({ draft, error }) => {
    if (subscriber.closed) return;
    if (rejected === "fail" || draft.payload !== undefined) return fail(error);
    if (typeof rejected !== "object") return;
    try {
      rejected.next({ metadata: draft.metadata, data: draft.data, error });
    } catch (thrown) {
      fail(thrown);
    }
  });
  from(core.accepted).subscribe(() => {
    failure ??= core.failure;
    from(core.drain()).subscribe({
      complete: () => {
        if (failure === undefined) subscriber.complete();
        else subscriber.error(failure.error);
      },
      error: () => undefined, // It is being closed, and whoever does that tells the subscriber.
    });
  });
  feed(source, core, feeding);
}

function leftBehind(left: number): SluiceError {
  return new SluiceError(
    "ERR_CLOSED",
    `The driver was closed while ${left} events were in the journal, which will be sent later`,
    {
      details: { left },
    },
  );
}
