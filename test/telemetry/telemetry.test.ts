import { context, SpanKind, SpanStatusCode, trace as traces } from "@opentelemetry/api";
import test, { type ExecutionContext } from "ava";
import { lastValueFrom, of, take, throwError, timer, toArray } from "rxjs";
import { connect, type Topic } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { consume, processEvents, produce } from "sluice/operators";
import { loadTelemetry } from "sluice/telemetry";
import { followContexts, recordTelemetry } from "./support.ts";

interface Numbers {
  readonly n: number;
}

followContexts();

async function openTopic(t: ExecutionContext): Promise<Topic<Numbers>> {
  const driver = await connect("memory:");
  t.teardown(() => driver.close());
  return driver.createTopic<Numbers>("numbers", {
    validator: {
      type: "json-schema",
      schema: { type: "object", properties: { n: { type: "number" } }, required: ["n"], additionalProperties: false },
    },
  });
}

test("a push is a span from the push until the event is stored", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  const future = topic.producer({ trace: telemetry.trace, name: "app1" }).push({ n: 7 }, new Uint8Array(3));
  t.is(spans().length, 0);
  await future;

  const [span] = spans();
  t.is(span?.name, "push numbers");
  t.is(span?.kind, SpanKind.PRODUCER);
  t.deepEqual(span?.attributes, {
    "messaging.system": "sluice",
    "messaging.operation.name": "push",
    "messaging.operation.type": "send",
    "messaging.destination.name": "numbers",
    "messaging.destination.partition.id": "0",
    "messaging.message.id": "0",
    "messaging.message.body.size": 3,
    "messaging.client.id": "app1",
  });
});

test("the span travels in the metadata, behind a validator that allows no other fields", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  await topic.producer({ trace: telemetry.trace }).push({ n: 7 });
  const event = await topic.consumer("app2").pull();

  const { traceId, spanId } = spans()[0]!.spanContext();
  t.deepEqual(event.metadata, { n: 7, traceparent: `00-${traceId}-${spanId}-01` } as Numbers);
  t.like(traces.getSpanContext(telemetry.contextOf(event)), { traceId, spanId, isRemote: true });
});

test("a push that fails ends its span with the code of the error", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  const producer = topic.producer({ trace: telemetry.trace });
  await t.throwsAsync(async () => producer.push({ n: "seven" as never }));

  t.is(spans().length, 1);
  t.is(spans()[0]?.status.code, SpanStatusCode.ERROR);
  t.is(spans()[0]?.attributes["error.type"], "ERR_INVALID_METADATA");
});

test("a handler runs inside a span that has a link to the push", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  await lastValueFrom(of({ metadata: { n: 7 } }).pipe(produce(topic, { trace: telemetry.trace })));
  const inside: unknown[] = [];
  const handler = telemetry.traceHandler<Numbers>(
    async () => {
      inside.push(traces.getSpan(context.active())?.spanContext());
      await Promise.resolve();
      inside.push(traces.getSpan(context.active())?.spanContext());
    },
    { consumer: "app2" },
  );
  await topic.consumer("app2", { until: "end" }).process(handler);

  const [push, process] = spans();
  t.is(process?.name, "process numbers");
  t.is(process?.kind, SpanKind.CONSUMER);
  t.like(process?.attributes, {
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": "app2",
    "messaging.message.id": "0",
  });
  t.deepEqual(
    process?.links.map(({ context: { spanId } }) => spanId),
    [push?.spanContext().spanId],
  );
  t.not(process?.spanContext().traceId, push?.spanContext().traceId);
  t.deepEqual(inside, [process?.spanContext(), process?.spanContext()]);
});

test("a handler's span can be a child of the push, so that one trace has both", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  await topic.producer({ trace: telemetry.trace }).push({ n: 7 });
  const handler = telemetry.traceHandler(() => timer(1), { relation: "parent" });
  await topic.consumer("app2", { until: "end" }).process(handler);

  const [push, process] = spans();
  t.is(process?.parentSpanContext?.spanId, push?.spanContext().spanId);
  t.is(process?.spanContext().traceId, push?.spanContext().traceId);
});

test("each try of a handler is a span, and one that fails says so", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  await topic.producer().push({ n: 7 });
  let tries = 0;
  const handler = telemetry.traceHandler(() => (++tries < 3 ? throwError(() => new RangeError("no")) : of(1)));
  await topic.consumer("app2", { until: "end" }).process(handler, { retry: { count: 3, initialDelay: 1 } });

  t.deepEqual(
    spans().map(({ attributes }) => attributes["error.type"]),
    ["RangeError", "RangeError", undefined],
  );
  t.deepEqual(spans()[0]?.links, []);
});

