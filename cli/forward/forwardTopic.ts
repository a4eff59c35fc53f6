import { createHash } from "node:crypto";
import {
  catchError,
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  NEVER,
  Observable,
  Subscription,
  takeUntil,
  tap,
  throwError,
} from "rxjs";
import {
  isSluiceError,
  type DataDescriptor,
  type DataSelector,
  type Producer,
  type StartFrom,
  type StreamEvent,
  type Topic,
  type Until,
} from "sluice";
import {
  deadLetterTo,
  processEvents,
  retryWithBackoff,
  type DeadLetterMetadata,
  type RetryOptions,
} from "sluice/operators";
import { CommandError } from "../commandError.ts";
import { isRejection, isRetriable } from "./isRetriable.ts";
import { findForwarded } from "./findForwarded.ts";
import { Numbering } from "./numbering.ts";
import { storeInOrder, type StoreInOrderOptions } from "./storeInOrder.ts";

/** How events go from one topic to another. */
export interface ForwardOptions {
  /** The name of the consumer, under which it goes on where it was. */
  readonly name: string;
  /** Which data goes along. @default all of it */
  readonly dataSelector?: DataSelector | undefined;
  /** Tells the source apart from others that have a topic of its name: where it is. @default nothing */
  readonly origin?: string | undefined;
  /** `"keep"`: into the partition of the same number; `"select"`: as the target's selector says. @default "keep" */
  readonly partition?: "keep" | "select" | undefined;
  /** Where to start when it has never run. @default "earliest" */
  readonly startFrom?: StartFrom | undefined;
  /** When to end. @default at the end of a sealed topic */
  readonly until?: Until | undefined;
  /** What becomes of an event that the target refuses: fail, leave it out, or store it in this topic. @default "fail" */
  readonly rejected?: "fail" | "skip" | Topic<DeadLetterMetadata> | undefined;
  /** What becomes of an event whose metadata cannot be read. @default it goes where refused events go; without such a topic "fail" */
  readonly undecodable?: "fail" | "skip" | undefined;
  /** How often and when what has failed is tried again. @default for ever, after 100 ms to 30 s */
  readonly retry?: RetryOptions | undefined;
  /** An emission ends it, once what is under way is stored. @default never */
  readonly stop?: Observable<unknown> | undefined;
  /** Milliseconds that what is under way may take once it is asked to stop. @default 5000 */
  readonly drainTimeout?: number | undefined;
  /** Told what happens. */
  readonly report?: Partial<ForwardReport> | undefined;
}

/** What a forward tells. */
export interface ForwardReport {
  /** An event is stored in the target, and acknowledged in the source. */
  forwarded(event: StreamEvent): void;
  /** The target refused an event. */
  rejected(event: StreamEvent, error: unknown): void;
  /** Something failed and is tried again. */
  retrying(error: unknown): void;
}

/** Events of one partition that are stored together, at most. */
const maxEvents = 1024;

/** Bytes. A group goes as one batch, so that it is stored whole or not at all. */
const maxBatchBytes = Number.MAX_SAFE_INTEGER;

/**
 * Forwards events from one topic to another, with their data and times. Each event is acknowledged in the source only after it is
 * stored in the target, so a crash loses none. Where partitions are kept, events carry numbers of their place in the source, by which
 * the target and a later run know those that were stored and not acknowledged, so that each is stored once, and the order inside a
 * partition is kept, whatever fails meanwhile. Where the selector of the target chooses, it is kept unless storing fails and is retried:
 * events that went to another partition, or in another batch, may be stored by then.
 *
 * @param source - Where events come from.
 * @param target - Where they go.
 * @param options - See {@link ForwardOptions}.
 * @returns An Observable that forwards for as long as it is subscribed to, and completes as `until` and `stop` say. It fails with
 * what cannot be retried.
 * @throws CommandError when the partitions cannot be kept.
 */
export function forwardTopic(source: Topic, target: Topic, options: ForwardOptions): Observable<never> {
  const { partition = "keep", retry = {}, stop = NEVER, report } = options;
  if (partition === "keep" && target.partitions < source.partitions) {
    throw new CommandError(
      `"${target.name}" has ${target.partitions} partitions, and "${source.name}" has ${source.partitions}`,
      { hint: "add partitions, or let the selector of the target choose with partition: select" },
    );
  }
  const forEver = { count: Number.POSITIVE_INFINITY, ...retry };
  let isRunning = false;
  const once = defer(() => {
    isRunning = true;
    return forwardOnce(source, target, { ...options, partition, retry: forEver, stop });
  }).pipe(finalize(() => (isRunning = false)));
  return once.pipe(
    retryWithBackoff({
      ...forEver,
      isRetriable: (error) => {
        if (!isRetriable(error)) return false;
        report?.retrying?.(error);
        return true;
      },
    }),
    // What runs ends by itself. A wait for the next try need not be waited for.
    takeUntil(stop.pipe(filter(() => !isRunning))),
  );
}

