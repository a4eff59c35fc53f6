import test from "ava";
import { firstValueFrom, from, lastValueFrom, type ObservableInput, of, tap, timer } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { acknowledge } from "../../operators/acknowledge.ts";
import { consume } from "../../operators/consume.ts";
import { processExactlyOnce } from "../../operators/processExactlyOnce.ts";
import { produce } from "../../operators/produce.ts";
import { connect, registerBackend } from "../../src/connect.ts";
import type { Lease } from "../../src/model/backend.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { acknowledged } from "../../src/testing/acknowledged.ts";
import { CallFaults } from "../../src/testing/callFaults.ts";
import { FaultPlan } from "../../src/testing/faultPlan.ts";
import { FaultyLease } from "../../src/testing/faultyLease.ts";
import { Journal } from "../../src/testing/journal.ts";
import { runMarbles } from "../../src/testing/runMarbles.ts";
import { testTopic } from "../../src/testing/testTopic.ts";
import { withFaults } from "../../src/testing/withFaults.ts";

const lost = new SluiceError("ERR_STORAGE", "lost");

/** A topic of one partition on a memory backend with faults. */
function faultyTopic(partitions = 1) {
  const faults = new FaultPlan();
  return { faults, topic: testTopic<string>({ backend: withFaults(memoryBackend(), faults), partitions }) };
}

test("withFaults() without a fault is the backend itself, to a driver too", async (t) => {
  const faults = new FaultPlan();
  const memory = memoryBackend();
  t.teardown(registerBackend("faulty", () => withFaults(memory, faults)));
  const driver = await connect("faulty:");
  t.is(driver.capabilities, memory.capabilities);

  const topic = await driver.createTopic<{ n: number }>("numbers");
  await topic.addPartitions(1);
  const producer = topic.producer();
  const data = Uint8Array.of(1, 2);
  t.is(await producer.push({ n: 7 }, data, { partition: 1 }), 0);
  const event = await topic.consumer("app2").pull().wait(1000);
  t.deepEqual(event?.metadata, { n: 7 });
  t.deepEqual((await event!.fetchData()).toUint8Array(), data);
  await event!.acknowledge();
  t.is((await topic.lag("app2")).total, 0);
  t.deepEqual(await firstValueFrom(acknowledged(await driver.openTopic("numbers"), "app2")), [1, 0]);
  await topic.seal();
  t.deepEqual(await driver.listTopics(), ["numbers"]);
  await driver.deleteTopic("numbers");
  await driver.close();

  t.deepEqual(
    Object.entries(faults).flatMap(([name, { calls }]) => (calls instanceof Array && calls.length === 0 ? [name] : [])),
    ["transact", "find", "nextSequence"],
  );
});

test("withFaults() refuses wrong arguments", (t) => {
  t.throws(() => withFaults(memoryBackend(), {} as never), {
    instanceOf: TypeError,
    message: /'plan' must be a FaultPlan/,
  });
  t.throws(() => withFaults(undefined as never, new FaultPlan()), {
    instanceOf: TypeError,
    message: /'backend' must be/,
  });
});

/** Each call of the contract, by the name of its faults. */
const calls: readonly (readonly [Exclude<keyof FaultPlan, "fence" | "revoke" | "heal" | "leases">, () => Made])[] = [
  ["createTopic", () => make(({ backend, topic }) => backend.createTopic("other", topic.backend.config))],
  ["openTopic", () => make(({ backend }) => backend.openTopic("topic"))],
  ["listTopics", () => make(({ backend }) => backend.listTopics())],
  ["deleteTopic", () => make(({ backend }) => backend.deleteTopic("topic"))],
  ["close", () => make(({ backend }) => backend.close())],
  ["addPartitions", () => make(({ topic }) => topic.backend.addPartitions(1))],
  ["seal", () => make(({ topic }) => topic.backend.seal())],
  ["join", () => make(({ topic }) => topic.backend.join("app2", { partitions: undefined }))],
  ["cursors", () => make(({ topic }) => topic.backend.cursors("app2"))],
  ["append", () => make(({ topic }) => topic.backend.partitions[0]!.append({} as never))],
  ["read", () => make(({ topic }) => topic.backend.partitions[0]!.read(0, { maxEvents: 1, maxBytes: 1 }))],
  ["fetch", () => make(({ topic }) => topic.backend.partitions[0]!.fetch([]))],
  ["bounds", () => make(({ topic }) => topic.backend.partitions[0]!.bounds())],
  ["find", () => make(({ topic }) => topic.backend.partitions[0]!.find(0))],
  ["nextSequence", () => make(({ topic }) => topic.backend.partitions[0]!.nextSequence!("app"))],
];

