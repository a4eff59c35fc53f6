import { asyncScheduler, catchError, map, of, type Observable, type ObservableInput } from "rxjs";
import type { StreamEvent } from "../model/event.ts";
import { Histogram, type Spread } from "./histogram.ts";
import { perSecond } from "./producerStatistics.ts";
import { answered, sampled, type StatisticsOptions } from "./sampled.ts";

/** What a consumer has done in one period, and how it stands at its end. */
export interface ConsumerStatistics {
  /** Milliseconds that this sample is about. */
  readonly period: number;
  /** Events that were delivered. */
  readonly events: number;
  /** Bytes of selected data that were delivered. */
  readonly bytes: number;
  /** Delivered events in a second. */
  readonly eventsPerSecond: number;
  /** Delivered bytes in a second. */
  readonly bytesPerSecond: number;
  /** Milliseconds from the push of each event to its delivery, by the clocks of both. */
  readonly latency: Spread | undefined;
  /** Bytes that it has fetched and that count against `maxBytes` now. */
  readonly bufferedBytes: number;
  /** Whether its bounds keep it from fetching now: events are held, or have to be acknowledged first. */
  readonly isWaiting: boolean;
  /** The partitions that it owns now. */
  readonly partitions: readonly number[];
  /** Stored events that its name has not acknowledged, in all partitions; undefined where the backend does not say. */
  readonly lag: number | undefined;
}

/** Events that were delivered together. */
export interface Delivered {
  readonly events: readonly StreamEvent<unknown>[];
  /** Bytes of their selected data. */
  readonly bytes: number;
}

/** What is asked about a consumer. */
interface ConsumerGauge {
  readonly bufferedBytes: number;
  readonly isWaiting: boolean;
  readonly partitions: readonly number[];
  lag(): ObservableInput<number>;
}

/** Samples of a consumer, from what it delivers and how it stands. @internal */
export function consumerStatistics(
  delivered: Observable<Delivered>,
  gauge: ConsumerGauge,
  options: StatisticsOptions,
): Observable<ConsumerStatistics> {
  return sampled(
    options,
    (counting) => {
      let counts = new ConsumerCounts();
      counting.add(delivered.subscribe((events) => counts.deliver(events)));
      return (period) => {
        const { bufferedBytes, isWaiting, partitions } = gauge;
        const sample = { ...counts.over(period), bufferedBytes, isWaiting, partitions };
        counts = new ConsumerCounts();
        return answered(gauge.lag(), options, of(undefined)).pipe(
          catchError(() => of(undefined)),
          map((lag) => ({ ...sample, lag })),
        );
      };
    },
    delivered,
  );
}

class ConsumerCounts {
  #events = 0;
  #bytes = 0;
  readonly #latency = new Histogram();

  deliver({ events, bytes }: Delivered): void {
    this.#events += events.length;
    this.#bytes += bytes;
    const now = asyncScheduler.now();
    for (const { timestamp } of events) this.#latency.record(Math.max(0, now - timestamp));
  }

  over(period: number): Omit<ConsumerStatistics, "bufferedBytes" | "isWaiting" | "partitions" | "lag"> {
    return {
      period,
      events: this.#events,
      bytes: this.#bytes,
      eventsPerSecond: perSecond(this.#events, period),
      bytesPerSecond: perSecond(this.#bytes, period),
      latency: this.#latency.spread(),
    };
  }
}
