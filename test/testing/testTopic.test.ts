import test from "ava";
import { firstValueFrom, from, of, toArray } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { produce } from "../../operators/produce.ts";
import { schema } from "../../src/components/schema.ts";
import type { Backend } from "../../src/model/backend.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { byKey } from "../../src/model/partitionSelectors/byKey.ts";
import { serializeWith } from "../../src/model/serializers/serializeWith.ts";
import { text } from "../../src/model/serializers/text.ts";
import { acknowledged } from "../../src/testing/acknowledged.ts";
import { FaultPlan } from "../../src/testing/faultPlan.ts";
import { stored } from "../../src/testing/stored.ts";
import { runMarbles } from "../../src/testing/runMarbles.ts";
import { storedBatches } from "../../src/testing/storedBatches.ts";
import { testTopic } from "../../src/testing/testTopic.ts";
import { withFaults } from "../../src/testing/withFaults.ts";

test("testTopic() creates a topic at once", async (t) => {
  const backend = memoryBackend();
  const topic = testTopic({ backend, name: "collisions", partitions: 3, retention: { maxAge: 1000 } });

  t.is(topic.name, "collisions");
  t.is(topic.backend.partitions.length, 3);
  t.deepEqual(topic.backend.config.retention, { maxAge: 1000 });
  t.deepEqual(await firstValueFrom(from(backend.listTopics())), ["collisions"]);
});

test("testTopic() has the defaults of any topic", (t) => {
  const { name, backend } = testTopic({ backend: memoryBackend() });

  t.is(name, "topic");
  t.deepEqual(backend.config, {
    partitions: 1,
    components: {
      validator: { type: "accept-all" },
      partitionSelector: { type: "round-robin" },
      serializer: { type: "json" },
    },
  });
});

test("testTopic() takes components as plain functions", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectReceipts, expectStored }) => {
    const topic = testTopic<number>({
      backend: memoryBackend(),
      partitions: 2,
      validator: (n) => {
        if (n > 9) throw new Error("too much");
      },
      partitionSelector: (n, partitions) => n % partitions.length,
      serializer: { form: "text", serialize: (n) => n.toString(16), deserialize: (text) => Number.parseInt(text, 16) },
    });
    const values = { a: 1, b: 4, c: 77, d: 3 };

    expectReceipts(inputs("abcd|", values).pipe(produce(topic, { rejected: "skip" }))).toBe("ab-d|", {
      a: [1, 0],
      b: [0, 0],
      d: [1, 1],
    });
    expectStored(topic).toBe("ab-d", {
      a: { partition: 1, id: 0, metadata: 1 },
      b: { partition: 0, id: 0, metadata: 4 },
      d: { partition: 1, id: 1, metadata: 3 },
    });
  });
});

test("testTopic() takes components that are ready, and a Standard Schema", (t) => {
  const doubled = {
    "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value: (value as number) * 2 }) },
  } as const;
  const { backend } = testTopic({ backend: memoryBackend(), serializer: text(), partitionSelector: byKey("n") });
  t.deepEqual(
    [backend.config.components.serializer.type, backend.config.components.partitionSelector.type],
    ["text", "by-key"],
  );

  runMarbles(t.deepEqual, ({ inputs, expectStored }) => {
    const topic = testTopic<number>({ backend: memoryBackend(), validator: doubled });
    inputs("a", { a: 21 }).pipe(produce(topic)).subscribe();

    expectStored(topic).toBe("a", { a: { partition: 0, id: 0, metadata: 42 } });
  });
});

test("testTopic() refuses wrong options", (t) => {
  const backend = memoryBackend();

  t.throws(() => testTopic({ backend, name: "no name" }), { instanceOf: RangeError });
  t.throws(() => testTopic({ backend, partitions: 0 }), { instanceOf: RangeError });
  t.throws(() => testTopic({ backend, validator: schema({ type: "object" }) as never }), {
    instanceOf: TypeError,
    message: /needs no loading/,
  });
  t.throws(() => testTopic({ backend, serializer: null as never }), {
    instanceOf: TypeError,
    message: /'serializer' must be/,
  });
});

test("testTopic() passes on what the backend fails with", (t) => {
  const backend = memoryBackend();
  testTopic({ backend });

  t.is(t.throws(() => testTopic({ backend }), { instanceOf: SluiceError })?.code, "ERR_TOPIC_EXISTS");
});

test("testTopic() needs a backend that answers at once", (t) => {
  const slow: Backend = { ...memoryBackend(), createTopic: () => new Promise(() => {}) };

  t.is(t.throws(() => testTopic({ backend: slow }), { instanceOf: SluiceError })?.code, "ERR_UNSUPPORTED");
});

test("stored() begins with what there is, and ends with a sealed topic", async (t) => {
  const topic = testTopic<{ n: number }>({ backend: memoryBackend() });
  const inputs = Array.from({ length: 5000 }, (_, n) => ({ metadata: { n } }));
  await firstValueFrom(from(inputs).pipe(produce(topic, { batchSize: 1 }), toArray()));
  await firstValueFrom(from(topic.backend.seal()));
  const events = await firstValueFrom(stored(topic).pipe(toArray()));

  t.is(events.length, 5000);
  t.deepEqual(events.at(-1), { partition: 0, id: 4999, metadata: { n: 4999 } });
});

test("stored() waits for a serializer that is asynchronous", async (t) => {
  const serializer = serializeWith<string>({
    form: "text",
    serialize: (value) => value,
    deserialize: async (text) => `${text}!`,
  });
  const topic = testTopic<string>({ backend: memoryBackend(), serializer });
  await firstValueFrom(of({ metadata: "a" }).pipe(produce(topic)));

  t.deepEqual(await firstValueFrom(stored(topic)), { partition: 0, id: 0, metadata: "a!" });
});

test("stored() passes faults by", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectStored }) => {
    const faults = new FaultPlan();
    faults.read.fail();
    faults.append.delay(5);
    const topic = testTopic<string>({ backend: withFaults(memoryBackend(), faults) });
    inputs("-a").pipe(produce(topic)).subscribe();

    expectStored(topic).toBe("-a", { a: { partition: 0, id: 0, metadata: "a" } });
  });
});

test("storedBatches() tells what was sent together", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectObservable }) => {
    const topic = testTopic<string>({ backend: memoryBackend() });
    inputs("-a-bc|")
      .pipe(produce(topic, { batchSize: 2 }))
      .subscribe();
    const [a, b, c] = ["a", "b", "c"].map((metadata, id) => ({ partition: 0, id, metadata }));

    expectObservable(storedBatches(topic)).toBe("---x-y", { x: [a, b], y: [c] });
  });
});

test("acknowledged() needs a topic whose acknowledgements are noted", async (t) => {
  const { backend, ...rest } = testTopic({ backend: memoryBackend() });
  const bare = await firstValueFrom(from(memoryBackend().createTopic("bare", backend.config)));

  t.throws(() => acknowledged({ ...rest, backend: bare }, "app2"), {
    instanceOf: TypeError,
    message: /'topic' must be of testTopic/,
  });
});
