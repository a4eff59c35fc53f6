import type { Attributes, Context, Tracer } from "@opentelemetry/api";
import { finalize, Observable, tap } from "rxjs";
import { inputOf } from "../../operators/internal/inputOf.ts";
import type { EventHandler } from "../../operators/processEvents.ts";
import type { StreamEvent } from "../model/event.ts";
import { errorType, operationAttributes } from "./attributes.ts";
import type { Instruments } from "./instruments.ts";
import { readTraceContext, type OpenTelemetry } from "./traceContext.ts";
import { failSpan } from "./tracePushes.ts";

/** How the handling of events is followed. */
export interface TraceHandlerOptions {
  /** The name of the consumer, for `messaging.consumer.group.name`. @default none */
  readonly consumer?: string | undefined;
  /**
   * How the span of a handler stands to that of the push: `"link"` refers to it, as the conventions recommend, `"parent"` makes
   * it a child of it (and refers to it), so that one trace goes from the push to the last handler. @default "link"
   */
  readonly relation?: "link" | "parent" | undefined;
}

/** What it takes to follow a handler. @internal */
export interface HandlerTracing {
  readonly api: OpenTelemetry;
  readonly tracer: Tracer;
  readonly instruments: Pick<Instruments, "processed">;
}

/** Runs a handler inside a span of its own, for each event and each try. @internal */
export function traceHandler<M>(
  { api, tracer, instruments }: HandlerTracing,
  handler: EventHandler<M>,
  { consumer, relation = "link" }: TraceHandlerOptions,
): EventHandler<M> {
  return (event) =>
    new Observable((subscriber) => {
      const origin = originOf(api, event);
      const attributes = attributesOf(event, consumer);
      const began = performance.now();
      const active = api.context.active();
      const parent = relation === "parent" && origin !== undefined ? api.trace.setSpanContext(active, origin) : active;
      const span = tracer.startSpan(
        `process ${event.topic}`,
        {
          kind: api.SpanKind.CONSUMER,
          attributes: { ...attributes, "messaging.message.id": String(event.id) },
          links: origin === undefined ? [] : [{ context: origin }],
        },
        parent,
      );
      let failure: Attributes | undefined;
      const fail = (error: unknown) => {
        failSpan(api, span, error);
        failure = { "error.type": errorType(error) };
      };
      const end = () => {
        span.end();
        instruments.processed.record((performance.now() - began) / 1000, { ...attributes, ...failure });
      };
      return within(api, api.trace.setSpan(parent, span), () => inputOf(handler(event)))
        .pipe(tap({ error: fail }), finalize(end))
        .subscribe(subscriber);
    });
}

/** The span that an event has brought with it, for spans of one's own. @internal */
export function contextOf(api: OpenTelemetry, event: StreamEvent<unknown>): Context {
  const origin = originOf(api, event);
  return origin === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, origin);
}

function originOf(api: OpenTelemetry, event: StreamEvent<unknown>): ReturnType<typeof readTraceContext> {
  try {
    return readTraceContext(api, event.metadata);
  } catch {
    return undefined; // It cannot be decoded, which its handler will find out for itself.
  }
}

function attributesOf({ topic, partition }: StreamEvent<unknown>, consumer: string | undefined): Attributes {
  return {
    ...operationAttributes("process", topic),
    "messaging.destination.partition.id": String(partition),
    ...(consumer !== undefined && { "messaging.consumer.group.name": consumer }),
  };
}

/** Calls a function, and subscribes to what it returns, in a context. */
function within(api: OpenTelemetry, context: Context, work: () => Observable<unknown>): Observable<unknown> {
  return new Observable((subscriber) => api.context.with(context, () => work().subscribe(subscriber)));
}
