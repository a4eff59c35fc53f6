import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { asyncScheduler, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import type { RobustStatus } from "../../operators/index.ts";
import { SimulatedClock } from "./simulatedClock.ts";
import { statusWhere, upTo, worldOf } from "./support.ts";

const day = 86_400_000;

/** Runs something in virtual time to its end. */
function inVirtualTime(work: () => void): void {
  new TestScheduler(() => undefined).run(({ flush }) => {
    work();
    flush();
  });
}

/** Bytes that are in use when all that is not has been freed. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("a batch is sent again after 100 ms, doubled each time up to the ceiling, for as long as it takes", async (t) => {
  const { faults, open } = await worldOf();
  const producer = await open({ delivery: "manual", retry: { jitter: 0 } });
  for (const n of upTo(3)) producer.push({ n });
  await producer.flush();
  const times: number[] = [];
  faults.append.fail(new Error("no route"), { when: () => times.push(asyncScheduler.now()) > 0 });
  inVirtualTime(() => {
    producer.start();
    timer(200_000).subscribe(() => faults.append.heal());
  });
  t.deepEqual(times, [0, 100, 300, 700, 1500, 3100, 6300, 12_700, 25_500, 51_100, 81_100, 111_100, 141_100, 171_100]);
  t.is(faults.append.calls.length, times.length + 1);
  t.true(faults.append.calls.every(({ batch }) => batch.producer?.sequence === 0));
  t.deepEqual(await producer.close(), { left: 0 });
});

test("the part of each wait that jitter names is left to chance", async (t) => {
  const { faults, open } = await worldOf();
  const dice = [0, 1, 0.5, 0];
  const producer = await open({ delivery: "manual", retry: { jitter: 0.5, random: () => dice.shift() ?? 0 } });
  await producer.push({ n: 0 }).accepted;
  const times: number[] = [];
  faults.append.fail(new Error("no route"), { times: 4, when: () => times.push(asyncScheduler.now()) > 0 });
  inVirtualTime(() => producer.start());
  t.deepEqual(times, [0, 100, 200, 500, 1300]);
  await producer.close();
});

test("a batch that was stored begins with short waits again", async (t) => {
  const { faults, open } = await worldOf();
  const producer = await open({ delivery: "manual", maxBatchEvents: 1, retry: { jitter: 0 } });
  for (const n of upTo(2)) producer.push({ n });
  await producer.flush();
  const times: number[] = [];
  faults.append.fail(new Error("no route"), {
    when: () => times.push(asyncScheduler.now()) > 0 && ![4, 7].includes(times.length),
  });
  inVirtualTime(() => {
    producer.start();
    timer(5000).subscribe(() => faults.append.heal());
  });
  t.deepEqual(times.slice(0, 6), [0, 100, 300, 700, 700, 800]);
  await producer.close();
});

test("an outage of three days costs an attempt each 30 s, and no memory", async (t) => {
  const { faults, open, stored } = await worldOf();
  const producer = await open({ delivery: "manual", retry: { jitter: 0 } });
  for (const n of upTo(10)) producer.push({ n });
  await producer.flush();
  let attempts = 0;
  faults.append.fail(new Error("no route"), { when: () => ++attempts > 0 });
  let last: RobustStatus | undefined;
  const [before, after] = [[0], [0]];
  inVirtualTime(() => {
    producer.status.subscribe((status) => (last = status));
    producer.start();
    timer(day).subscribe(() => (before[0] = bytesInUse()));
    timer(3 * day).subscribe(() => {
      after[0] = bytesInUse();
      faults.append.heal();
    });
  });
  t.true(attempts > 8640 && attempts < 8670, `${attempts} attempts`);
  t.is(last?.queued, 0);
  t.is(last?.state, "idle");
  // The test's own list of calls takes a little for each attempt.
  t.true(after[0]! - before[0]! < 8 << 20, `${after[0]! - before[0]!} bytes more after three days than after one`);
  await producer.close();
  t.deepEqual(await stored(), [upTo(10)]);
});

test("a backlog that grows is on the disk and not in memory", async (t) => {
  const journal = await mkdtemp(join(tmpdir(), "sluice-outage-"));
  t.teardown(() => rm(journal, { recursive: true, force: true }));
  const { faults, open } = await worldOf();
  faults.append.fail(new Error("no route"));
  const producer = await open({ journal, durability: "os", retry: { initialDelay: 1000 } });
  const data = new Uint8Array(400);
  const push = async (count: number) => {
    for (let n = 0; n < count; n++) {
      producer.push({ n }, data);
      if (!producer.isReady) await producer.ready;
    }
    await producer.flush();
    return bytesInUse();
  };
  const early = await push(20_000);
  const late = await push(60_000);
  const { bytes } = await statusWhere(producer, ({ queued, inFlight }) => queued + inFlight === 80_000);
  t.true(bytes > 30 << 20);
  t.true(late - early < 6 << 20, `${late - early} bytes more in memory for ${(bytes * 3) / 4} more in the journal`);
  t.deepEqual(await producer.close({ deadline: 0 }), { left: 80_000 });
});

test.serial(
  "an outage of three days with a backlog that grows all the time costs no memory, and loses nothing",
  async (t) => {
    const journal = await mkdtemp(join(tmpdir(), "sluice-outage-"));
    t.teardown(() => rm(journal, { recursive: true, force: true }));
    const clock = new SimulatedClock();
    t.teardown(() => clock.restore());
    const { faults, open, topic } = await worldOf();
    let attempts = 0;
    faults.append.fail(new Error("no route"), { when: () => ++attempts > 0 });
    const producer = await open({ journal, durability: "os", retry: { jitter: 0 } });
    const data = new Uint8Array(2000);
    const [minutes, each] = [3 * 24 * 60, 10];
    let n = 0;
    let early = 0;
    for (let minute = 0; minute < minutes; minute++) {
      for (let i = 0; i < each; i++) producer.push({ n: n++ }, data);
      await producer.flush();
      await clock.pass(60_000);
      if (minute === minutes / 3) early = bytesInUse();
    }
    const grown = bytesInUse() - early;
    const { bytes, oldest, queued, inFlight } = await statusWhere(producer, () => true);
    t.true(attempts > 8600 && attempts < 8700, `${attempts} attempts`);
    t.is(queued + inFlight, minutes * each);
    t.true(Math.abs(Date.now() - 3 * day - oldest!) < 60_000, `the oldest is of ${Date.now() - oldest!} ms ago`);
    t.true(bytes > minutes * each * data.length);
    // Two thirds of the backlog came behind the first look. The list of calls that the test keeps grows as well.
    t.true(grown < bytes / 8, `${grown} bytes more in memory, and ${(bytes * 2) / 3} more in the journal`);

    faults.append.heal();
    const drained = producer.drain();
    await clock.pass(60_000);
    clock.restore();
    await drained;
    let next = 0;
    for await (const { metadata } of topic.consumer("all", { until: "end" })) if (metadata.n === next) next++;
    t.is(next, minutes * each);
    t.deepEqual(await producer.close(), { left: 0 });
  },
);

test.serial("a clock that jumps changes nothing", async (t) => {
  const { faults, open, stored } = await worldOf();
  const realNow = Date.now;
  t.teardown(() => (Date.now = realNow));
  const producer = await open();
  for (const [round, jump] of [0, day, -day, 365 * day, -10 * 365 * day, 0].entries()) {
    Date.now = () => realNow() + jump;
    faults.append.fail(new Error("no route"), { times: 3 });
    for (const n of upTo(10, 10 * round)) producer.push({ n });
    await producer.flush();
    await producer.drain();
    const { rate, timeToDrain } = await statusWhere(producer, () => true);
    t.true(rate >= 0 && Number.isFinite(rate));
    t.is(timeToDrain, 0);
  }
  await producer.close();
  t.deepEqual(await stored(), [upTo(60)]);
});
