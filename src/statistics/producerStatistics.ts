import type { Observable } from "rxjs";
import { asyncScheduler, of } from "rxjs";
import { Histogram, type Spread } from "./histogram.ts";
import { sampled, type StatisticsOptions } from "./sampled.ts";

/** What a producer has done in one period, and what it holds at its end. */
export interface ProducerStatistics {
  /** Milliseconds that this sample is about. */
  readonly period: number;
  /** Events that were stored. */
  readonly events: number;
  /** Bytes of them, metadata and data. */
  readonly bytes: number;
  /** Events that failed. */
  readonly failed: number;
  /** Stored events in a second. */
  readonly eventsPerSecond: number;
  /** Stored bytes in a second. */
  readonly bytesPerSecond: number;
  /** Events in each batch that was stored; undefined when none was. */
  readonly batchEvents: Spread | undefined;
  /** Bytes in each batch. */
  readonly batchBytes: Spread | undefined;
  /** Milliseconds from the sending of each batch to the backend's answer. */
  readonly batchDuration: Spread | undefined;
  /** Milliseconds from the push of each event to its future, in steps of one. */
  readonly latency: Spread | undefined;
  /** Events that are waiting or in flight now. */
  readonly outstanding: number;
  /** Bytes that are waiting or in flight now. */
  readonly bufferedBytes: number;
  /** Whether there is room for more now. */
  readonly isReady: boolean;
}

/** A stored batch, as far as it is counted. */
interface CountedBatch {
  readonly drafts: readonly { readonly timestamp: number }[];
  readonly report: { readonly bytes: number; readonly duration: number };
}

/** What is asked about a producer. */
interface ProducerGauge {
  readonly outstanding: number;
  readonly bufferedBytes: number;
  readonly isReady: boolean;
}

/** Samples of a producer, from what it stores, what fails, and what it holds. @internal */
export function producerStatistics(
  stored: Observable<CountedBatch>,
  failed: Observable<unknown>,
  gauge: ProducerGauge,
  options: StatisticsOptions,
): Observable<ProducerStatistics> {
  return sampled(
    options,
    (counting) => {
      let counts = new ProducerCounts();
      counting.add(stored.subscribe({ next: (batch) => counts.store(batch), error: () => undefined }));
      counting.add(failed.subscribe({ next: () => counts.failed++, error: () => undefined }));
      return (period) => {
        const { outstanding, bufferedBytes, isReady } = gauge;
        const sample = { ...counts.over(period), outstanding, bufferedBytes, isReady };
        counts = new ProducerCounts();
        return of(sample);
      };
    },
    stored,
  );
}

class ProducerCounts {
  events = 0;
  bytes = 0;
  failed = 0;
  readonly #batchEvents = new Histogram();
  readonly #batchBytes = new Histogram();
  readonly #batchDuration = new Histogram();
  readonly #latency = new Histogram();

  store({ drafts, report }: CountedBatch): void {
    this.events += drafts.length;
    this.bytes += report.bytes;
    this.#batchEvents.record(drafts.length);
    this.#batchBytes.record(report.bytes);
    this.#batchDuration.record(report.duration);
    const now = asyncScheduler.now();
    for (const { timestamp } of drafts) this.#latency.record(now - timestamp);
  }

  over(period: number): Omit<ProducerStatistics, "outstanding" | "bufferedBytes" | "isReady"> {
    const { events, bytes, failed } = this;
    return {
      period,
      events,
      bytes,
      failed,
      eventsPerSecond: perSecond(events, period),
      bytesPerSecond: perSecond(bytes, period),
      batchEvents: this.#batchEvents.spread(),
      batchBytes: this.#batchBytes.spread(),
      batchDuration: this.#batchDuration.spread(),
      latency: this.#latency.spread(),
    };
  }
}

/** A rate; 0 for a period of no time. @internal */
export function perSecond(count: number, period: number): number {
  return period === 0 ? 0 : (count * 1000) / period;
}
