import { threadId } from "node:worker_threads";
import test from "ava";
import { EventData } from "../../src/model/data.ts";
import { partitionSelectorOnPool, serializerOnPool, validatorOnPool } from "../../src/threads/componentsOnPool.ts";
import { fixtures, makeGate, poolFor, sharedCounters, validatorOf } from "./support.ts";

const partitions = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];

test("validatorOnPool() hands metadata, configuration and data to the thread", async (t) => {
  const pool = poolFor(t, 1);
  const spec = { type: "where:./components.js", limit: 3 };
  const validator = await validatorOnPool(pool, spec, fixtures);
  const answer = validator.validate({ energy: 7 }, EventData.empty);

  t.is(validator.spec, spec);
  t.true(answer instanceof Promise);
  t.like(await answer, { metadata: { energy: 7 }, config: { limit: 3 }, isMainThread: false });
});

test("validatorOnPool() moves the data of a component that reads it", async (t) => {
  const pool = poolFor(t, 1);
  const validator = await validatorOf<{ sum: number }>(pool, "summed");
  const data = EventData.from(new Uint8Array([1, 2, 3]));

  t.is((await validator.validate({}, data)).sum, 6);
  t.deepEqual(data.toUint8Array(), new Uint8Array([1, 2, 3]));
});

test("validatorOnPool() calls with its priority", async (t) => {
  const pool = poolFor(t, 1);
  const spec = { type: "ordered:./components.js" };
  const [low, high] = await Promise.all([
    validatorOnPool(pool, spec, fixtures),
    validatorOnPool(pool, spec, fixtures, { priority: 1 }),
  ]);
  const { gate, reached, open } = makeGate(t);
  const counter = sharedCounters();
  const first = high.validate({ gate }, EventData.empty);
  await reached();
  const answers = [low, low, high].map((validator) => validator.validate({ counter }, EventData.empty));
  await new Promise((resolve) => setImmediate(resolve));
  open();
  await first;

  t.deepEqual(await Promise.all(answers), [{ place: 1 }, { place: 2 }, { place: 0 }]);
});

for (const size of [0, 3]) {
  test(`partitionSelectorOnPool() keeps the state of each selection, with a pool of ${size}`, async (t) => {
    const pool = poolFor(t, size);
    const selector = await partitionSelectorOnPool(pool, { type: "turns:./components.js" }, fixtures);
    const selections = Array.from({ length: 4 }, () => selector.start());
    const turns = await Promise.all(
      [0, 1, 2, 3].flatMap(() => selections.map(async (select) => select({}, partitions, undefined))),
    );

    t.deepEqual(
      turns,
      [0, 1, 2, 0].flatMap((turn) => Array(4).fill(turn)),
    );
    await t.throwsAsync(async () => selections[0]?.({}, partitions, 5), { code: "ERR_INVALID_PARTITION" });
  });
}

test("serializerOnPool() makes bytes, and clones no more than those", async (t) => {
  const pool = poolFor(t, 1);
  const serializer = await serializerOnPool(pool, { type: "slab:./components.js" }, fixtures);
  const bytes = (await serializer.serialize({ fill: 9 })) as Uint8Array;

  t.is(serializer.form, "bytes");
  t.deepEqual(bytes, new Uint8Array([9, 9, 9, 9]));
  t.is(bytes.buffer.byteLength, 4);
  const view = new Uint8Array(1 << 16).subarray(7, 9);
  t.deepEqual(await serializer.deserialize(view as never), { bytes: [0, 0], buffer: 2 });
});

test("serializerOnPool() makes text", async (t) => {
  const serializer = await serializerOnPool<string>(poolFor(t, 1), { type: "text:./components.js" }, fixtures);

  t.is(serializer.form, "text");
  t.not(await serializer.serialize("hello"), `${threadId} hello`);
  t.is(await serializer.deserialize("7 hello" as never), "hello");
});

test("with a pool of size 0 they are the components themselves", async (t) => {
  const pool = poolFor(t, 0);
  const validator = await validatorOf<{ sum: number }>(pool, "summed");
  const serializer = await serializerOnPool<string>(pool, { type: "text:./components.js" }, fixtures);

  t.like(validator.validate({}, EventData.from(new Uint8Array([4]))), { sum: 4 });
  t.is(serializer.serialize("hello"), `${threadId} hello`);
});

test("a module that cannot be used is refused before the first event", async (t) => {
  for (const size of [0, 1]) {
    const pool = poolFor(t, size);
    await t.throwsAsync(validatorOnPool(pool, { type: "gone:./components.js" }, fixtures), { code: "ERR_COMPONENT" });
    await t.throwsAsync(serializerOnPool(pool, { type: "where:./components.js" }, fixtures), { code: "ERR_COMPONENT" });
  }
});