interface Made {
  readonly faults: FaultPlan;
  readonly call: ObservableInput<unknown>;
}

interface Place {
  readonly backend: ReturnType<typeof memoryBackend>;
  readonly topic: ReturnType<typeof testTopic<string>>;
}

function make(call: (place: Place) => ObservableInput<unknown>): Made {
  const faults = new FaultPlan();
  const backend = withFaults(memoryBackend(), faults);
  return { faults, call: call({ backend, topic: testTopic<string>({ backend }) }) };
}

for (const [name, build] of calls) {
  test(`faults.${name} makes its call fail, and no other`, async (t) => {
    const { faults, call } = build();
    const before = faults[name].calls.length;
    for (const [key, each] of Object.entries(faults))
      if (each instanceof CallFaults && key !== name) each.fail(new Error("not this one"));
    faults[name].fail(lost);

    t.is(await t.throwsAsync(lastValueFrom(from(call), { defaultValue: undefined })), lost);
    t.is(faults[name].calls.length, before + 1);
  });
}

test("faults.append tells what is appended", async (t) => {
  const { faults, topic } = faultyTopic();
  await lastValueFrom(of({ metadata: "a" }, { metadata: "b" }).pipe(produce(topic, { batchSize: 2, name: "app1" })));
  const [call] = faults.append.calls;

  t.is(faults.append.calls.length, 1);
  t.like(call, { topic: "topic", partition: 0, batch: { count: 2, producer: { sequence: 0 } } });
});

test("faults.transact tells what is stored with which position, and keeps it from being stored", async (t) => {
  const { faults, topic } = faultyTopic();
  await lastValueFrom(of({ metadata: "a" }).pipe(produce(topic)));
  faults.transact.fail(lost);
  const copied = consume(topic, "app2", { until: "end" }).pipe(
    processExactlyOnce(topic, ({ metadata }) => ({ metadata }), { retry: { count: 0 } }),
  );
  t.is(await t.throwsAsync(lastValueFrom(copied)), lost);
  const { bounds } = topic.backend.partitions[0]!;

  t.like(faults.transact.calls[0], { topic: "topic", partition: 0, consumer: "app2", position: 1 });
  t.is(faults.transact.calls[0]!.appends[0]!.batch.count, 1);
  t.like(await lastValueFrom(from(bounds.call(topic.backend.partitions[0]))), { end: 1 });
});

test("faults.acknowledge keeps acknowledgements from being stored", (t) => {
  runMarbles(t.deepEqual, ({ inputs, cold, expectAcknowledged, expectObservable }) => {
    const { faults, topic } = faultyTopic();
    faults.acknowledge.failOnce(lost);
    inputs("-a-b").pipe(produce(topic)).subscribe();
    const errors: unknown[] = [];
    consume(topic, "app2", { errors: { next: (error) => errors.push(error) } })
      .pipe(acknowledge())
      .subscribe();

    expectAcknowledged(topic, "app2").toBe("---b", { b: [0, 1] });
    expectObservable(cold("-----a").pipe(tap(() => t.deepEqual(errors, [lost])))).toBe("-----a");
  });
});

test("fence() refuses what a consumer acknowledges from then on", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectAcknowledged, flush }) => {
    const { faults, topic } = faultyTopic();
    inputs("-a-b").pipe(produce(topic)).subscribe();
    const errors: SluiceError[] = [];
    consume(topic, "app2", { errors: { next: (error) => errors.push(error as SluiceError) } })
      .pipe(acknowledge())
      .subscribe();
    timer(2).subscribe(() => faults.fence(0, { topic: "topic", consumer: "app2" }));

    expectAcknowledged(topic, "app2").toBe("-a", { a: [0, 0] });
    flush();
    t.deepEqual(
      errors.map(({ code }) => code),
      ["ERR_FENCED"],
    );
    t.deepEqual(errors[0]?.details, { topic: "topic", consumer: "app2", partition: 0, epoch: 1 });
  });
});

