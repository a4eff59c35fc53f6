import type { Counter, Histogram, Meter, ObservableGauge } from "@opentelemetry/api";

/** What is measured, by the names of the semantic conventions where they have one. @internal */
export interface Instruments {
  /** Events that were handed to a backend. */
  readonly sent: Counter;
  /** Events that never got there. */
  readonly rejected: Counter;
  /** Events that were delivered. */
  readonly consumed: Counter;
  /** Seconds that a call to the backend took. */
  readonly operations: Histogram;
  /** Seconds that a handler took. */
  readonly processed: Histogram;
  /** Events in each stored batch. */
  readonly batchSizes: Histogram;
  /** Events that are waiting or in flight in a producer. */
  readonly outstanding: ObservableGauge;
  /** Bytes in the journal of a robust producer that are to be sent. */
  readonly journal: ObservableGauge;
  /** Bytes that a producer or a consumer holds. */
  readonly buffered: ObservableGauge;
  /** Events that a consumer has not acknowledged. */
  readonly lag: ObservableGauge;
  /** Events that a topic holds. */
  readonly stored: ObservableGauge;
}

/** Seconds, as the conventions want the buckets. */
const seconds = {
  unit: "s",
  advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
};

/** @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/ @internal */
export function makeInstruments(meter: Meter): Instruments {
  const counter = (name: string, description: string) => meter.createCounter(name, { unit: "{message}", description });
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(name, { unit, description });
  return {
    sent: counter("messaging.client.sent.messages", "Events that were handed to the backend"),
    rejected: counter("sluice.producer.rejected", "Events that failed before they were handed to the backend"),
    consumed: counter("messaging.client.consumed.messages", "Events that were delivered"),
    operations: meter.createHistogram("messaging.client.operation.duration", {
      ...seconds,
      description: "Duration of the storing of batches",
    }),
    processed: meter.createHistogram("messaging.process.duration", {
      ...seconds,
      description: "Duration of the handling of events",
    }),
    batchSizes: meter.createHistogram("sluice.producer.batch.size", {
      unit: "{message}",
      description: "Events in each batch that was stored",
      advice: { explicitBucketBoundaries: [1, 4, 16, 64, 256, 1024, 4096, 16384] },
    }),
    outstanding: gauge("sluice.producer.outstanding", "{message}", "Events that are waiting or in flight"),
    journal: gauge("sluice.producer.journal.size", "By", "Bytes in the journal that are to be sent"),
    buffered: gauge("sluice.buffered", "By", "Bytes that producers and consumers hold"),
    lag: gauge("sluice.consumer.lag", "{message}", "Stored events that the consumer has not acknowledged"),
    stored: gauge("sluice.topic.events", "{message}", "Events that the topic holds"),
  };
}
