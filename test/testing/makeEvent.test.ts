import test from "ava";
import { lastValueFrom, of } from "rxjs";
import { EventData } from "../../src/model/data.ts";
import type { DataDescriptor } from "../../src/model/descriptor.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { StreamEvent } from "../../src/model/event.ts";
import { fetchData } from "../../operators/fetchData.ts";
import { EventLog } from "../../src/testing/eventLog.ts";
import { makeEvent, TestEvent } from "../../src/testing/makeEvent.ts";
import { plainEvent } from "../../src/testing/plainEvent.ts";
import { runMarbles } from "../../src/testing/runMarbles.ts";

const data = Uint8Array.of(1, 2, 3);

test("makeEvent() makes an event of what it is given", (t) => {
  const event = makeEvent({ id: 5, partition: 2, topic: "collisions", metadata: { energy: 7 }, data, timestamp: 42 });

  t.true(event instanceof StreamEvent);
  t.true(event instanceof TestEvent);
  t.deepEqual([event.id, event.partition, event.topic, event.timestamp], [5, 2, "collisions", 42]);
  t.deepEqual(event.metadata, { energy: 7 });
  t.deepEqual(event.descriptor.origin, { topic: "collisions", partition: 2, id: 5, size: 3 });
});

test("makeEvent() has defaults, and takes the time from RxJS", (t) => {
  const event = runMarbles(t.deepEqual, () => makeEvent({ metadata: "made" }));

  t.deepEqual([event.id, event.partition, event.topic, event.timestamp], [0, 0, "topic", 0]);
  t.is(event.data, EventData.empty);
});

test("makeEvent() brings all data, or what the selector selects", (t) => {
  const bytesOf = (dataSelector?: (metadata: string, descriptor: DataDescriptor) => DataDescriptor | null) =>
    makeEvent({ metadata: "made", data: [data, data], ...(dataSelector && { dataSelector }) }).data.toUint8Array();

  t.deepEqual(bytesOf(), Uint8Array.of(1, 2, 3, 1, 2, 3));
  t.deepEqual(
    bytesOf((_metadata, descriptor) => descriptor.makeSubView(2, 2)),
    Uint8Array.of(3, 1),
  );
  t.deepEqual(
    bytesOf(() => null),
    new Uint8Array(0),
  );
});

test("makeEvent() refuses wrong options", (t) => {
  t.throws(() => makeEvent({ metadata: 0, id: -1 }), { instanceOf: RangeError, message: /'id'/ });
  t.throws(() => makeEvent({ metadata: 0, partition: 0.5 }), { instanceOf: RangeError, message: /'partition'/ });
  t.throws(() => makeEvent({ metadata: 0, topic: "no name" }), { instanceOf: RangeError, message: /topic name/ });
  t.throws(() => makeEvent({ metadata: 0, data: 7 as never }), { instanceOf: TypeError });
  t.throws(() => makeEvent({ metadata: 0, dataSelector: () => Promise.resolve(null) }), {
    instanceOf: TypeError,
    message: /no promise/,
  });
});

test("makeEvent() notes fetched data", async (t) => {
  const event = makeEvent({ metadata: "made", data, dataSelector: () => null });
  const part = await event.fetchData(event.descriptor.makeSubView(1, 2));

  t.deepEqual(part.toUint8Array(), Uint8Array.of(2, 3));
  t.deepEqual((await event.fetchData()).toUint8Array(), data);
  t.deepEqual(
    event.log.fetched.map((descriptor) => descriptor.flatten()),
    [[[1, 2]], [[0, 3]]],
  );
});

test("makeEvent() fetches into memory of the caller's", async (t) => {
  const memory = new Uint8Array(4);
  const event = makeEvent({ metadata: "made", data });
  await lastValueFrom(of(event).pipe(fetchData({ allocator: () => memory })));

  t.deepEqual(memory, Uint8Array.of(1, 2, 3, 0));
  t.is(event.data.segments[0]?.buffer, memory.buffer);
});

test("makeEvent() counts holds, each once", (t) => {
  const event = makeEvent({ metadata: "made" });
  const [first, second] = [event.hold(), event.hold()];

  t.is(event.log.held, 2);
  first();
  first();
  t.is(event.log.held, 1);
  second();
  t.is(event.log.held, 0);
});

test("EventLog acknowledges cumulatively, forward only, and what was delivered", async (t) => {
  const log = new EventLog();
  const [first, second] = [makeEvent({ metadata: "a", log }), makeEvent({ id: 1, metadata: "b", log })];
  const other = makeEvent({ id: 9, partition: 1, metadata: "c", log });
  await second.acknowledge();
  await other.acknowledge();
  const error = await t.throwsAsync(async () => first.acknowledge(), { instanceOf: SluiceError });
  const undelivered = await t.throwsAsync(async () => log.acknowledge(0, 2), { instanceOf: SluiceError });

  t.is(error?.code, "ERR_ALREADY_ACKNOWLEDGED");
  t.is(undelivered?.code, "ERR_NOT_DELIVERED");
  t.deepEqual(log.acknowledged, [
    [0, 1],
    [1, 9],
  ]);
});

test("EventLog tells acknowledgements of before the subscription", async (t) => {
  const event = makeEvent({ metadata: "made" });
  await event.acknowledge();
  const seen: unknown[] = [];
  event.log.acknowledgements.subscribe((position) => seen.push(position));

  t.deepEqual(seen, [[0, 0]]);
});

test("EventLog lets a test refuse acknowledgements", async (t) => {
  const fenced = new SluiceError("ERR_FENCED", "lost");
  const log = new EventLog({ store: () => Promise.reject(fenced) });
  const event = makeEvent({ metadata: "made", log });

  t.is(await t.throwsAsync(async () => event.acknowledge()), fenced);
  t.deepEqual(log.acknowledged, []);
});

test("plainEvent() leaves out data that there is not", (t) => {
  t.deepEqual(plainEvent(makeEvent({ metadata: "a" })), { partition: 0, id: 0, metadata: "a" });
  t.deepEqual(plainEvent(makeEvent({ metadata: "a", data })), { partition: 0, id: 0, metadata: "a", data });
});