interface OnceOptions extends ForwardOptions {
  readonly retry: RetryOptions;
  readonly stop: Observable<unknown>;
}

function forwardOnce(source: Topic, target: Topic, options: OnceOptions): Observable<never> {
  const { name, dataSelector = selectAll, startFrom, until, stop, drainTimeout = 5000, report } = options;
  const undecodable = options.undecodable ?? (typeof (options.rejected ?? "fail") === "string" ? "fail" : "deliver");
  return new Observable((subscriber) => {
    const consumer = source.consumer(name, { dataSelector, startFrom, until, undecodable, maxBatches: maxEvents });
    // One batch in flight: what is behind one that has failed must not be stored before it is tried again.
    const producer = target.producer({ batchSize: maxEvents, maxBatchBytes, maxBatches: 1, overflow: "buffer" });
    const storing = new Subscription();
    const storeOf = lanes({ source, target, producer, options, within: storing });
    let isStopping = false;
    subscriber.add(
      stop.subscribe(() => {
        isStopping = true;
        consumer.close({ deadline: drainTimeout }).catch(() => {});
      }),
    );
    subscriber.add(storing);
    subscriber.add(() => {
      // What it still has belongs to events that are not acknowledged, and will be forwarded again.
      producer.close({ deadline: 0 }).catch(() => {});
      consumer.close().catch(() => {});
    });
    consumer
      .pipe(
        processEvents((event) => storeOf(event.partition)(event), { concurrency: maxEvents }),
        tap((event) => report?.forwarded?.(event)),
        ignoreElements(),
        // What could not be stored until the deadline of the close is not acknowledged, and is forwarded the next time.
        catchError((error: unknown) =>
          isStopping && isSluiceError(error, "ERR_CLOSED") ? EMPTY : throwError(() => error),
        ),
      )
      .subscribe(subscriber);
  });
}

interface Way {
  readonly source: Topic;
  readonly target: Topic;
  readonly producer: Producer;
  readonly options: OnceOptions;
  readonly within: Subscription;
}

/** One order for each partition of the source. */
function lanes(way: Way): (partition: number) => (event: StreamEvent) => Observable<never> {
  const stores = new Map<number, (event: StreamEvent) => Observable<never>>();
  return (partition) => {
    const store =
      stores.get(partition) ?? storeInOrder(way.options.partition === "keep" ? kept(way, partition) : selected(way));
    stores.set(partition, store);
    return store;
  };
}

/** What the selector of the target puts into several partitions has no numbers: they would have gaps in each. */
function selected({ producer, options, within }: Way): StoreInOrderOptions<StreamEvent> {
  const { retry, report } = options;
  return {
    push: ({ metadata, data, timestamp }) => producer.push(metadata, data, { timestamp }),
    pushed: () => void producer.flush().catch(() => {}),
    isRejection,
    rejected: rejectedTo(options),
    isRetriable,
    retry,
    maxEvents,
    retrying: (error) => report?.retrying?.(error),
    within,
  };
}

function kept(way: Way, partition: number): StoreInOrderOptions<StreamEvent> {
  const { source, target, producer, options } = way;
  const prefix = prefixOf(source, options, partition);
  let numbering: Numbering | undefined;
  return {
    ...selected(way),
    begin: async (events) => {
      // The partitions of a topic may become more while it runs, so they are asked for here.
      const [from, to] = [source.backend.partitions[partition]!, target.backend.partitions[partition]!];
      numbering ??= new Numbering(prefix, await findForwarded(from, to, prefix));
      return numbering.begin(events);
    },
    push: (event) => {
      const { metadata, data, timestamp } = event;
      return producer.push(metadata, data, { partition, timestamp, producer: numbering!.of(event) });
    },
    isDisplaced: (error, event) => {
      const isBehindAGap = isSluiceError(error, "ERR_OUT_OF_SEQUENCE") && (numbering!.of(event)?.sequence ?? 0) > 0;
      if (isBehindAGap) numbering!.renew();
      return isBehindAGap;
    },
  };
}

/** Names of one forward, source and partition begin with it. */
function prefixOf({ name: topic, backend }: Topic, { name, origin = "" }: OnceOptions, partition: number): string {
  const place = createHash("sha256").update(JSON.stringify([origin, topic, backend.config.id ?? ""]));
  return `${name}/${place.digest("hex").slice(0, 16)}/${partition}@`;
}

function selectAll(_metadata: unknown, descriptor: DataDescriptor): DataDescriptor {
  return descriptor;
}

function rejectedTo({ rejected = "fail", report }: ForwardOptions) {
  const store = typeof rejected === "string" ? undefined : deadLetterTo<unknown>(rejected);
  return (event: StreamEvent, error: unknown): Observable<unknown> => {
    report?.rejected?.(event, error);
    if (rejected === "fail") return throwError(() => error);
    return store === undefined ? EMPTY : store({ event, error });
  };
}
