import test from "ava";
import fc from "fast-check";
import { from, map, timer, toArray } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { batch } from "../../operators/batch.ts";

const rules = fc.record({
  batchSize: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant("adaptive" as const)),
  maxBatchEvents: fc.integer({ min: 1, max: 9 }),
  maxBatchBytes: fc.integer({ min: 1, max: 30 }),
  maxBatches: fc.integer({ min: 1, max: 5 }),
  linger: fc.constantFrom(0, 3, Infinity),
});

test("batch() cuts no batch beyond its count and bytes, and loses and reorders nothing", (t) => {
  const property = fc.property(
    rules,
    fc.array(fc.nat(12)),
    fc.array(fc.nat(5), { minLength: 1 }),
    (options, sizes, delays) => {
      const values = sizes.map((size, id) => ({ id, size }));
      let sent = 0;
      let ended = false;
      const batches: (readonly { id: number; size: number }[])[] = [];
      const send = (gathered: readonly { id: number; size: number }[]) => {
        batches.push(gathered);
        return timer(delays[sent++ % delays.length]!).pipe(map(() => gathered));
      };
      new TestScheduler(() => undefined).run(({ flush }) => {
        from(values)
          .pipe(batch({ ...options, sizeOf: ({ size }) => size }, send), toArray())
          .subscribe({ complete: () => (ended = true) });
        flush();
      });
      const maxCount = options.batchSize === "adaptive" ? options.maxBatchEvents : options.batchSize;
      t.true(ended);
      t.deepEqual(batches.flat(), values);
      for (const each of batches) {
        t.true(each.length > 0 && each.length <= maxCount);
        const bytes = each.reduce((sum, { size }) => sum + size, 0);
        t.true(bytes <= options.maxBatchBytes || each.length === 1);
      }
    },
  );
  fc.assert(property, { numRuns: 500 });
});
