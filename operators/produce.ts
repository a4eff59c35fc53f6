import { Observable, type ObservableInput, type Subscriber, type TeardownLogic } from "rxjs";
import { idAt } from "../src/model/batch.ts";
import type { EventInput } from "../src/model/draft.ts";
import { isSluiceError } from "../src/model/errors.ts";
import { isPromiseLike } from "../src/model/isPromiseLike.ts";
import type { Receipt } from "../src/model/receipt.ts";
import type { RejectionPolicy } from "../src/model/rejection.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import { innerFrom } from "./internal/innerFrom.ts";
import { checkRejectionPolicy } from "./internal/mapDrafts.ts";
import { ProducerCore, settling, type OutstandingDraft, type OverflowPolicy, type ProducerCoreOptions } from "./internal/producerCore.ts";
import type { StoredDrafts } from "./internal/producerPipeline.ts";

/** The options of {@link produce}. */
export interface ProduceOptions extends ProducerCoreOptions {
  /**
   * What becomes of an event that the validator, the selector or the serializer does not accept: `"fail"` ends the
   * stream once all before it is stored, `"skip"` leaves the event out, an observer is handed it. @default "fail"
   */
  readonly rejected?: RejectionPolicy | undefined;
}

/**
 * Stores each event of a stream in a topic, and emits a receipt for each when it is stored.
 *
 * An async iterable (or an iterable) as the source is pulled no faster than the backend stores. An Observable cannot be
 * paused: what it brings too fast waits in memory up to `maxBufferedBytes`, then `overflow` decides.
 *
 * @param topic - The topic.
 * @param options - Name, batches, order, bounds and policies.
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
  options: ProduceOptions = {},
): (source: ObservableInput<EventInput<I>>) => Observable<Receipt> {
  const { rejected = "fail", overflow = "fail" } = options;
  checkRejectionPolicy("rejected", rejected);
  const handle = topic as unknown as TopicHandle<I, never>;
  void new ProducerCore(handle, options); // So that a wrong option is told now and not at the subscription.
  return (source) =>
    new Observable((subscriber) => {
      const core = new ProducerCore<I>(handle, options);
      core.failures.subscribe(({ draft, error }) => {
        if (isFatal(draft, error, rejected, overflow)) core.error(error);
        else if (typeof rejected === "object") rejected.next({ metadata: draft.metadata, data: draft.data, error });
      });
      subscriber.add(
        settling(core, (stored) => emitReceipts(subscriber, topic.name, stored), {
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
      return feed(source, core);
    });
}

/** Whether a failed event ends the stream. One that failed after it had been accepted always does. */
function isFatal(draft: OutstandingDraft<unknown>, error: unknown, rejected: RejectionPolicy, overflow: OverflowPolicy): boolean {
  if (draft.payload !== undefined) return true;
  if (isSluiceError(error, "ERR_OVERFLOW")) return overflow === "fail";
  return rejected === "fail";
}

function emitReceipts<M>(
  subscriber: Subscriber<Receipt>,
  topic: string,
  { partition, drafts, appended }: StoredDrafts<OutstandingDraft<M>>,
): void {
  for (let i = 0; i < drafts.length && !subscriber.closed; i++) {
    subscriber.next({ topic, partition, id: idAt(appended, i), timestamp: drafts[i]!.timestamp });
  }
}

function feed<I>(source: ObservableInput<EventInput<I>>, core: ProducerCore<I>): TeardownLogic {
  if (isIterable(source)) return pull(source, core);
  return innerFrom(source).subscribe({
    next: (input) => core.pushInput(input),
    error: (error: unknown) => core.error(error),
    complete: () => core.complete(),
  });
}

type PullSource<T> = AsyncIterable<T> | Iterable<T>;

function isIterable<T>(source: ObservableInput<T>): source is PullSource<T> & ObservableInput<T> {
  if (source instanceof Observable) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}

/** Pulls events while there is room. Returns what stops pulling and lets the source clean up. */
function pull<I>(source: PullSource<EventInput<I>>, core: ProducerCore<I>): TeardownLogic {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let exhausted = false;
  let stopped = false;
  const run = async () => {
    while (!stopped && !core.isEnded) {
      if (!core.isReady) await nextRoom(core);
      if (stopped || core.isEnded) break;
      const answer = iterator.next();
      const { done, value } = isPromiseLike(answer) ? await answer : answer;
      if (done === true) exhausted = true;
      if (done === true) return core.complete();
      if (!stopped) core.pushInput(value);
    }
  };
  const stop = () => {
    stopped = true;
    core.room.next();
    if (exhausted || iterator.return === undefined) return;
    exhausted = true;
    Promise.resolve(iterator.return()).catch(() => undefined); // Its own clean-up has nobody left to tell.
  };
  run().then(
    () => {
      if (!exhausted) stop();
    },
    (error: unknown) => {
      exhausted = true;
      core.error(error);
    },
  );
  return stop;
}

function nextRoom<M>(core: ProducerCore<M>): Promise<void> {
  return new Promise((resolve) => {
    const subscription = core.room.subscribe(() => {
      subscription.unsubscribe();
      resolve();
    });
  });
}
