import type { Context, Meter, Tracer } from "@opentelemetry/api";
import type { NextObserver, Subscription } from "rxjs";
import type { EventHandler } from "../../operators/processEvents.ts";
import type { BatchReport } from "../../operators/internal/pipelineHost.ts";
import { importOptional } from "../components/importOptional.ts";
import type { StreamEvent } from "../model/event.ts";
import type { PushTracer } from "../model/pushTracer.ts";
import type { StatisticsOptions } from "../statistics/sampled.ts";
import type { TopicStatisticsOptions } from "../statistics/topicStatistics.ts";
import { makeInstruments } from "./instruments.ts";
import {
  measureBatches,
  measureConsumer,
  measureProducer,
  measureRobustProducer,
  measureTopic,
  type MeasuredConsumer,
  type MeasuredProducer,
  type MeasuredRobustProducer,
  type MeasuredTopic,
} from "./measure.ts";
import { contextOf, traceHandler, type TraceHandlerOptions } from "./traceHandler.ts";
import { tracePushes } from "./tracePushes.ts";

/** Where telemetry goes. */
export interface TelemetryOptions {
  /** Makes the spans. @default that of the provider that the process has registered, by the name `sluice` */
  readonly tracer?: Tracer | undefined;
  /** Makes the instruments. @default that of the provider that the process has registered, by the name `sluice` */
  readonly meter?: Meter | undefined;
}

/** What Sluice tells OpenTelemetry. Each part is asked for by itself. */
export interface Telemetry {
  /**
   * For the option `trace` of any producer: a span for each event from its push until it is stored, which travels in the
   * metadata of the event as `traceparent` and `tracestate`.
   */
  readonly trace: PushTracer;
  /**
   * A handler for `processEvents` or `consumer.process` that runs in a span of its own for each event, with a link to the
   * span of its push. Takes the time for `messaging.process.duration` as well.
   *
   * @param handler - What is done with an event.
   * @param options - The consumer's name, and whether the span is a child of the push.
   */
  traceHandler<M>(handler: EventHandler<M>, options?: TraceHandlerOptions): EventHandler<M>;
  /**
   * The span that an event has brought with it, as a context: to start spans in, or to link them to.
   *
   * @param event - The event.
   */
  contextOf(event: StreamEvent<unknown>): Context;
  /**
   * Counts what a producer stores and what fails, with how long that takes, and shows what it holds.
   *
   * @param producer - The producer.
   * @param options - How often what it holds is looked at.
   * @returns What ends it; closing the producer does as well.
   */
  measureProducer(producer: MeasuredProducer, options?: StatisticsOptions): Subscription;
  /**
   * Counts what a producer stores that has no object, as `produce()` makes one: for its option `batches`.
   *
   * @param topic - The name of the topic.
   */
  measureBatches(topic: string): NextObserver<BatchReport>;
  /**
   * Counts what a robust producer delivers and puts aside, and shows what is left in its journal.
   *
   * @param producer - The robust producer.
   * @param topic - The name of its topic.
   * @returns What ends it; closing the producer does as well.
   */
  measureRobustProducer(producer: MeasuredRobustProducer, topic: string): Subscription;
  /**
   * Counts what a consumer is given, and shows how far it is behind and what it holds.
   *
   * @param consumer - The consumer.
   * @param options - How often it is looked at.
   * @returns What ends it; closing the consumer does as well.
   */
  measureConsumer(consumer: MeasuredConsumer, options?: StatisticsOptions): Subscription;
  /**
   * Shows how many events a topic holds, and how far consumers of any process are behind.
   *
   * @param topic - The topic.
   * @param options - The names of the consumers, and how often it is looked at.
   * @returns What ends it.
   */
  measureTopic(topic: MeasuredTopic, options?: TopicStatisticsOptions): Subscription;
}

/**
 * Spans and metrics for OpenTelemetry, by the semantic conventions for messaging. It needs the optional package
 * `@opentelemetry/api`, which is loaded when this is called. Where no provider is registered everything does nothing.
 *
 * @param options - Tracer and meter, where they are not those of the process.
 * @throws SluiceError `ERR_MISSING_DEPENDENCY` when `@opentelemetry/api` is not installed.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 * import { loadTelemetry } from "sluice/telemetry";
 *
 * const { trace, traceHandler, measureProducer } = await loadTelemetry();
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions");
 * const producer = topic.producer({ trace });
 * measureProducer(producer);
 * await producer.push({ energy: 42 });
 * const handler = traceHandler<{ energy: number }>(({ metadata }) => console.log(metadata.energy)); // 42
 * await topic.consumer("app2", { until: "end" }).process(handler);
 * await driver.close();
 * ```
 */
export async function loadTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const api = await importOptional("@opentelemetry/api", "Telemetry", () => import("@opentelemetry/api"));
  const { tracer = api.trace.getTracer("sluice"), meter = api.metrics.getMeter("sluice") } = options;
  const instruments = makeInstruments(meter);
  return {
    trace: tracePushes(api, tracer),
    traceHandler: (handler, choices = {}) => traceHandler({ api, tracer, instruments }, handler, choices),
    contextOf: (event) => contextOf(api, event),
    measureProducer: (producer, choices = {}) => measureProducer(instruments, producer, choices),
    measureRobustProducer: (producer, topic) => measureRobustProducer(instruments, producer, topic),
    measureBatches: (topic) => measureBatches(instruments, topic),
    measureConsumer: (consumer, choices = {}) => measureConsumer(instruments, consumer, choices),
    measureTopic: (topic, choices = {}) => measureTopic(instruments, topic, choices),
  };
}
