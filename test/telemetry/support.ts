import { AsyncLocalStorage } from "node:async_hooks";
import { context, ROOT_CONTEXT, type Context, type ContextManager } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { loadTelemetry, type Telemetry } from "sluice/telemetry";

/** Telemetry into memory. */
export interface Recorded {
  readonly telemetry: Telemetry;
  readonly tracer: ReturnType<BasicTracerProvider["getTracer"]>;
  /** The spans that have ended. */
  spans(): ReturnType<InMemorySpanExporter["getFinishedSpans"]>;
  /** The points of a metric as they are now. */
  points(name: string): Promise<readonly DataPoint<number | Histogram>[]>;
}

/** Makes telemetry that is kept in memory. */
export async function recordTelemetry(): Promise<Recorded> {
  const spans = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  const tracer = provider.getTracer("test");
  return {
    telemetry: await loadTelemetry({ tracer, meter: meters.getMeter("test") }),
    tracer,
    spans: () => spans.getFinishedSpans(),
    async points(name) {
      metrics.reset();
      await reader.forceFlush();
      const scopes = metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      const metric = scopes.flatMap((scope) => scope.metrics).find(({ descriptor }) => descriptor.name === name);
      return (metric?.dataPoints ?? []) as DataPoint<number | Histogram>[];
    },
  };
}

/** Lets contexts follow promises, as the context manager of an application does. */
export function followContexts(): void {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, work, self, ...args) => storage.run(active, () => work.call(self as never, ...args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  context.setGlobalContextManager(manager);
}
