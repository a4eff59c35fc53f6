import test from "ava";
import fc from "fast-check";
import { makePriorityQueue, type Ranked } from "../../src/threads/priorityQueue.ts";

test("priorityQueue: an empty queue has nothing to give", (t) => {
  const queue = makePriorityQueue<Ranked>();

  t.is(queue.size, 0);
  t.is(queue.peek(), undefined);
  t.is(queue.pop(), undefined);
});

test("priorityQueue: the higher priority goes first, and the earlier one among equals", (t) => {
  const queue = makePriorityQueue<Ranked>();
  const priorities = [0, 5, 0, -1, 5, Infinity];
  for (const [id, priority] of priorities.entries()) queue.push({ id, priority });

  t.deepEqual(
    Array.from(priorities, () => queue.pop()?.id),
    [5, 1, 4, 0, 2, 3],
  );
});

test("priorityQueue: any mix of pushes and pops is that of a sorted list", (t) => {
  const steps = fc.array(fc.oneof(fc.constant("pop" as const), fc.integer({ min: -3, max: 3 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (todo) => {
      const queue = makePriorityQueue<Ranked>();
      let model: Ranked[] = [];
      for (const [id, step] of todo.entries()) {
        if (step === "pop") {
          const first = model.toSorted((a, b) => b.priority - a.priority || a.id - b.id)[0];
          if (queue.peek() !== queue.pop()) return false;
          model = model.filter((item) => item !== first);
        } else {
          const item = { id, priority: step };
          queue.push(item);
          model.push(item);
        }
        const next = model.toSorted((a, b) => b.priority - a.priority || a.id - b.id)[0];
        if (queue.peek() !== next || queue.size !== model.length) return false;
      }
      return true;
    }),
  );
  t.pass();
});
