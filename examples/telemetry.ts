// Spans that travel in the events from a producer to a handler, and metrics of both. A program would register the
// providers of its SDK and an exporter; this one keeps everything in memory and prints it.

import { metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { connect } from "sluice";
import { loadTelemetry } from "sluice/telemetry";

const spans = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
const collected = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: collected, exportIntervalMillis: 60_000 });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

const telemetry = await loadTelemetry();
const driver = await connect("memory:");
const topic = await driver.createTopic<{ energy: number }>("collisions");

const producer = topic.producer({ trace: telemetry.trace });
telemetry.measureProducer(producer);
for (const energy of [7, 42, -1]) producer.push({ energy });
await producer.flush();

const handler = telemetry.traceHandler<{ energy: number }>(
  ({ metadata: { energy } }) => {
    if (energy < 0) throw new RangeError("no collision has less than no energy");
  },
  { consumer: "app2", relation: "parent" },
);
await topic.consumer("app2", { until: "end" }).process(handler, { deadLetter: () => undefined });

const all = spans.getFinishedSpans();
for (const push of all.filter(({ name }) => name.startsWith("push"))) {
  const children = all.filter(({ parentSpanContext }) => parentSpanContext?.spanId === push.spanContext().spanId);
  for (const { name, attributes } of children) console.log(`${push.name} > ${name}`, attributes["error.type"] ?? "ok");
}

await reader.forceFlush();
for (const { descriptor, dataPoints } of collected.getMetrics()[0]!.scopeMetrics[0]!.metrics) {
  for (const { value } of dataPoints) console.log(descriptor.name, typeof value === "number" ? value : value.count);
}
await driver.close();
