import test from "ava";
import fc from "fast-check";
import { delay, from, map, Subject, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { consume } from "../../operators/consume.ts";
import { processEvents } from "../../operators/processEvents.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import { eventLog, fakeEvent, memoryTopic, stock } from "../operators/helpers.ts";

const times = fc.array(fc.record({ partition: fc.nat(2), ms: fc.nat(20) }), { minLength: 1, maxLength: 60 });
const workers = fc.record({
  concurrency: fc.integer({ min: 1, max: 8 }),
  ordering: fc.constantFrom("strict" as const, "loose" as const),
});

test("processEvents() never acknowledges beyond an event that is still being handled", (t) => {
  const property = fc.property(times, workers, (events, options) => {
    const log = eventLog();
    const done = new Set<string>();
    const next = [0, 0, 0];
    const made = events.map(({ partition, ms }) => ({ ms, event: fakeEvent(next[partition]!++, log, { partition }) }));
    const waits = new Map(made.map(({ ms, event }) => [event, ms]));
    let checked = 0;
    const check = () => {
      for (; checked < log.acknowledged.length; checked++) {
        const [partition, id] = log.acknowledged[checked]!.split(":");
        for (let before = 0; before <= Number(id); before++) t.true(done.has(`${partition}:${before}`));
      }
    };
    new TestScheduler(() => undefined).run(({ flush }) => {
      const source = new Subject<StreamEvent<number>>();
      const handler = (event: StreamEvent<number>) =>
        timer(waits.get(event)!).pipe(map(() => void done.add(`${event.partition}:${event.id}`)));
      source.pipe(processEvents(handler, options)).subscribe(check);
      for (const { event } of made) source.next(event);
      source.complete();
      flush();
    });
    check();
    const last = next.flatMap((count, partition) => (count > 0 ? [`${partition}:${count - 1}`] : []));
    for (const each of last) t.true(log.acknowledged.includes(each));
    t.is(log.held, 0);
  });
  fc.assert(property, { numRuns: 300 });
});

test("consume() and processEvents() handle everything once, in the order of each partition, for any bounds and times", (t) => {
  const bounds = fc.record({
    batchSize: fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constant("adaptive" as const)),
    maxBatches: fc.integer({ min: 1, max: 4 }),
    maxBytes: fc.integer({ min: 1, max: 200 }),
    demand: fc.constantFrom("delivered" as const, "acknowledged" as const),
    warnAfter: fc.constant(Infinity),
  });
  const batches = fc.array(
    fc.record({ partition: fc.nat(1), at: fc.nat(20), count: fc.integer({ min: 1, max: 8 }), size: fc.nat(60) }),
    { maxLength: 12 },
  );
  const property = fc.property(
    bounds,
    workers,
    batches,
    fc.array(fc.nat(6), { minLength: 1 }),
    fc.nat(3),
    (options, work, stocks, handling, fetching) => {
      const handled: string[] = [];
      const expected: string[] = [];
      let cursors: readonly (number | undefined)[] = [];
      new TestScheduler(() => undefined).run(({ flush }) => {
        const topic = memoryTopic<string>(2);
        for (const partition of topic.backend.partitions) {
          const { fetch } = partition;
          partition.fetch = (reads) => from(fetch.call(partition, reads)).pipe(delay(fetching));
        }
        const next = [0, 0];
        stocks.forEach(({ partition, at, count, size }) =>
          timer(at).subscribe(() => {
            const names = Array.from({ length: count }, () => `${partition}:${next[partition]!++}`);
            expected.push(...names);
            stock(topic, names, { partition, size });
          }),
        );
        let started = 0;
        consume(topic, "reader", { ...options, dataSelector: (_, whole) => whole })
          .pipe(
            processEvents((event) => {
              t.is(event.data.size, event.descriptor.size);
              handled.push(event.metadata);
              return timer(handling[started++ % handling.length]!);
            }, work),
          )
          .subscribe();
        flush();
        from(topic.backend.cursors("reader")).subscribe((positions) => (cursors = positions));
        for (const partition of [0, 1]) t.is(cursors[partition] ?? 0, next[partition]!);
      });
      for (const partition of ["0:", "1:"]) {
        const of = (names: readonly string[]) => names.filter((name) => name.startsWith(partition));
        t.deepEqual(of(handled), of(expected));
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});
