import type { Span, Tracer } from "@opentelemetry/api";
import type { PushedEvent, PushTrace, PushTracer } from "../model/pushTracer.ts";
import { errorType, operationAttributes } from "./attributes.ts";
import { readTraceContext, writeTraceContext, type OpenTelemetry } from "./traceContext.ts";

/** A span for each event that is pushed, from the push until it is stored or has failed. @internal */
export function tracePushes(api: OpenTelemetry, tracer: Tracer): PushTracer {
  return {
    begin({ topic, producer, dataSize, metadata }: PushedEvent): PushTrace {
      // Where the event has come from elsewhere its own span goes on travelling, and this one refers to it.
      const origin = readTraceContext(api, metadata);
      const span = tracer.startSpan(`push ${topic}`, {
        kind: api.SpanKind.PRODUCER,
        attributes: {
          ...operationAttributes("push", topic),
          "messaging.message.body.size": dataSize,
          ...(producer !== undefined && { "messaging.client.id": producer }),
        },
        links: origin === undefined ? [] : [{ context: origin }],
      });
      return {
        carry: (stored) => (origin === undefined ? writeTraceContext(api, stored, span.spanContext()) : stored),
        ...endOf(api, span),
      };
    },
  };
}

function endOf(api: OpenTelemetry, span: Span): Pick<PushTrace, "stored" | "failed"> {
  return {
    stored(partition, id) {
      span.setAttributes({
        "messaging.destination.partition.id": String(partition),
        "messaging.message.id": String(id),
      });
      span.end();
    },
    failed(error) {
      failSpan(api, span, error);
      span.end();
    },
  };
}

/** Says in a span what has gone wrong. @internal */
export function failSpan(api: OpenTelemetry, span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
  span.setAttribute("error.type", errorType(error));
}
