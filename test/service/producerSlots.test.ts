import test from "ava";
import { timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { ProducerSlots } from "../../backends/service/client/producerSlots.ts";

/** Runs with a clock that only moves when it is told to. */
function inVirtualTime(run: (after: (ms: number, work: () => void) => void) => void): void {
  new TestScheduler(() => undefined).run(({ flush }) => {
    run((ms, work) => timer(ms).subscribe(work));
    flush();
  });
}

test("an identity is used again once its batch is stored, with the next number", (t) => {
  inVirtualTime(() => {
    const slots = new ProducerSlots("p");
    slots.take().stored(10);
    t.deepEqual(slots.take().producer, { id: "p.0", sequence: 10 });
  });
});

test("batches that are in flight together have identities of their own", (t) => {
  inVirtualTime(() => {
    const slots = new ProducerSlots("p");
    t.deepEqual([slots.take().producer.id, slots.take().producer.id], ["p.0", "p.1"]);
  });
});

test("an identity that has rested for longer than ten minutes is not used again, since a backend may have forgotten it", (t) => {
  t.plan(3);
  inVirtualTime((after) => {
    const slots = new ProducerSlots("p");
    const [older, newer] = [slots.take(), slots.take()];
    older.stored(1);
    after(1000, () => newer.stored(1));
    after(600_000, () => {
      const slot = slots.take();
      t.deepEqual(slot.producer, { id: "p.1", sequence: 1 });
      slot.stored(1);
    });
    after(600_001, () => {
      t.deepEqual(slots.take().producer, { id: "p.1", sequence: 2 });
      t.deepEqual(slots.take().producer, { id: "p.2", sequence: 0 }); // "p.0" has been resting since the beginning.
    });
  });
});
