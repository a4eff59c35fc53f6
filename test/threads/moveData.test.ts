import { Buffer } from "node:buffer";
import test from "ava";
import { EventData } from "../../src/model/data.ts";
import { makeGate, poolFor, validating, validatorOf } from "./support.ts";

type Sum = { readonly sum: number; readonly buffers: number[]; readonly shared: boolean[] };

const ones = (size: number) => new Uint8Array(size).fill(1);

test("data moves to the thread and back", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "summed");
  const { gate, reached, open } = makeGate(t);
  const bytes = ones(1 << 20);
  const data = EventData.from([bytes, ones(3)]);
  const answer = validate<Sum>({ gate }, { data });
  await reached();

  t.is(bytes.buffer.byteLength, 0);
  t.deepEqual(
    data.segments.map((segment) => segment.length),
    [0, 0],
  );
  open();
  t.like(await answer, { sum: (1 << 20) + 3 });
  t.is(Buffer.compare(data.toUint8Array(), ones((1 << 20) + 3)), 0);
  t.is(data.size, (1 << 20) + 3);
  t.is(bytes.length, 0);
});

test("it is the same memory that comes back, also with an error", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "incremented");
  const [good, bad] = [EventData.from(ones(4)), EventData.from(ones(4))];
  await validate({}, { data: good });
  await t.throwsAsync(validate({ fail: true }, { data: bad }), { code: "ERR_INVALID_METADATA" });

  for (const data of [good, bad]) t.deepEqual(data.toUint8Array(), new Uint8Array(4).fill(2));
});

test("a part of a buffer is copied alone, and stays where it is", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "incremented");
  const sum = await validating(pool, "summed");
  const whole = ones(1 << 16);
  const data = EventData.from([whole.subarray(10, 20), Buffer.from("abc")]);
  await validate({}, { data });

  t.deepEqual(data.toUint8Array(), new Uint8Array([...ones(10), 97, 98, 99]));
  t.is(data.segments[0]?.buffer, whole.buffer);
  t.deepEqual((await sum<Sum>({}, { data })).buffers, [10, 3]);
});

test("shared memory is shared", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "incremented");
  const sum = await validating(pool, "summed");
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  const data = EventData.from(shared);
  await validate({}, { data });

  t.deepEqual([...shared], Array(8).fill(1));
  t.deepEqual(await sum<Sum>({}, { data }), { sum: 8, buffers: [8], shared: [true] });
});

test("memory that cannot be detached is copied", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "incremented");
  const { buffer } = new WebAssembly.Memory({ initial: 1 });
  const data = EventData.from([buffer, ones(2)]);
  await validate({}, { data });

  t.is(buffer.byteLength, 65536);
  t.deepEqual(data.segments, [new Uint8Array(65536), ones(2)]);
});

test("events that share a buffer keep it, at once and one after the other", async (t) => {
  const pool = poolFor(t, 2);
  const validate = await validating(pool, "summed");
  const bytes = ones(100);
  const together = Array.from({ length: 5 }, () => EventData.from([bytes, bytes]));
  const sums = await Promise.all(together.map((data) => validate<Sum>({}, { data })));

  t.deepEqual(
    sums.map(({ sum }) => sum),
    Array(5).fill(200),
  );
  t.is(bytes.length, 100);
});

test("an event whose buffer another event took along waits until it is back", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "summed");
  const { gate, reached, open } = makeGate(t);
  const bytes = ones(100);
  const events = Array.from({ length: 3 }, () => EventData.from([bytes, ones(1)]));
  const [first, second, third] = events as [EventData, EventData, EventData];
  const answers = [validate<Sum>({ gate }, { data: first })];
  await reached();
  answers.push(validate<Sum>({}, { data: second }), validate<Sum>({}, { data: first }));
  open();
  await Promise.all(answers);
  answers.push(validate<Sum>({}, { data: third }));

  t.deepEqual(
    (await Promise.all(answers)).map(({ sum }) => sum),
    Array(4).fill(101),
  );
  for (const data of events) t.deepEqual(data.toUint8Array(), ones(101));
});

test("data that somebody else detached is an error, not an event without data", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "summed");
  const [gone, partly] = [ones(4), ones(4)];
  const part = EventData.from(partly.subarray(1, 3));
  structuredClone(gone, { transfer: [gone.buffer] });
  const data = EventData.from(ones(4));
  structuredClone(0, { transfer: [data.segments[0]?.buffer as ArrayBuffer] });
  await validate({}, { data: EventData.from(partly) });

  await t.throwsAsync(validate({}, { data }), { code: "ERR_DATA_CHANGED" });
  await t.throwsAsync(validate({}, { data: part }), { code: "ERR_DATA_CHANGED" });
  t.throws(() => EventData.from(gone), { instanceOf: TypeError });
});

test("a component that moves its data elsewhere fails its task", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "thief");

  await t.throwsAsync(validate({}, { data: EventData.from(ones(4)) }), { code: "ERR_COMPONENT" });
});

test("no data moves for a component that does not read it", async (t) => {
  const pool = poolFor(t, 1);
  const validator = await validatorOf<{ size: number }>(pool, "where");
  const bytes = ones(1 << 16);
  const { size } = await validator.validate({}, EventData.from(bytes));

  t.is(size, 0);
  t.is(bytes.length, 1 << 16);
});
