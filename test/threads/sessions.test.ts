import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { makeSessions } from "../../src/threads/sessions.ts";
import type { WorkerSlot } from "../../src/threads/workerSlot.ts";

function makeSlots(count: number): { ended: number[]; slots: [WorkerSlot, ...WorkerSlot[]] } {
  const ended: number[] = [];
  const makeSlot = () => ({ endSession: (session: number) => ended.push(session) }) as never;
  const slots: [WorkerSlot, ...WorkerSlot[]] = [makeSlot(), ...Array.from({ length: count - 1 }, makeSlot)];
  return { ended, slots };
}

test("sessions: each keeps its number and its thread, and threads take turns", (t) => {
  const { slots } = makeSlots(2);
  const sessions = makeSessions(slots);
  const all = [{}, {}, {}, {}];
  const first = all.map((session) => [sessions.numberOf(session), sessions.slotOf(session)]);

  t.is(new Set(first.map(([number]) => number)).size, 4);
  t.deepEqual(
    slots.map((slot) => first.filter(([, of]) => of === slot).length),
    [2, 2],
  );
  t.deepEqual(
    all.map((session) => [sessions.numberOf(session), sessions.slotOf(session)]),
    first,
  );
});

test("sessions: one that nobody holds is ended in its thread", async (t) => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const { slots, ended } = makeSlots(1);
  const sessions = makeSessions(slots);
  const kept = {};
  sessions.numberOf(kept);
  const number = sessions.numberOf({});
  while (ended.length === 0) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }

  t.deepEqual(ended, [number]);
  t.is(sessions.slotOf(kept), slots[0]);
});
