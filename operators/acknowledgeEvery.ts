import { Observable, type MonoTypeOperatorFunction } from "rxjs";
import { checkInteger } from "../src/model/check.ts";
import type { StreamEvent } from "../src/model/event.ts";
import { subscribeWithin } from "./internal/subscribeWithin.ts";

/**
 * Acknowledges every nth event of each partition as it passes, and the last one of each when the stream completes.
 * Acknowledgements are cumulative, so the others are covered. At most `n - 1` events of a partition are delivered again
 * after a crash.
 *
 * @param count - How many events of a partition make one acknowledgement, at least 1.
 * @returns An operator that lets every event through.
 * @throws TypeError or RangeError when the count is wrong.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { acknowledgeEvery, consume } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * for (let n = 0; n < 25; n++) topic.producer().push({ n });
 * await lastValueFrom(consume(topic, "reader", { until: { idle: 10 } }).pipe(acknowledgeEvery(10)));
 * console.log((await topic.lag("reader")).total); // 0
 * await driver.close();
 * ```
 */
export function acknowledgeEvery<M>(count: number): MonoTypeOperatorFunction<StreamEvent<M>> {
  checkInteger("count", count, 1);
  return (source) =>
    new Observable((subscriber) => {
      const passed = new Map<number, { open: number; last: StreamEvent<M> }>();
      subscribeWithin(subscriber, source, {
        next: (event) => {
          const counted = passed.get(event.partition) ?? { open: 0, last: event };
          if (counted.open === 0) passed.set(event.partition, counted);
          counted.last = event;
          counted.open = (counted.open + 1) % count;
          if (counted.open === 0) event.acknowledge();
          subscriber.next(event);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          for (const { open, last } of passed.values()) if (open > 0) last.acknowledge();
          subscriber.complete();
        },
      });
    });
}
