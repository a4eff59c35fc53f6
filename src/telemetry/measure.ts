import type { Attributes, ObservableGauge, ObservableResult } from "@opentelemetry/api";
import { EMPTY, retry, Subscription, timer, type NextObserver, type Observable } from "rxjs";
import type { BatchReport } from "../../operators/internal/pipelineHost.ts";
import type { Outcome } from "../../operators/internal/robust/robustTypes.ts";
import type { Consumer } from "../consumer.ts";
import { isSluiceError, type ErrorCode } from "../model/errors.ts";
import type { Producer } from "../producer.ts";
import type { RobustProducer } from "../robustProducer.ts";
import type { TopicStatisticsOptions } from "../statistics/topicStatistics.ts";
import type { StatisticsOptions } from "../statistics/sampled.ts";
import type { Topic } from "../topic.ts";
import { errorType, operationAttributes } from "./attributes.ts";
import type { Instruments } from "./instruments.ts";

/** Errors of events that were never handed to the backend: the conventions do not count those as sent. */
const neverSent: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "ERR_INVALID_METADATA",
  "ERR_INVALID_PARTITION",
  "ERR_SERIALIZATION",
  "ERR_COMPONENT",
  "ERR_OVERFLOW",
  "ERR_DATA_CHANGED",
  "ERR_CLOSED",
]);

/** What is looked at of a producer; a `Producer` has it. */
export interface MeasuredProducer extends Pick<Producer<never>, "topic" | "batches" | "statistics"> {
  /** Each event that fails, with its error. */
  readonly errors: Observable<{
    /** Why it has failed. */
    readonly error: unknown;
  }>;
}

/** What is looked at of a robust producer; a `RobustProducer` has it. */
export type MeasuredRobustProducer = Pick<RobustProducer, "status" | "outcomes">;

/** What is looked at of a consumer; a `Consumer` has it. */
export type MeasuredConsumer = Pick<Consumer<never>, "topic" | "name" | "statistics">;

/** What is looked at of a topic; a `Topic` has it. */
export type MeasuredTopic = Pick<Topic<never>, "name" | "statistics">;

/** Counts the batches that a producer of a topic stores. @internal */
export function measureBatches(
  { sent, operations, batchSizes }: Instruments,
  topic: string,
): NextObserver<BatchReport> {
  const attributes = operationAttributes("send", topic);
  return {
    next({ partition, count, duration }) {
      const placed = { ...attributes, "messaging.destination.partition.id": String(partition) };
      sent.add(count, placed);
      operations.record(duration / 1000, placed);
      batchSizes.record(count, attributes);
    },
  };
}

/** Counts what a producer stores and what fails, and shows what it holds, until it is closed. @internal */
export function measureProducer(
  instruments: Instruments,
  producer: MeasuredProducer,
  options: StatisticsOptions,
): Subscription {
  const attributes = operationAttributes("send", producer.topic);
  const { measuring, show } = measure(producer.statistics(options));
  measuring.add(producer.batches.subscribe(measureBatches(instruments, producer.topic)));
  const failed = ({ error }: { readonly error: unknown }) => {
    const counter = isSluiceError(error) && neverSent.has(error.code) ? instruments.rejected : instruments.sent;
    counter.add(1, { ...attributes, "error.type": errorType(error) });
  };
  measuring.add(producer.errors.subscribe({ next: failed, error: () => undefined }));
  show(instruments.outstanding, ({ outstanding }) => [[outstanding, attributes]]);
  show(instruments.buffered, ({ bufferedBytes }) => [[bufferedBytes, attributes]]);
  return measuring;
}

/** Counts what a robust producer delivers and puts aside, and shows what is left in its journal, until it is closed. @internal */
export function measureRobustProducer(
  { sent, outstanding, journal }: Instruments,
  producer: MeasuredRobustProducer,
  topic: string,
): Subscription {
  const attributes = operationAttributes("send", topic);
  const { measuring, show } = measure(producer.status);
  const count = (outcome: Outcome) =>
    sent.add(1, {
      ...attributes,
      "messaging.destination.partition.id": String(outcome.partition),
      ...(outcome.kind === "dead" && { "error.type": errorType(outcome.error) }),
    });
  measuring.add(producer.outcomes.subscribe(count));
  show(outstanding, ({ queued, inFlight }) => [[queued + inFlight, attributes]]);
  show(journal, ({ bytes }) => [[bytes, attributes]]);
  return measuring;
}

/** Counts what is delivered to a consumer, and shows its lag and what it holds, until it is closed. @internal */
export function measureConsumer(
  { consumed, lag, buffered }: Instruments,
  consumer: MeasuredConsumer,
  options: StatisticsOptions,
): Subscription {
  const behind = lagAttributes(consumer.topic, consumer.name);
  const attributes = { ...operationAttributes("receive", consumer.topic), ...behind };
  const { measuring, show } = measure(consumer.statistics(options), ({ events }) => consumed.add(events, attributes));
  show(lag, (sample) => (sample.lag === undefined ? [] : [[sample.lag, behind]]));
  show(buffered, ({ bufferedBytes }) => [[bufferedBytes, attributes]]);
  return measuring;
}

/** Shows how many events a topic holds, and how far consumers are behind. @internal */
export function measureTopic(
  { stored, lag }: Instruments,
  topic: MeasuredTopic,
  options: TopicStatisticsOptions,
): Subscription {
  const attributes = { "messaging.system": "sluice", "messaging.destination.name": topic.name };
  // A backend that is away for a moment ends the samples; they are taken again when it is back.
  const samples = topic.statistics(options).pipe(retry({ delay: (error) => again(error, options) }));
  const { measuring, show } = measure(samples);
  show(stored, ({ events }) => [[events, attributes]]);
  show(lag, (sample) =>
    Object.entries(sample.lag).map(([name, behind]) => [behind, lagAttributes(topic.name, name)] as const),
  );
  return measuring;
}

/** What a gauge shows: values, each with what it is about. */
type Shown = readonly (readonly [value: number, attributes: Attributes])[];

/**
 * Takes samples, and shows the newest one in gauges whenever somebody collects them. Both end with the samples.
 *
 * @param each - Called with each sample.
 */
function measure<S>(samples: Observable<S>, each: (sample: S) => void = () => {}) {
  const measuring = new Subscription();
  let newest: S | undefined;
  measuring.add(
    samples.subscribe({
      next: (sample) => each((newest = sample)),
      complete: () => measuring.unsubscribe(),
      error: () => measuring.unsubscribe(), // The driver is closed.
    }),
  );
  const show = (gauge: ObservableGauge, shown: (sample: S) => Shown) => {
    const collect = (result: ObservableResult) => {
      if (newest === undefined) return;
      for (const [value, attributes] of shown(newest)) result.observe(value, attributes);
    };
    gauge.addCallback(collect);
    measuring.add(() => gauge.removeCallback(collect));
  };
  return { measuring, show };
}

/** When samples are taken again that have failed; never on a driver that is closed. */
function again(error: unknown, { every = 1000 }: StatisticsOptions): Observable<unknown> {
  return isSluiceError(error, "ERR_CLOSED") ? EMPTY : timer(every);
}

function lagAttributes(topic: string, consumer: string): Attributes {
  return {
    "messaging.system": "sluice",
    "messaging.destination.name": topic,
    "messaging.consumer.group.name": consumer,
  };
}
