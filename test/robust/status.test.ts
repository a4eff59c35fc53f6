import test from "ava";
import { take, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { SluiceError } from "../../src/index.ts";
import type { RobustStatus } from "../../operators/index.ts";
import { statusWhere, upTo, worldOf } from "./support.ts";

const size = 1000;

test("it tells how many events wait, how many are on their way, and their bytes", async (t) => {
  const { faults, open } = await worldOf();
  const producer = await open({ delivery: "manual", maxBatchEvents: 4 });
  const nothing = await statusWhere(producer, () => true);
  t.like(nothing, { queued: 0, inFlight: 0, delivered: 0, dead: 0, bytes: 0, rate: 0, timeToDrain: 0 });
  t.is(nothing.oldest, undefined);

  for (const n of upTo(10)) producer.push({ n }, new Uint8Array(size));
  await producer.flush();
  const waiting = await statusWhere(producer, ({ queued }) => queued === 10);
  t.like(waiting, { state: "stopped", inFlight: 0, delivered: 0, timeToDrain: Infinity });
  t.true(waiting.bytes >= 10 * size && waiting.bytes < 11 * size, `${waiting.bytes} bytes`);

  faults.append.hang();
  producer.start();
  const sending = await statusWhere(producer, ({ state }) => state === "sending");
  t.like(sending, { queued: 6, inFlight: 4, delivered: 0, bytes: waiting.bytes });
  t.deepEqual(await producer.close({ deadline: 0 }), { left: 10 });
  t.is((await statusWhere(producer, () => true)).state, "closed");

  faults.append.heal();
  const next = await open();
  await next.drain();
  const done = await statusWhere(next, ({ state }) => state === "idle");
  t.like(done, { queued: 0, inFlight: 0, delivered: 10, dead: 0, bytes: 0, timeToDrain: 0 });
  t.is(done.oldest, undefined);
  await next.close();
});

test("the oldest is the first one that is not stored, and moves on with what is", async (t) => {
  const { faults, open } = await worldOf();
  const producer = await open({ delivery: "manual", maxBatchEvents: 1 });
  const before = Date.now();
  await producer.push({ n: 0 }).accepted;
  const between = Date.now();
  while (Date.now() <= between) await new Promise((resolve) => setImmediate(resolve));
  await producer.push({ n: 1 }).accepted;
  const first = await statusWhere(producer, ({ queued }) => queued === 2);
  t.true(first.oldest! >= before && first.oldest! <= between);

  let calls = 0;
  faults.append.hang({ when: () => ++calls > 1 });
  producer.start();
  const second = await statusWhere(producer, ({ delivered, inFlight }) => delivered === 1 && inFlight === 1);
  t.true(second.oldest! > between);
  await producer.close({ deadline: 0 });
});

test("what was put aside is counted as dead and not as delivered", async (t) => {
  const { faults, open } = await worldOf();
  const producer = await open({ maxBatchEvents: 1 });
  faults.append.fail(new SluiceError("ERR_INVALID_METADATA", "poison"), { times: 1 });
  for (const n of upTo(3)) producer.push({ n });
  await producer.flush();
  await producer.drain();
  t.like(await statusWhere(producer, ({ state }) => state === "idle"), { delivered: 2, dead: 1, queued: 0, bytes: 0 });
  await producer.close();
});

test("the rate is that of the last seconds, and says how long the rest will take", async (t) => {
  const { faults, open } = await worldOf();
  const producer = await open({ delivery: "manual", maxBatchEvents: 10 });
  for (const n of upTo(3000)) producer.push({ n });
  await producer.flush();
  faults.append.delay(100); // Ten events each 100 ms, which are 100 a second.
  const seen = new Map<number, RobustStatus>();
  new TestScheduler(() => undefined).run(({ flush }) => {
    producer.start();
    for (const at of [5050, 25_050, 90_000]) {
      timer(at).subscribe(() => producer.status.pipe(take(1)).subscribe((status) => seen.set(at, status)));
    }
    flush();
  });
  const [early, late, idle] = [5050, 25_050, 90_000].map((at) => seen.get(at)!) as [
    RobustStatus,
    RobustStatus,
    RobustStatus,
  ];
  t.is(early.delivered, 500);
  t.true(Math.abs(early.rate - 100 * (1 - Math.exp(-0.5))) < 2, `${early.rate} a second`);
  t.is(late.delivered, 2500);
  t.true(late.rate > 90 && late.rate < 95, `${late.rate} a second`);
  t.true(Math.abs(late.timeToDrain - (500 / late.rate) * 1000) < 1e-6);
  t.true(idle.rate < 1 && idle.timeToDrain === 0);
  await producer.close();
});
