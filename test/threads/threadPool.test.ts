import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";
import test from "ava";
import { SluiceError } from "../../src/model/errors.ts";
import { makeThreadPool } from "../../src/threads/threadPool.ts";
import { makeWorkerEngine } from "../../src/threads/browser.ts";
import { run } from "../house/run.ts";
import { component, fixtures, makeGate, poolFor, sharedCounters, validating } from "./support.ts";

type Place = { readonly threadId: number };

test("makeThreadPool() refuses a size that is none", (t) => {
  t.throws(() => makeThreadPool(-1), { instanceOf: RangeError, message: /'size'.* -1$/ });
  t.throws(() => makeThreadPool(1.5), { instanceOf: RangeError });
  t.throws(() => makeThreadPool(Infinity), { instanceOf: RangeError });
  t.throws(() => makeThreadPool("2" as never), { instanceOf: TypeError, message: /"2"$/ });
});

test("run() refuses a priority that is no number", async (t) => {
  const pool = poolFor(t, 1);
  const task = { component: component("where"), method: "describe", args: [] } as const;

  await t.throwsAsync(pool.run(task, { priority: NaN }), { instanceOf: RangeError });
  await t.throwsAsync(pool.run(task, { priority: "high" as never }), { instanceOf: TypeError });
});

test("run() spreads tasks over its threads, off the main one", async (t) => {
  const pool = poolFor(t, 2);
  const validate = await validating(pool, "where");
  const places = await Promise.all(Array.from({ length: 50 }, () => validate<Place>({})));

  t.true(places.every((place) => place.threadId !== threadId));
  t.is(new Set(places.map(({ threadId }) => threadId)).size, 2);
});

test("run() with size 0 runs on the calling thread", async (t) => {
  const pool = poolFor(t, 0);
  const validate = await validating(pool, "where");

  t.is(pool.size, 0);
  t.is((await validate<Place>({})).threadId, threadId);
});

for (const warmUp of [0, 500]) {
  test(`run() keeps priorities, after ${warmUp} tasks that showed how little one costs`, async (t) => {
    const pool = poolFor(t, 1);
    const validate = await validating(pool, "ordered");
    await Promise.all(Array.from({ length: warmUp }, () => validate({})));
    const { gate, reached, open } = makeGate(t);
    const counter = sharedCounters();
    const first = validate({ gate });
    await reached();
    // The last ones come a turn later, when the first ones are already on their way or queued.
    const submit = (priority: number) => validate<{ place: number }>({ counter }, { priority });
    const early = [0, 1, 0, 0, 1].map(submit);
    await new Promise((resolve) => setImmediate(resolve));
    const late = [2, -1, 1, 2].map(submit);
    await new Promise((resolve) => setImmediate(resolve));
    open();
    await first;

    const places = (await Promise.all([...early, ...late])).map(({ place }) => place);
    t.deepEqual(places, [5, 2, 6, 7, 3, 0, 8, 4, 1]);
  });
}

test("run() lets a later task of a high priority overtake thousands", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "ordered");
  const counter = sharedCounters();
  await Promise.all(Array.from({ length: 500 }, () => validate({})));
  const { gate, reached, open } = makeGate(t);
  const first = validate({ gate }, { priority: 1 });
  await reached();
  const many = Array.from({ length: 5000 }, () => validate<{ place: number }>({ counter }));
  await new Promise((resolve) => setImmediate(resolve));
  const urgent = validate<{ place: number }>({ counter }, { priority: 9 });
  await new Promise((resolve) => setImmediate(resolve));
  open();

  t.is((await urgent).place, 0);
  const places = (await Promise.all([first, ...many])).slice(1).map((answer) => (answer as { place: number }).place);
  t.deepEqual(
    places,
    Array.from(places, (_, i) => i + 1),
  );
});

test("run() lets a task overtake those that its thread already has", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "ordered");
  const counter = sharedCounters();
  await Promise.all(Array.from({ length: 500 }, () => validate({})));
  // The thread's event loop turns after the long first gate, and has no reason to do so again after the short second one.
  const gates = [makeGate(t), makeGate(t)] as const;
  const blocked = gates.map(({ gate }, i) => validate({ gate }, { priority: 2 - i }));
  await gates[0].reached();
  const low = Array.from({ length: 5 }, () => validate<{ place: number }>({ counter }));
  for (const end = performance.now() + 20; performance.now() < end;);
  gates[0].open();
  await gates[1].reached();
  const urgent = validate<{ place: number }>({ counter }, { priority: 9 });
  await Promise.resolve()
    .then(() => {})
    .then(() => {});
  gates[1].open();
  await Promise.all(blocked);

  t.is((await urgent).place, 0);
  t.deepEqual(
    (await Promise.all(low)).map(({ place }) => place),
    [1, 2, 3, 4, 5],
  );
});

test("run() leaves few tasks waiting behind a blocked thread", async (t) => {
  const pool = poolFor(t, 2);
  const validate = await validating(pool, "ordered");
  await Promise.all(Array.from({ length: 1000 }, () => validate({})));
  const { gate, reached, open } = makeGate(t);
  const first = validate({ gate });
  await reached();
  let left = 5000;
  const enough = new Promise<void>((resolve) => {
    for (let i = 0; i < 5000; i++) void validate({}).then(() => --left <= 128 && resolve());
  });
  await enough;
  open();
  await first;

  t.true(left <= 128);
});

