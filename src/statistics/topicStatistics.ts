import { defer, EMPTY, forkJoin, map, of, type Observable } from "rxjs";
import { perSecond } from "./producerStatistics.ts";
import { answered, sampled, type StatisticsOptions } from "./sampled.ts";

/** How far a topic reaches, and how that has changed in one period. */
export interface TopicStatistics {
  /** Milliseconds that this sample is about. */
  readonly period: number;
  /** Events that the topic holds now. */
  readonly events: number;
  /** Events that were stored in the period, by whomever. */
  readonly stored: number;
  /** The same in a second. */
  readonly storedPerSecond: number;
  /** The positions of each partition now. */
  readonly partitions: readonly {
    /** Its number. */
    readonly partition: number;
    /** The first id that can still be read. */
    readonly start: number;
    /** The id that the next event will have at least. */
    readonly end: number;
  }[];
  /** How far each consumer that was asked about is behind now, in events; without those for which the backend has not answered. */
  readonly lag: Readonly<Record<string, number>>;
}

/** How the statistics of a topic are taken. */
export interface TopicStatisticsOptions extends StatisticsOptions {
  /** The names of consumers whose lag is wanted. @default [] */
  readonly consumers?: readonly string[] | undefined;
}

/** What is asked about a topic. */
interface TopicGauge {
  describe(): Promise<{ readonly partitions: TopicStatistics["partitions"] }>;
  lag(consumer: string): Promise<{ readonly total: number }>;
}

/** Samples of a topic. @internal */
export function topicStatistics(
  topic: TopicGauge,
  { consumers = [], ...options }: TopicStatisticsOptions,
): Observable<TopicStatistics> {
  const lagOf = (name: string) =>
    answered(topic.lag(name), options, of(undefined)).pipe(
      map((lag) => (lag === undefined ? [] : [[name, lag.total]])),
    );
  const look = defer(() =>
    forkJoin([answered(topic.describe(), options, EMPTY), forkJoin([of([]), ...consumers.map(lagOf)])]).pipe(
      map(([{ partitions }, lags]) => ({
        partitions: partitions.map(({ partition, start, end }) => ({ partition, start, end })),
        lag: Object.fromEntries(lags.flat()) as Record<string, number>,
      })),
    ),
  );
  return sampled(options, (counting) => {
    /** Where the topic ended at the last sample; unknown before the first look. */
    let last: number | undefined;
    /** Milliseconds since then: more than a period, where the backend has not answered. */
    let since = 0;
    // What fails here fails again, and is told, when the first sample is taken.
    counting.add(look.subscribe({ next: (begin) => (last ??= endOf(begin)), error: () => undefined }));
    return (elapsed) => {
      since += elapsed;
      return look.pipe(
        map(({ partitions, lag }) => {
          const [end, period] = [endOf({ partitions }), since];
          const stored = end - (last ?? end);
          [last, since] = [end, 0];
          const events = partitions.reduce((sum, each) => sum + each.end - each.start, 0);
          return { period, events, stored, storedPerSecond: perSecond(stored, period), partitions, lag };
        }),
      );
    };
  });
}

function endOf({ partitions }: Pick<TopicStatistics, "partitions">): number {
  return partitions.reduce((sum, { end }) => sum + end, 0);
}
