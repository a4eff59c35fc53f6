import { Observable, Subscription, type ObservableInput, type Subscriber } from "rxjs";
import { idAt } from "../src/model/batch.ts";
import type { EventInput } from "../src/model/draft.ts";
import { isSluiceError, SluiceError } from "../src/model/errors.ts";
import type { Receipt } from "../src/model/receipt.ts";
import type { Rejection, RejectionPolicy } from "../src/model/rejection.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import { feed } from "./internal/feed.ts";
import { checkRejectionPolicy } from "./internal/mapDrafts.ts";
import { after } from "../src/model/after.ts";
import type { Downstream } from "./internal/downstream.ts";
import type { OutstandingDraft } from "./internal/outstandingDraft.ts";
import { ProducerCore } from "./internal/producerCore.ts";
import { checkProducerOptions, type OverflowPolicy, type ProducerCoreOptions } from "./internal/producerOptions.ts";
import type { StoredDrafts } from "./internal/pipelineHost.ts";

/** The options of {@link produce}. */
export interface ProduceOptions<I = unknown> extends ProducerCoreOptions {
  /**
   * What becomes of an event that the validator, the selector or the serializer does not accept: `"fail"` ends the
   * stream once all before it is stored, `"skip"` leaves the event out, an observer is handed it. @default "fail"
   */
  readonly rejected?: RejectionPolicy<Rejection<I>> | undefined;
}

/**
 * Stores each event of a stream in a topic, and emits a receipt for each when it is stored.
 *
 * An async iterable (or an iterable) as the source is pulled no faster than the backend stores. An Observable cannot be
 * paused: what it brings too fast waits in memory up to `maxBufferedBytes`, then `overflow` decides.
 *
 * @param topic - The topic.
 * @param options - Name, batches, order, bounds and policies.
 * @throws TypeError or RangeError when an option is wrong, `ERR_UNSUPPORTED` when it asks for a stronger durability than the
 * backend gives.
 * @returns An operator for events `{ metadata, data?, partition? }`. It completes when the source has and all is stored.
 * It fails, after what was accepted is stored, with the error of the source, of a rejected event (`ERR_INVALID_METADATA`,
 * `ERR_INVALID_PARTITION`, `ERR_SERIALIZATION`, `ERR_TIMEOUT`, `ERR_OVERFLOW`), or of the backend (`ERR_STORAGE`,
 * `ERR_TOPIC_SEALED`, `ERR_TOPIC_NOT_FOUND`).
 *
 * @example
 * ```ts
 * import { lastValueFrom, map, range } from "rxjs";
 * import { connect } from "sluice";
 * import { produce } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * const last = await lastValueFrom(range(0, 3).pipe(map((n) => ({ metadata: { n } })), produce(topic)));
 * console.log(last.id); // 2
 * await driver.close();
 * ```
 */
export function produce<M, I = M>(
  topic: TopicHandle<M, I>,
  options: ProduceOptions<I> = {},
): (source: ObservableInput<EventInput<I>>) => Observable<Receipt> {
  const { rejected = "fail", overflow = "fail" } = options;
  checkRejectionPolicy("rejected", rejected);
  const handle = topic as unknown as TopicHandle<I, never>;
  checkProducerOptions(topic, options);
  return (source) =>
    new Observable((subscriber) => {
      const core = new ProducerCore<I>(handle, options, receiptsTo(subscriber, topic.name));
      const feeding = new Subscription();
      subscriber.add(feeding);
      const fail = (error: unknown) => {
        feeding.unsubscribe(); // What the source would still bring could not be stored.
        core.end({ error });
      };
      core.failures.subscribe(({ draft, error }) => {
        if (subscriber.closed) return; // Who has unsubscribed is told nothing more.
        if (isFatal(draft, error, rejected, overflow)) return fail(error);
        if (typeof rejected !== "object") return;
        try {
          rejected.next({ metadata: draft.metadata, data: draft.data, error });
        } catch (thrown) {
          fail(thrown);
        }
      });
      subscriber.add(topic.attach?.({ close: ({ deadline = 5000 } = {}) => drain(core, subscriber, deadline) }));
      feed(source, core, feeding);
    });
}

/** Takes no more events, and waits until those that were taken are stored or the time is over. */
function drain<I>(core: ProducerCore<I>, subscriber: Subscriber<Receipt>, deadline: number): Promise<void> {
  return new Promise((resolve) => {
    const late = after(deadline).subscribe(() => {
      subscriber.error(new SluiceError("ERR_TIMEOUT", `Not all that was pushed could be stored within ${deadline} ms`));
    });
    subscriber.add(() => {
      late.unsubscribe();
      resolve();
    });
    core.end();
  });
}

/** Whether a failed event ends the stream. One that failed after it had been accepted always does. */
function isFatal(
  draft: OutstandingDraft<unknown>,
  error: unknown,
  rejected: unknown,
  overflow: OverflowPolicy,
): boolean {
  if (draft.payload !== undefined) return true;
  if (isSluiceError(error, "ERR_OVERFLOW")) return overflow === "fail";
  return rejected === "fail";
}

/** Turns stored batches into receipts. */
function receiptsTo<I>(subscriber: Subscriber<Receipt>, topic: string): Downstream<StoredDrafts<OutstandingDraft<I>>> {
  return {
    next: ({ partition, drafts, appended }) => {
      for (let i = 0; i < drafts.length && !subscriber.closed; i++) {
        subscriber.next({ topic, partition, id: idAt(appended, i), timestamp: drafts[i]!.timestamp });
      }
    },
    error: (error) => subscriber.error(error),
    complete: () => subscriber.complete(),
    get closed() {
      return subscriber.closed;
    },
    add: (teardown) => subscriber.add(teardown),
  };
}
