import test from "ava";
import fc from "fast-check";
import { asyncScheduler, delay, from, of, take, tap, timer, type Observable } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { ProducerCore } from "../../operators/internal/producerCore.ts";
import type { ProducerCoreOptions } from "../../operators/internal/producerOptions.ts";
import { produce } from "../../operators/produce.ts";
import type { EventBatch } from "../../src/model/batch.ts";
import type { EventInput } from "../../src/model/draft.ts";
import type { Validator } from "../../src/model/component.ts";
import { fakePartition, fakeTopic, later } from "../operators/helpers.ts";

/** Does something in virtual time, and lets that run to its end. */
function inVirtualTime(work: () => void): void {
  new TestScheduler(() => undefined).run(({ flush }) => {
    work();
    flush();
  });
}

/** A topic whose partitions take as long for each batch as a list says, in turn. */
function slowTopic<M>(
  partitions: number,
  delays: readonly number[],
  sent: (text: string) => void,
  validator?: Validator<M>,
  answered: (count: number) => void = () => undefined,
) {
  let appends = 0;
  const append = (batch: EventBatch) => {
    const wait = delays[appends++ % delays.length]!;
    sent(new TextDecoder().decode(batch.metadata));
    const answer = wait === 0 ? of({ firstId: 0 }) : of({ firstId: 0 }).pipe(delay(wait));
    return answer.pipe(tap(() => answered(batch.count)));
  };
  return fakeTopic<M>({
    partitions: Array.from({ length: partitions }, (_, index) => fakePartition({ index, append })),
    ...(validator && { components: { validator } }),
  });
}

const options = fc.record({
  batchSize: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant("adaptive" as const)),
  maxBatchEvents: fc.integer({ min: 1, max: 20 }),
  maxBatches: fc.integer({ min: 1, max: 6 }),
  maxBatchBytes: fc.integer({ min: 1, max: 400 }),
  maxBufferedBytes: fc.integer({ min: 600, max: 10_000 }),
  linger: fc.constantFrom(0, 1, 7),
  concurrency: fc.integer({ min: 1, max: 5 }),
  ordering: fc.constantFrom("strict" as const, "loose" as const),
});
const delays = fc.array(fc.nat(9), { minLength: 1, maxLength: 10 });

/** A validator that takes as long as the metadata says. */
const slowValidator: Validator<{ n: number; ms: number }> = {
  spec: { type: "x" },
  validate: (metadata) => {
    const event = metadata as { n: number; ms: number };
    return event.ms === 0 ? event : later(event.ms, () => event);
  },
};

