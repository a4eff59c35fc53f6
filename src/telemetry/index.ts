export { loadTelemetry, type Telemetry, type TelemetryOptions } from "./loadTelemetry.ts";
export type { TraceHandlerOptions } from "./traceHandler.ts";
export type { MeasuredConsumer, MeasuredProducer, MeasuredRobustProducer, MeasuredTopic } from "./measure.ts";
