import { map, mergeAll, type MonoTypeOperatorFunction } from "rxjs";
import { checkAmount, checkFunction } from "../src/model/check.ts";
import type { DataAllocator } from "../src/model/consumeOptions.ts";
import type { StreamEvent } from "../src/model/event.ts";
import { batch } from "./batch.ts";
import { fetchSelected } from "./internal/fetchSelected.ts";

/** Where and how fast {@link fetchData} brings data. */
export interface FetchDataOptions<M = unknown> {
  /** Where the bytes of each event are put. @default the library allocates */
  readonly allocator?: DataAllocator<M> | undefined;
  /** Bytes of selected data that one request may ask for. @default 8 MiB */
  readonly maxBytes?: number | undefined;
}

/**
 * Brings the data that `selectData` has chosen. Events that come while a request is under way share the next one; they
 * leave in the order in which they came.
 *
 * @param options - The allocator and the size of a request.
 * @returns An operator. It fails with `ERR_ALLOCATION` when the allocator returns too little, or with what the backend or
 * the allocator failed with.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { consume, fetchData, selectData } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * await topic.producer().push({ n: 1 }, new Uint8Array([1, 2, 3]));
 * const event$ = consume(topic, "reader", { until: "end" }).pipe(
 *   selectData((_, descriptor) => descriptor),
 *   fetchData({ allocator: (_, descriptor) => new Uint8Array(descriptor.size) }),
 * );
 * console.log((await lastValueFrom(event$)).data.size); // 3
 * await driver.close();
 * ```
 */
export function fetchData<M>(options: FetchDataOptions<M> = {}): MonoTypeOperatorFunction<StreamEvent<M>> {
  const { allocator, maxBytes = 8 << 20 } = options;
  if (allocator !== undefined) checkFunction("allocator", allocator);
  checkAmount("maxBytes", maxBytes, 1);
  return (source) =>
    source.pipe(
      batch(
        { maxBatchBytes: maxBytes, sizeOf: (event) => event.selection?.size ?? 0 },
        (events: readonly StreamEvent<M>[]) => fetchSelected(events, allocator).pipe(map(() => events)),
      ),
      mergeAll(),
    );
}
