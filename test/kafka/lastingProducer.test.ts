import { mock } from "node:test";
import test from "ava";
import { LastingProducer } from "../../backends/kafka/lastingProducer.ts";
import type { ProducerMark } from "../../backends/kafka/producerMarks.ts";

/** A producer whose marks are written down, in a partition that ends somewhere. */
function producer(next = 0, end = 0) {
  const marks: ProducerMark[] = [];
  const place = { end, fails: false };
  const lasting = new LastingProducer(next, end, {
    put: async (mark) => {
      if (place.fails) throw new Error("no broker");
      marks.push(mark);
    },
    end: async () => place.end,
  });
  /** Stores so many events where the partition ends. */
  const store = (count: number) =>
    lasting.store(async () => {
      place.end += count;
      next += count;
      return { answer: "stored", next, end: place.end };
    });
  return { lasting, marks, place, store };
}

test("a mark is open before the first batch is stored, and says where the partition ended", async (t) => {
  const { lasting, marks, place } = producer(7, 100);
  place.end = 250; // Others have written meanwhile.
  await lasting.store(async () => {
    t.deepEqual(marks, [{ next: 7, offset: 250, state: "open" }]);
    return { answer: "stored", next: 9, end: 252 };
  });
});

test("further batches need no mark, until it lies far behind", async (t) => {
  const { marks, store } = producer();
  await store(10);
  await store(10);
  t.is(marks.length, 1);
  await store(6000);

  t.deepEqual(marks.at(-1), { next: 6020, offset: 6020, state: "open" });
});

test("closing says how far it has come, and the next batch opens a mark again", async (t) => {
  const { lasting, marks, store } = producer();
  await store(10);
  await lasting.close();
  await lasting.close();
  await store(5);

  t.deepEqual(marks, [
    { next: 0, offset: 0, state: "open" },
    { next: 10, offset: 10, state: "closed" },
    { next: 10, offset: 10, state: "open" },
  ]);
});

test("nothing is stored when the mark could not be opened", async (t) => {
  const { lasting, place } = producer();
  place.fails = true;
  let isStored = false;
  const storing = lasting.store(async () => {
    isStored = true;
    return { answer: "stored", next: 1, end: 1 };
  });

  await t.throwsAsync(storing, { message: "no broker" });
  t.false(isStored);
});

test("after a batch of which nobody knows what became, the mark stays open", async (t) => {
  const { lasting, marks } = producer();
  await t.throwsAsync(lasting.store(() => Promise.reject(new Error("answer lost"))));
  await lasting.close();

  t.deepEqual(marks, [{ next: 0, offset: 0, state: "open" }]);
});

/** Lets time go by: timers that are due run, and then what they have begun. */
async function passes(milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 250) {
    mock.timers.tick(250);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test.serial(
  "the mark is closed once the producer has rested, each time anew, and not while it is storing",
  async (t) => {
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    t.teardown(() => mock.timers.reset());
    const { marks, store } = producer();
    for (const round of [1, 2, 3]) {
      for (let i = 0; i < 4; i++) {
        await store(10);
        await passes(750);
      }
      t.deepEqual(
        marks.slice(2 * round - 2).map(({ state }) => state),
        ["open"],
      );
      await passes(1500);
      t.deepEqual(
        marks.slice(2 * round - 2).map(({ state, next }) => [state, next]),
        [
          ["open", 40 * (round - 1)],
          ["closed", 40 * round],
        ],
      );
    }
    await passes(10_000);
    t.is(marks.length, 6);
  },
);

test.serial("nothing is written any more once it was closed, or a batch has failed", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.teardown(() => mock.timers.reset());
  const closed = producer();
  await closed.store(10);
  await closed.lasting.close();
  const failed = producer();
  await failed.store(10);
  await t.throwsAsync(failed.lasting.store(() => Promise.reject(new Error("answer lost"))));
  const before = [closed.marks.length, failed.marks.length];
  await passes(10_000);

  t.deepEqual([closed.marks.length, failed.marks.length], before);
});