test("produce() never stalls, for any bounds, number of pushers that wait for room, and time of an append", (t) => {
  const pushers = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
  const property = fc.property(
    options,
    pushers,
    delays,
    delays,
    fc.integer({ min: 1, max: 3 }),
    (rules, counts, appends, checks, partitions) => {
      let stored = 0;
      let ended = false;
      inVirtualTime(() => {
        const topic = slowTopic(partitions, appends, () => undefined, slowValidator);
        const core = coreOf(
          topic,
          rules,
          () => (ended = true),
          (count) => (stored += count),
        );
        let active = counts.length;
        let n = 0;
        const push = (left: number): void => {
          for (; left > 0; left--) {
            if (!core.isReady) return void core.room.pipe(take(1)).subscribe(() => push(left));
            core.push({ n, ms: checks[n++ % checks.length]! }, null, undefined);
          }
          if (--active === 0) core.end();
        };
        for (const count of counts) push(count);
      });
      t.is(
        stored,
        counts.reduce((sum, count) => sum + count),
      );
      t.true(ended);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

function coreOf<M>(
  topic: Parameters<typeof produce<M>>[0],
  rules: ProducerCoreOptions,
  ended: () => void,
  stored: (count: number) => void = () => undefined,
) {
  return new ProducerCore<M>(topic as never, rules, {
    next: ({ drafts }) => stored(drafts.length),
    error: (error) => {
      throw error;
    },
    complete: ended,
    closed: false,
    add: () => undefined,
  });
}

test("produce() keeps strict order while asynchronous validators overlap: all take as long as the slowest", (t) => {
  const property = fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 30 }), (times) => {
    let order = "";
    let end = -1;
    inVirtualTime(() => {
      const start = asyncScheduler.now();
      const topic = slowTopic(1, [0], (text) => (order += text), slowValidator);
      const events = times.map((ms, n): EventInput<{ n: number; ms: number }> => ({ metadata: { n, ms } }));
      produce(topic, { batchSize: 1, concurrency: 64 })(of(...events)).subscribe({
        complete: () => (end = asyncScheduler.now() - start),
      });
    });
    t.is(order, times.map((ms, n) => JSON.stringify({ n, ms })).join(""));
    t.is(end, Math.max(...times));
  });
  fc.assert(property, { numRuns: 200 });
});

test('produce() "loose" stores events as they become ready', (t) => {
  const property = fc.property(fc.uniqueArray(fc.nat(80), { minLength: 1, maxLength: 30 }), (times) => {
    let order = "";
    inVirtualTime(() => {
      const topic = slowTopic(1, [0], (text) => (order += text), slowValidator);
      const events = times.map((ms): EventInput<{ n: number; ms: number }> => ({ metadata: { n: 0, ms } }));
      produce(topic, { batchSize: 1, concurrency: 64, ordering: "loose" })(of(...events)).subscribe();
    });
    t.is(
      order,
      times
        .toSorted((a, b) => a - b)
        .map((ms) => JSON.stringify({ n: 0, ms }))
        .join(""),
    );
  });
  fc.assert(property, { numRuns: 200 });
});

test("produce() holds no more than 'maxBufferedBytes' of a source that cannot be paused", (t) => {
  const events = fc.array(fc.record({ at: fc.nat(30), size: fc.nat(2000) }), { maxLength: 60 });
  const property = fc.property(options, events, delays, (rules, pushes, appends) => {
    let peak = 0;
    let left = NaN;
    inVirtualTime(() => {
      const topic = slowTopic<number>(2, appends, () => undefined);
      const core = coreOf(topic, { ...rules, overflow: "drop" }, () => (left = core.bufferedBytes));
      for (const { at, size } of pushes) {
        timer(at).subscribe(() => {
          core.push(1, new Uint8Array(size), undefined);
          peak = Math.max(peak, core.bufferedBytes);
        });
      }
      timer(31).subscribe(() => core.end());
    });
    t.true(peak <= rules.maxBufferedBytes + 1, "one character of metadata is counted once it is serialized");
    t.is(left, 0);
  });
  fc.assert(property, { numRuns: 300 });
});

test("flush() resolves when all that was pushed before it is stored, and not earlier", (t) => {
  const property = fc.property(
    options,
    fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }),
    fc.nat(40),
    delays,
    (rules, times, at, appends) => {
      let stored = 0;
      let pushed = 0;
      let isFlushed = false;
      inVirtualTime(() => {
        const topic = slowTopic(
          1,
          appends,
          () => undefined,
          slowValidator,
          (count) => (stored += count),
        );
        const core = coreOf(topic, { ...rules, overflow: "buffer", linger: Infinity, batchSize: 50 }, () => undefined);
        times.forEach((ms, n) => timer(n).subscribe(() => void core.push({ n, ms }, null, undefined)));
        timer(at).subscribe(() => {
          pushed = Math.min(times.length, at + 1);
          // As an ObservableInput, since virtual time moves no promise.
          from(core.flush() as unknown as Observable<void>).subscribe(() => {
            isFlushed = true;
            if (stored < pushed) t.fail(`${stored} of ${pushed} were stored`);
          });
        });
      });
      t.true(isFlushed);
    },
  );
  fc.assert(property, { numRuns: 200 });
});
