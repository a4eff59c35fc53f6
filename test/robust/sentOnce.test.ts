import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";
import { upTo, worldOf } from "./support.ts";

for (const durability of ["disk", "os"] as const)
  for (const [count, size] of [
    [1, 0],
    [30, 100],
    [100, 1000], // Enough to be written anew.
  ] as const)
    test(`a journal in a directory that was drained and closed sends nothing again (${durability}, ${count} events of ${size} bytes)`, async (t) => {
      const journal = await mkdtemp(join(tmpdir(), "sluice-sent-"));
      t.teardown(() => rm(journal, { recursive: true, force: true }));
      const { faults, open, stored } = await worldOf({ partitions: 3 });
      for (const session of upTo(3)) {
        const producer = await open({ journal, durability, compactAfter: 0 });
        for (const n of upTo(count)) producer.push({ n: session * count + n }, new Uint8Array(size));
        await producer.flush();
        await producer.drain();
        t.deepEqual(await producer.close(), { left: 0 });
      }
      const events = faults.append.calls.reduce((sum, { batch }) => sum + batch.count, 0);
      t.is(events, 3 * count);
      t.is((await stored()).flat().length, 3 * count);
    });

test("a position that could not be noted is noted when the producer is closed, so that nothing is sent again", async (t) => {
  const disk = new FaultPlan();
  const { faults, open } = await worldOf({}, { journal: withFaults(memoryBackend(), disk) });
  const first = await open();
  const warnings: unknown[] = [];
  first.warnings.subscribe((warning) => warnings.push(String(warning)));
  disk.acknowledge.failOnce(new Error("EIO"));
  for (const n of upTo(5)) first.push({ n });
  await first.flush();
  await first.drain();
  t.deepEqual(await first.close(), { left: 0 });
  t.deepEqual(warnings, ["Error: EIO"]);
  const sent = faults.append.calls.length;
  const second = await open();
  await second.drain();
  t.deepEqual(await second.close(), { left: 0 });
  t.is(faults.append.calls.length, sent);
});

test("a position that can never be noted is told of, and does not keep the producer from closing", async (t) => {
  const disk = new FaultPlan();
  const { open, stored } = await worldOf({}, { journal: withFaults(memoryBackend(), disk) });
  const first = await open();
  const warnings: unknown[] = [];
  first.warnings.subscribe((warning) => warnings.push(String(warning)));
  disk.acknowledge.fail(new Error("EIO"));
  for (const n of upTo(5)) first.push({ n });
  await first.flush();
  await first.drain();
  t.deepEqual(await first.close(), { left: 0 });
  t.deepEqual(warnings, ["Error: EIO", "Error: EIO"]);
  disk.heal();
  const second = await open();
  await second.drain();
  await second.close();
  t.deepEqual(await stored(), [upTo(5)]);
});

test("a journal that is written anew while a position is being noted notes what is sent after it", async (t) => {
  const disk = new FaultPlan();
  const { faults, open, stored } = await worldOf({}, { journal: withFaults(memoryBackend(), disk) });
  const first = await open();
  disk.acknowledge.delay(20);
  for (const n of upTo(40)) first.push({ n }, new Uint8Array(1000));
  await first.flush();
  await first.drain();
  await first.compact();
  for (const n of upTo(3, 40)) first.push({ n });
  await first.flush();
  await first.drain();
  t.deepEqual(await first.close(), { left: 0 });
  const sent = faults.append.calls.length;
  const second = await open();
  await second.drain();
  await second.close();
  t.is(faults.append.calls.length, sent);
  t.deepEqual(await stored(), [upTo(43)]);
});

test("a journal that is written anew while a note is never answered notes what is sent after it", async (t) => {
  const disk = new FaultPlan();
  const { faults, open } = await worldOf({}, { journal: withFaults(memoryBackend(), disk) });
  const first = await open();
  disk.acknowledge.hang({ times: 1 });
  for (const n of upTo(40)) first.push({ n }, new Uint8Array(1000));
  await first.flush();
  await first.drain();
  await first.compact();
  for (const n of upTo(3, 40)) first.push({ n });
  await first.flush();
  await first.drain();
  t.deepEqual(await first.close(), { left: 0 });
  const sent = faults.append.calls.length;
  const second = await open();
  await second.drain();
  await second.close();
  t.is(faults.append.calls.length, sent);
});
