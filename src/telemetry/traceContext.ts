import type * as api from "@opentelemetry/api";
import type { SpanContext } from "@opentelemetry/api";

/** The package `@opentelemetry/api`, which is loaded only where telemetry is. @internal */
export type OpenTelemetry = typeof api;

/** The fields of the metadata that a span travels in. */
interface TraceFields {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/**
 * Writes the identity of a span into metadata, as the fields `traceparent` and `tracestate`: the names that the distributed
 * tracing extension of CloudEvents 1.0 gives them, in the format of W3C Trace Context, level 1.
 *
 * @returns The metadata itself where it has no room for fields, or where there is no span.
 * @internal
 */
export function writeTraceContext(api: OpenTelemetry, metadata: unknown, span: SpanContext): unknown {
  if (!isPlainObject(metadata) || !api.isSpanContextValid(span)) return metadata;
  const flags = span.traceFlags.toString(16).padStart(2, "0");
  const state = span.traceState?.serialize();
  const fields: TraceFields = {
    traceparent: `00-${span.traceId}-${span.spanId}-${flags}`,
    ...(state && { tracestate: state }),
  };
  return { ...metadata, ...fields };
}

/** Version, trace, span and flags, and what a later version may add. */
const traceparentFormat = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Reads the identity of a span from metadata. Metadata comes from anybody, so whatever is not one is no error: there is no
 * span then.
 *
 * @internal
 */
export function readTraceContext(api: OpenTelemetry, metadata: unknown): SpanContext | undefined {
  if (!isPlainObject(metadata)) return undefined;
  const { traceparent, tracestate } = metadata as Partial<Record<keyof TraceFields, unknown>>;
  const parts = typeof traceparent === "string" ? traceparentFormat.exec(traceparent) : null;
  if (parts === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = parts;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  const span: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1, // Level 1 knows one flag: whether the span was sampled.
    isRemote: true,
    ...(typeof tracestate === "string" && { traceState: api.createTraceState(tracestate) }),
  };
  return api.isSpanContextValid(span) ? span : undefined;
}

/** Whether fields can be added to a copy of a value without changing what else it is. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