test("run() answers a task although the next one blocks the thread", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "ordered");
  const { gate, open } = makeGate(t);
  const first = validate({});
  const second = validate({ gate });
  await first;
  open();
  await second;

  t.pass();
});

test("run() gives a thread one task at a time, also when it waits", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "slowly");
  const counter = sharedCounters();
  const answers = await Promise.all(Array.from({ length: 5 }, () => validate({ counter })));

  t.deepEqual(
    answers,
    Array.from({ length: 5 }, (_, i) => ({ begun: i, ended: i })),
  );
});

test("run() with an aborted signal rejects with its reason", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "ordered");
  const counter = sharedCounters();
  const { gate, reached, open } = makeGate(t);
  const reason = new Error("enough");
  const [running, queued] = [new AbortController(), new AbortController()];
  const first = validate({ gate, counter }, { signal: running.signal });
  await reached();
  const second = validate({ counter }, { signal: queued.signal });
  const third = validate({ counter });
  const errors = Promise.allSettled([first, second]);
  running.abort(reason);
  queued.abort(reason);

  t.deepEqual(await errors, Array(2).fill({ status: "rejected", reason }));
  t.is(await t.throwsAsync(validate({ counter }, { signal: AbortSignal.abort(reason) })), reason);
  open();
  t.deepEqual(await third, { place: 1 });
  await pool.close();
  t.is(counter[2], 2);
});

test("run() refuses arguments that cannot be cloned, and loses nothing else", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "where");
  const [before, bad, after] = await Promise.allSettled([validate({}), validate({ run: () => 1 }), validate({})]);

  t.is(before.status, "fulfilled");
  t.is(after.status, "fulfilled");
  const { reason } = bad as PromiseRejectedResult;
  t.like(reason, { code: "ERR_COMPONENT", details: { type: "where:./components.js", method: "validate" } });
  t.is((reason as { cause: Error }).cause.name, "DataCloneError");
  // The pool has room again.
  t.deepEqual(
    (await Promise.allSettled([validate({ run: () => 1 }), validate({})])).map(({ status }) => status),
    ["rejected", "fulfilled"],
  );
});

for (const size of [0, 2]) {
  test(`close() drains the queue of a pool of ${size}`, async (t) => {
    const pool = poolFor(t, size);
    const validate = await validating(pool, "slowly");
    const counter = sharedCounters();
    const tasks = Array.from({ length: 100 }, () => validate({ counter }));
    const ended = pool.close().then(() => counter[1]);

    t.is((await Promise.all(tasks)).length, 100);
    t.is(await ended, 100);
  });

  test(`close() of a pool of ${size} may be called twice, and run() fails after it`, async (t) => {
    const pool = poolFor(t, size);
    const validate = await validating(pool, "where");
    const task = validate({});
    const closing = [pool.close(), pool.close(), pool[Symbol.asyncDispose]()];

    await t.throwsAsync(validate({}), { instanceOf: SluiceError, code: "ERR_CLOSED" });
    await Promise.all([...closing, task]);
    await pool.close();
    await t.throwsAsync(validate({}), { code: "ERR_CLOSED" });
  });

  test(`close() of a pool of ${size} that never ran anything`, async (t) => {
    await t.notThrowsAsync(poolFor(t, size).close());
  });
}

test("close() drains a task that was submitted before the pool had loaded", async (t) => {
  const pool = poolFor(t, 1);
  const task = pool.run({ component: component("where"), method: "validate", args: [{}] });
  await pool.close();

  t.like(await task, { isMainThread: false });
});

test("close() with a deadline gives up tasks that do not end", async (t) => {
  const pool = poolFor(t, 1);
  const validate = await validating(pool, "ordered");
  const { gate, reached } = makeGate(t);
  const tasks = [validate({ gate }), validate({})];
  const outcomes = Promise.allSettled(tasks);
  await reached();
  await pool.close({ deadline: 1 });

  for (const outcome of await outcomes) t.like(outcome, { status: "rejected", reason: { code: "ERR_CLOSED" } });
  await t.throwsAsync(async () => pool.close({ deadline: -1 }), { instanceOf: RangeError });
});

for (const args of [[], ["--input-type=module"]]) {
  test(`a pool that is not closed lets the process end ${args.join("")}`, async (t) => {
    const program = fileURLToPath(new URL("oneTask.ts", fixtures));
    const start = args.length === 0 ? [program] : [...args, "--eval", `await import(${JSON.stringify(program)})`];
    const { code, stdout, output } = await run(process.execPath, ["--conditions", "sluice-source", ...start]);

    t.is(code, 0, output);
    t.is(stdout, "survived: 3\nran on the main thread: false\n");
  });
}

test("a browser is told that it has no threads", (t) => {
  t.throws(() => makeWorkerEngine(2), { code: "ERR_UNSUPPORTED", message: /makeThreadPool\(0\)/ });
});