test("an event that is handed on keeps the span of its first push, and the second push refers to it", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  await topic.producer({ trace: telemetry.trace }).push({ n: 7 });
  const first = await topic.consumer("app2").pull();
  const driver = await connect("memory:");
  t.teardown(() => driver.close());
  const copy = await driver.createTopic<Numbers>("copy");
  await copy.producer({ trace: telemetry.trace }).push(first.metadata);
  const second = await copy.consumer("app2").pull();

  t.deepEqual(second.metadata, first.metadata);
  t.deepEqual(
    spans()[1]?.links.map(({ context: { spanId } }) => spanId),
    [spans()[0]?.spanContext().spanId],
  );
});

test("metadata that is no plain object is stored as it is, and has a span all the same", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const driver = await connect("memory:");
  t.teardown(() => driver.close());
  const topic = await driver.createTopic("anything");
  const producer = topic.producer({ trace: telemetry.trace });
  const sent = ["text", 7, [1, 2], null, new Date(0)];
  for (const metadata of sent) producer.push(metadata);
  await producer.flush();
  const events = await lastValueFrom(consume(topic, "app2").pipe(take(sent.length), toArray()));

  t.deepEqual(
    events.map(({ metadata }) => metadata),
    ["text", 7, [1, 2], null, "1970-01-01T00:00:00.000Z"],
  );
  t.is(spans().length, sent.length);
});

test("metadata that only looks as if a span were in it is no span", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const driver = await connect("memory:");
  t.teardown(() => driver.close());
  const topic = await driver.createTopic("strange");
  const id = "0af7651916cd43dd8448eb211c80319c";
  const strange = [
    7,
    "",
    `00-${id}-b7ad6b7169203331`,
    `00-${id.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${id}-${"0".repeat(16)}-01`,
    `00-${id}-b7ad6b7169203331-01-more`,
    `ff-${id}-b7ad6b7169203331-01`,
  ];
  for (const traceparent of strange) topic.producer().push({ traceparent });
  topic.producer().push({ traceparent: `cc-${id}-b7ad6b7169203331-01-more`, tracestate: "a=1" });
  await lastValueFrom(
    consume(topic, "app2").pipe(take(strange.length + 1), processEvents(telemetry.traceHandler(() => undefined))),
  );

  const links = spans().flatMap((span) => span.links);
  t.is(links.length, 1);
  t.like(links[0]?.context, { traceId: id, spanId: "b7ad6b7169203331" });
  t.is(links[0]?.context.traceState?.serialize(), "a=1");
});

test("an event of a robust producer brings its span along", async (t) => {
  const { telemetry, spans } = await recordTelemetry();
  const topic = await openTopic(t);
  const producer = await topic.robustProducer({ journal: memoryBackend(), trace: telemetry.trace });
  await producer.push({ n: 7 }).delivered;
  await producer.close();
  const event = await topic.consumer("app2").pull();

  t.is(traces.getSpanContext(telemetry.contextOf(event))?.spanId, spans()[0]?.spanContext().spanId);
});

test("a tracer that is none is a caller's mistake", async (t) => {
  const topic = await openTopic(t);
  t.throws(() => topic.producer({ trace: {} as never }), { instanceOf: TypeError, message: /'trace.begin'/ });
  t.throws(() => topic.producer({ trace: null as never }), { instanceOf: TypeError, message: /'trace.begin'/ });
});

test("without a provider of the process everything does nothing, and events stay as they are", async (t) => {
  const { trace, traceHandler, measureProducer, measureConsumer } = await loadTelemetry();
  const topic = await openTopic(t);
  const producer = topic.producer({ trace });
  measureProducer(producer);
  await producer.push({ n: 7 });
  const consumer = topic.consumer("app2", { until: "end" });
  measureConsumer(consumer);
  const seen: unknown[] = [];
  await consumer.process(traceHandler(({ metadata }) => seen.push(metadata)));

  t.deepEqual(seen, [{ n: 7 }]);
});

