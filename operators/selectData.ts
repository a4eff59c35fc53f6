import { of, type MonoTypeOperatorFunction } from "rxjs";
import { checkFunction } from "../src/model/check.ts";
import type { DataSelector } from "../src/model/consumeOptions.ts";
import type { StreamEvent } from "../src/model/event.ts";
import { isPromiseLike } from "../src/model/isPromiseLike.ts";
import { selectAll } from "./internal/selectAll.ts";
import { orderedMap } from "./orderedMap.ts";

/**
 * Decides for each event which of its data is wanted. It moves no data itself: `fetchData()` does. Usually the consumer's
 * option `dataSelector` is all that is needed; the operator is for pipelines of one's own.
 *
 * @param selector - Gets metadata and descriptor, returns the descriptor, a view of it, or null. May be asynchronous, and
 * then works on several events at once, which leave in order.
 * @param concurrency - How many events at once, where it is asynchronous.
 * @returns An operator. It fails with `ERR_DESCRIPTOR` when the selector returns a descriptor of another event, with a
 * TypeError when it returns something else, or with what the selector threw.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { consume, fetchData, selectData } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ energy: number }>("collisions");
 * await topic.producer().push({ energy: 42 }, new Uint8Array([1, 2, 3, 4]));
 * const event$ = consume(topic, "reader", { until: "end" }).pipe(
 *   selectData((metadata, descriptor) => (metadata.energy > 20 ? descriptor.makeSubView(0, 2) : null)),
 *   fetchData(),
 * );
 * console.log((await lastValueFrom(event$)).data.toUint8Array()); // Uint8Array [1, 2]
 * await driver.close();
 * ```
 */
export function selectData<M>(selector: DataSelector<M>, concurrency = 64): MonoTypeOperatorFunction<StreamEvent<M>> {
  checkFunction("selector", selector);
  return orderedMap(
    (event) => {
      const answer = selectAll([event], selector);
      return isPromiseLike(answer) ? Promise.resolve(answer).then(() => event) : of(event);
    },
    { concurrency },
  );
}
