import test from "ava";
import { EventData } from "../../src/model/data.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { packError, unpackError } from "../../src/threads/packError.ts";
import { component, makeGate, poolFor, validating } from "./support.ts";

for (const size of [0, 1]) {
  test(`what a component throws arrives from a pool of ${size}`, async (t) => {
    const pool = poolFor(t, size);
    const throwing = component("throwing", "errors.js");
    const thrown = async (kind: string): Promise<unknown> =>
      pool.run({ component: throwing, method: "select", args: [kind, [], undefined] }).catch((error: unknown) => error);

    const sluice = await thrown("sluice");
    t.true(sluice instanceof SluiceError);
    t.like(sluice, { name: "SluiceError", code: "ERR_STORAGE", message: "no room" });
    t.is((sluice as SluiceError).details["path"], "/energy");
    t.regex((sluice as SluiceError).stack ?? "", /errors\.js/);
    t.true((sluice as SluiceError).cause instanceof TypeError);
    t.like((sluice as SluiceError).cause, { message: "the cause", cause: "its cause" });

    t.true((await thrown("range")) instanceof RangeError);
    const own = await thrown("own");
    t.true(own instanceof Error);
    t.like(own, { name: "EnergyError", message: "too hot", energy: 21 });
    t.regex((own as Error).stack ?? "", /errors\.js/);
    t.deepEqual(await thrown("value"), { just: "a value" });
  });

  test(`a module that cannot be used is an error of a pool of ${size}`, async (t) => {
    const pool = poolFor(t, size);
    const describe = (name: string, file?: string) =>
      pool.run({ component: component(name, file), method: "describe", args: [] });

    await t.throwsAsync(describe("none", "missing.js"), { instanceOf: SluiceError, code: "ERR_COMPONENT" });
    await t.throwsAsync(describe("none"), { code: "ERR_COMPONENT", message: /does not export "none"/ });
    await t.throwsAsync(describe("notAComponent"), { code: "ERR_COMPONENT", message: /must return a function/ });
    await t.throwsAsync(describe("broken", "errors.js"), { code: "ERR_COMPONENT", message: /the factory failed/ });
  });
}

test("packError() takes along what can be cloned", (t) => {
  const circle = new Error("round");
  circle.cause = circle;
  const odd = () => 1;
  const nameless = Object.assign(new Error("no stack"), { stack: undefined });

  t.notThrows(() => structuredClone(packError(circle)));
  t.is((unpackError(packError(circle)) as Error).message, "round");
  t.is(unpackError(packError(odd)), String(odd));
  t.is(unpackError(packError(Object.assign(Object.create(null), { odd }))), "[object Object]");
  t.like(unpackError(packError(nameless)), { message: "no stack" });
  t.is(unpackError(packError(undefined)), undefined);
});

for (const how of ["exit", "uncaught"]) {
  test(`a thread that dies of ${how} fails its tasks and is replaced`, async (t) => {
    const pool = poolFor(t, 1);
    const validate = await validating(pool, "deadly");
    const before = await validate<{ threadId: number }>({});
    const data = EventData.from(new Uint8Array(8));
    const error = await t.throwsAsync(validate({ how }, { data }), { instanceOf: SluiceError, code: "ERR_COMPONENT" });

    t.is(error.details["exitCode"], how === "exit" ? 3 : 1);
    if (how === "uncaught") t.like(error.cause, { name: "TypeError", message: "out of nowhere" });
    const after = await validate<{ threadId: number }>({});
    t.not(after.threadId, before.threadId);
    await t.throwsAsync(validate({}, { data }), { code: "ERR_COMPONENT", message: /lost/ });
  });
}

for (const how of ["exit", "uncaught"]) {
  test(`a thread that dies of ${how} fails only the task that it was running`, async (t) => {
    const pool = poolFor(t, 1);
    const validate = await validating(pool, "deadly");
    await Promise.all(Array.from({ length: 100 }, () => validate({})));
    const { gate, reached, open } = makeGate(t);
    const first = validate({ how: "gate", gate }, { priority: 2 });
    await reached();
    const deadly = [validate({ how }, { priority: 1 }), validate({ how }, { priority: 1 })];
    const events = Array.from({ length: 1000 }, (_, i) => EventData.from(new Uint8Array([i % 256])));
    const many = events.map((data) => validate({}, { data }));
    const outcomes = Promise.allSettled([first, ...many]);
    open();

    for (const task of deadly) await t.throwsAsync(task, { code: "ERR_COMPONENT" });
    t.true((await outcomes).every(({ status }) => status === "fulfilled"));
    t.true(events.every((data, i) => data.segments[0]?.[0] === i % 256));
  });
}

test("a thread that dies between two tasks fails none", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "deadly");
  const answers = await Promise.all(Array.from({ length: 5 }, () => validate<{ threadId: number }>({ how: "stray" })));

  t.is(new Set(answers.map(({ threadId }) => threadId)).size, 5);
});

test("a thread that cannot live is not replaced for ever", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "deadly");
  const data = EventData.from(new Uint8Array(1));
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => validate({ how: "late" }, { data })));

  for (const outcome of outcomes) t.like(outcome, { status: "rejected", reason: { code: "ERR_COMPONENT" } });
});

test("a thread that dies does not take finished answers along", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "deadly");
  const { gate, reached, open } = makeGate(t);
  await Promise.all(Array.from({ length: 100 }, () => validate({})));
  const first = validate({ how: "gate", gate });
  await reached();
  const many = Array.from({ length: 50 }, () => validate({}, { priority: 1 }));
  const deadly = validate({ how: "exit" });
  const outcomes = Promise.allSettled([first, ...many]);
  open();

  await t.throwsAsync(deadly, { code: "ERR_COMPONENT" });
  t.true((await outcomes).every(({ status }) => status === "fulfilled"));
});

test("an answer that cannot be cloned fails its task and gives the data back", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "deadly");
  const data = EventData.from(new Uint8Array([1, 2]));

  await t.throwsAsync(validate({ how: "function" }, { data }), { code: "ERR_COMPONENT", message: /cloned/ });
  t.deepEqual(data.toUint8Array(), new Uint8Array([1, 2]));
});

test("an answer that cannot be cloned does not cost those that go with it", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "deadly");
  await Promise.all(Array.from({ length: 100 }, () => validate({})));
  const hows = Array.from({ length: 100 }, (_, i) => (i % 10 === 5 ? "function" : "well"));
  const outcomes = await Promise.allSettled(hows.map((how) => validate({ how })));

  t.deepEqual(
    outcomes.map(({ status }) => status),
    hows.map((how) => (how === "well" ? "fulfilled" : "rejected")),
  );
});
