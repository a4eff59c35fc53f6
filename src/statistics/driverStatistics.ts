import { catchError, concatMap, defer, EMPTY, from, map, mergeMap, of, tap, toArray, type Observable } from "rxjs";
import { boundsOf } from "../lag.ts";
import type { Backend, BackendTopic } from "../model/backend.ts";
import { isSluiceError } from "../model/errors.ts";
import type { PartitionBounds } from "../model/partition.ts";
import { perSecond } from "./producerStatistics.ts";
import { answered, sampled, type StatisticsOptions } from "./sampled.ts";

/** One topic in a sample of all. */
export interface TopicSample {
  /** Its name. */
  readonly topic: string;
  /** How many partitions it has now. */
  readonly partitions: number;
  /** Events that it holds now. */
  readonly events: number;
  /** Events that were stored in it in the period, by whomever. */
  readonly stored: number;
  /** The same in a second. */
  readonly storedPerSecond: number;
}

/** What a backend holds, and how that has changed in one period. */
export interface DriverStatistics {
  /** Milliseconds that this sample is about. */
  readonly period: number;
  /** Events that all topics hold now. */
  readonly events: number;
  /** Events that were stored in the period, by whomever. */
  readonly stored: number;
  /** The same in a second. */
  readonly storedPerSecond: number;
  /** Each topic, by its name in alphabetical order; without those for which the backend has not answered. */
  readonly topics: readonly TopicSample[];
}

/** How many topics the backend is asked about at once. */
const atOnce = 16;

/** Samples of all topics of a backend. @internal */
export function driverStatistics(
  backend: Pick<Backend, "listTopics" | "openTopic">,
  options: StatisticsOptions,
): Observable<DriverStatistics> {
  return sampled(options, (counting) => {
    const looks = new TopicLooks(backend, options);
    // What fails here fails again, and is told, when the first sample is taken.
    counting.add(looks.take().subscribe({ error: () => undefined }));
    return (period) => looks.take().pipe(map((topics) => sampleOf(topics, period)));
  });
}

/** How far a topic reaches, and how many events that is more than before. */
interface TopicLook {
  readonly topic: string;
  readonly bounds: readonly PartitionBounds[];
  readonly stored: number;
}

/** Looks at all topics again and again. Each is opened once. */
class TopicLooks {
  readonly #backend: Pick<Backend, "listTopics" | "openTopic">;
  readonly #options: StatisticsOptions;
  readonly #opened = new Map<string, BackendTopic>();
  /** Where each topic ended at the last look. */
  readonly #ends = new Map<string, number>();
  #isFirst = true;

  constructor(backend: Pick<Backend, "listTopics" | "openTopic">, options: StatisticsOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  take(): Observable<readonly TopicLook[]> {
    return defer(() => answered(this.#backend.listTopics(), this.#options, EMPTY)).pipe(
      concatMap((names) =>
        from(names).pipe(
          mergeMap((name) => this.#look(name), atOnce),
          toArray(),
        ),
      ),
      tap(() => (this.#isFirst = false)),
    );
  }

  #look(name: string): Observable<TopicLook> {
    const look = this.#open(name).pipe(
      mergeMap(boundsOf),
      map((bounds) => ({ topic: name, bounds, stored: this.#stored(name, bounds) })),
    );
    return answered(look, this.#options, EMPTY).pipe(
      // It was deleted since it was listed, or since it was opened; one of its name is then opened at the next look.
      catchError((error: unknown) => {
        const wasOpen = this.#opened.delete(name);
        this.#ends.delete(name);
        if (wasOpen || isMissing(error)) return EMPTY;
        throw error;
      }),
    );
  }

  #open(name: string): Observable<BackendTopic> {
    const known = this.#opened.get(name);
    if (known !== undefined) return of(known);
    return from(this.#backend.openTopic(name)).pipe(tap((topic) => this.#opened.set(name, topic)));
  }

  /** What is in a topic that was not there at the last look has been stored since, and so has all of one that was made anew. */
  #stored(name: string, bounds: readonly PartitionBounds[]): number {
    const end = bounds.reduce((sum, each) => sum + each.end, 0);
    const before = this.#ends.get(name) ?? (this.#isFirst ? end : 0);
    this.#ends.set(name, end);
    return end < before ? end : end - before;
  }
}

function sampleOf(looks: readonly TopicLook[], period: number): DriverStatistics {
  const topics = looks
    .map(({ topic, bounds, stored }) => ({
      topic,
      partitions: bounds.length,
      events: bounds.reduce((sum, { start, end }) => sum + end - start, 0),
      stored,
      storedPerSecond: perSecond(stored, period),
    }))
    .sort((one, other) => (one.topic < other.topic ? -1 : 1));
  const stored = topics.reduce((sum, topic) => sum + topic.stored, 0);
  const events = topics.reduce((sum, topic) => sum + topic.events, 0);
  return { period, events, stored, storedPerSecond: perSecond(stored, period), topics };
}

function isMissing(error: unknown): boolean {
  return isSluiceError(error, "ERR_TOPIC_NOT_FOUND");
}