test("a producer's events are counted as sent, with the time that each batch took", async (t) => {
  const { telemetry, points } = await recordTelemetry();
  const topic = await openTopic(t);
  const producer = topic.producer({ batchSize: 5 });
  telemetry.measureProducer(producer, { every: 10 });
  for (let n = 0; n < 10; n++) producer.push({ n });
  await producer.flush();

  const [sent] = await points("messaging.client.sent.messages");
  t.is(sent?.value, 10);
  t.deepEqual(sent?.attributes, {
    "messaging.system": "sluice",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.destination.name": "numbers",
    "messaging.destination.partition.id": "0",
  });
  const [operations] = await points("messaging.client.operation.duration");
  t.like(operations?.value, { count: 2 });
  const [sizes] = await points("sluice.producer.batch.size");
  t.like(sizes?.value, { min: 5, max: 5, count: 2 });
});

test("an event that fails is counted as sent only when it was handed to the backend", async (t) => {
  const { telemetry, points } = await recordTelemetry();
  const topic = await openTopic(t);
  const producer = topic.producer();
  telemetry.measureProducer(producer);
  await t.throwsAsync(async () => producer.push({ n: "seven" as never }));
  await topic.seal();
  await t.throwsAsync(async () => producer.push({ n: 7 }));

  const rejected = await points("sluice.producer.rejected");
  t.deepEqual(
    rejected.map(({ value, attributes }) => [value, attributes["error.type"]]),
    [[1, "ERR_INVALID_METADATA"]],
  );
  const sent = await points("messaging.client.sent.messages");
  t.deepEqual(
    sent.map(({ value, attributes }) => [value, attributes["error.type"]]),
    [[1, "ERR_TOPIC_SEALED"]],
  );
});

test("a consumer's deliveries are counted, and its lag is shown until it is closed", async (t) => {
  const { telemetry, points } = await recordTelemetry();
  const topic = await openTopic(t);
  const producer = topic.producer();
  for (let n = 0; n < 3; n++) producer.push({ n });
  await producer.flush();
  const consumer = topic.consumer("app2");
  const measuring = telemetry.measureConsumer(consumer, { every: 5 });
  const sampled = lastValueFrom(consumer.statistics({ every: 5 }));
  const acknowledged = new Promise<void>((resolve) => {
    const watching = consumer.statistics({ every: 5 }).subscribe(({ lag }) => {
      if (lag === 2) resolve(watching.unsubscribe());
    });
    t.teardown(() => watching.unsubscribe());
  });
  const first = await consumer.pull();
  await first.acknowledge();
  await acknowledged;
  const [lag] = await points("sluice.consumer.lag");
  t.is(lag?.value, 2);
  t.deepEqual(lag?.attributes, {
    "messaging.system": "sluice",
    "messaging.destination.name": "numbers",
    "messaging.consumer.group.name": "app2",
  });
  await consumer.close();
  await sampled;
  const [consumed] = await points("messaging.client.consumed.messages");
  t.true((consumed?.value as number) >= 2);
  t.true(measuring.closed);
});

test("a topic shows what it holds and how far consumers of any process are behind", async (t) => {
  const { telemetry, points } = await recordTelemetry();
  const topic = await openTopic(t);
  await topic.producer().push({ n: 1 });
  const measuring = telemetry.measureTopic(topic, { every: 5, consumers: ["app2", "app3"] });
  t.teardown(() => measuring.unsubscribe());
  await lastValueFrom(topic.statistics({ every: 5, consumers: ["app2", "app3"] }).pipe(take(2)));

  const lags = await points("sluice.consumer.lag");
  t.deepEqual(
    lags.map(({ value, attributes }) => [attributes["messaging.consumer.group.name"], value]),
    [
      ["app2", 1],
      ["app3", 1],
    ],
  );
  t.is((await points("sluice.topic.events"))[0]?.value, 1);
});

test("a robust producer's deliveries are counted, and what is left in its journal is shown", async (t) => {
  const { telemetry, points } = await recordTelemetry();
  const topic = await openTopic(t);
  const producer = await topic.robustProducer({ journal: memoryBackend(), delivery: "manual" });
  const measuring = telemetry.measureRobustProducer(producer, "numbers");
  const pushed = [producer.push({ n: 1 }), producer.push({ n: 2 })];
  await Promise.all(pushed.map(({ accepted }) => accepted));
  const shown = async () => (await points("sluice.producer.outstanding"))[0]?.value;
  // The status comes a few times a second, to each who watches it.
  while ((await shown()) !== 2) await new Promise((resolve) => setTimeout(resolve, 5));
  t.true(((await points("sluice.producer.journal.size"))[0]?.value as number) > 0);
  producer.start();
  await Promise.all(pushed.map(({ delivered }) => delivered));
  t.is((await points("messaging.client.sent.messages"))[0]?.value, 2);
  await producer.close();
  await new Promise<void>((resolve) => measuring.add(resolve));
});
