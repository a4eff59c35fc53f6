import { tap, type MonoTypeOperatorFunction } from "rxjs";
import type { StreamEvent } from "../src/model/event.ts";

/**
 * Acknowledges each event that passes, then lets it through. Put it behind the work that must be done first.
 *
 * @returns An operator. An acknowledgement that cannot be stored (`ERR_FENCED`, say) reaches the consumer's `errors`.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { acknowledge, consume } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * await topic.producer().push({ n: 1 });
 * await lastValueFrom(consume(topic, "reader", { until: "end" }).pipe(acknowledge()));
 * console.log((await topic.lag("reader")).total); // 0
 * await driver.close();
 * ```
 */
export function acknowledge<M>(): MonoTypeOperatorFunction<StreamEvent<M>> {
  return tap((event) => {
    event.acknowledge();
  });
}