test("fence() and revoke() refuse a partition that nobody owns", (t) => {
  const { faults, topic } = faultyTopic(2);
  const subscription = consume(topic, "app2", { partitions: [0] }).subscribe();

  t.throws(() => faults.fence(1), { instanceOf: RangeError, message: /one that a consumer owns: current value is 1/ });
  t.throws(() => faults.fence(0, { consumer: "app3" }), { instanceOf: RangeError });
  t.throws(() => faults.revoke(0, { topic: "other" }), { instanceOf: RangeError });
  t.throws(() => faults.revoke(0, { away: -1 }), { instanceOf: RangeError, message: /'away'/ });
  t.throws(() => faults.fence(0.5), { instanceOf: RangeError, message: /'partition'/ });
  t.notThrows(() => faults.fence(0));
  subscription.unsubscribe();
  t.throws(() => faults.fence(0), { instanceOf: RangeError });
});

test("revoke() takes a partition away for a while", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectEvents, expectAcknowledged }) => {
    const { faults, topic } = faultyTopic();
    inputs("a--b").pipe(produce(topic)).subscribe();
    timer(2).subscribe(() => faults.revoke(0, { away: 5 }));
    const values = { a: { partition: 0, id: 0, metadata: "a" }, b: { partition: 0, id: 1, metadata: "b" } };

    expectEvents(consume(topic, "app2").pipe(acknowledge())).toBe("a------b", values);
    expectAcknowledged(topic, "app2").toBe("a------b", { a: [0, 0], b: [0, 1] });
  });
});

test("revoke() may take a partition away for good", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectEvents }) => {
    const { faults, topic } = faultyTopic();
    inputs("a--b").pipe(produce(topic)).subscribe();
    timer(2).subscribe(() => faults.revoke(0, { away: Infinity }));

    expectEvents(consume(topic, "app2").pipe(acknowledge())).toBe("a", { a: { partition: 0, id: 0, metadata: "a" } });
  });
});

test("a member that leaves takes no partition back afterwards", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectEvents }) => {
    const { faults, topic } = faultyTopic();
    inputs("a--------b").pipe(produce(topic)).subscribe();
    const values = { a: { partition: 0, id: 0, metadata: "a" }, b: { partition: 0, id: 1, metadata: "b" } };
    timer(2).subscribe(() => faults.revoke(0, { away: 5 }));

    expectEvents(consume(topic, "app2").pipe(acknowledge()), "^---!").toBe("a", values);
    expectEvents(consume(topic, "app2").pipe(acknowledge()), "-----^").toBe("---------b", values);
  });
});

test("a lease that ends while its partition is away is not given back once more", (t) => {
  let released = 0;
  const lease: Lease = {
    partition: 0,
    epoch: 1,
    position: undefined,
    revoked: [],
    acknowledge: () => of(undefined),
    release: () => void released++,
  };
  runMarbles(t.deepEqual, () => {
    const call = { topic: "topic", consumer: "app2", options: { partitions: undefined } };
    const faulty = new FaultyLease(lease, call, new FaultPlan(), new Journal(), (topic) => topic);
    faulty.revoke(5);
    faulty.release();
    faulty.end();
  });

  t.is(released, 0);
});

test("FaultPlan.heal() takes back the faults of all calls", async (t) => {
  const { faults, topic } = faultyTopic();
  faults.append.fail(lost);
  faults.bounds.hang();
  faults.heal();

  t.is((await lastValueFrom(of({ metadata: "a" }).pipe(produce(topic)))).id, 0);
  t.is((await firstValueFrom(from(topic.backend.partitions[0]!.bounds()))).end, 1);
});

test("withFaults() on withFaults() works, and acknowledgements are noted next to the backend", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectAcknowledged, expectStored }) => {
    const [inner, outer] = [new FaultPlan(), new FaultPlan()];
    inner.acknowledge.delay(2);
    outer.acknowledge.loseAnswer(lost);
    outer.read.delay(3);
    const topic = testTopic<string>({ backend: withFaults(withFaults(memoryBackend(), inner), outer) });
    inputs("-a").pipe(produce(topic)).subscribe();
    consume(topic, "app2").pipe(acknowledge()).subscribe();

    expectStored(topic).toBe("-a", { a: { partition: 0, id: 0, metadata: "a" } });
    expectAcknowledged(topic, "app2").toBe("----a", { a: [0, 0] });
  });
});
