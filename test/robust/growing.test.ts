import test from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";
import { upTo, worldOf } from "./support.ts";

test("events that are pushed while their partition is being made keep their order, with several batches in flight", async (t) => {
  const memory = memoryBackend();
  const disk = new FaultPlan();
  const { topic, open, stored, faults } = await worldOf({}, { journal: withFaults(memory, disk) });
  const producer = await open({ delivery: "manual", maxBatches: 8, batchSize: 1 });
  await topic.addPartitions(1);
  for (const call of [disk.addPartitions, disk.bounds, disk.append]) call.delay(5); // A slow disk.
  const pushed = [];
  for (const n of upTo(40)) {
    pushed.push(producer.push({ n }, undefined, { partition: 1 }).accepted);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const positions = await Promise.all(pushed);
  t.deepEqual(positions, upTo(40));
  disk.heal();
  producer.start();
  await producer.drain();
  t.deepEqual(await stored(), [[], upTo(40)]);
  t.true(faults.append.calls.every(({ batch }) => batch.producer!.sequence >= 0));
  t.deepEqual(await producer.close(), { left: 0 });
  await (await open()).close();
});

test("a kill while a partition is being made leaves a journal that opens", async (t) => {
  const memory = memoryBackend();
  const disk = new FaultPlan();
  const { topic, open } = await worldOf({}, { journal: withFaults(memory, disk) });
  const producer = await open({ delivery: "manual", maxBatches: 8, batchSize: 1 });
  await topic.addPartitions(1);
  disk.bounds.delay(5);
  disk.append.hang({ when: ({ partition }) => partition === 0 }); // The record of the identity never gets there.
  const early: number[] = [];
  for (const n of upTo(40)) {
    producer.push({ n }, undefined, { partition: 1 }).accepted.then(
      () => early.push(n),
      () => undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await t.throwsAsync(() => producer.close({ deadline: 20 }), { message: /within 20 ms/ });
  t.deepEqual(early, []);
  disk.heal();
  const next = await open();
  await next.push({ n: 100 }, undefined, { partition: 1 }).delivered;
  await next.close();
});
