import { forkJoin, from, map, type Observable } from "rxjs";
import type { BackendTopic } from "./model/backend.ts";
import type { PartitionBounds } from "./model/partition.ts";

/** How far a consumer is behind. */
export interface Lag {
  /** Events in all partitions that have not been acknowledged. */
  readonly total: number;
  /** The same for each partition. */
  readonly partitions: readonly {
    /** The number of the partition. */
    readonly partition: number;
    /** The acknowledged position: the id of the next event; undefined when nothing has been acknowledged. */
    readonly position: number | undefined;
    /** The position behind the last event. */
    readonly end: number;
    /** The distance between the two. */
    readonly lag: number;
  }[];
}

/** How far each partition of a topic reaches. @internal */
export function boundsOf(topic: BackendTopic): Observable<readonly PartitionBounds[]> {
  return forkJoin(topic.partitions.map((partition) => from(partition.bounds())));
}

/** How far the consumer of a name is behind. @internal */
export function lagOf(topic: BackendTopic, consumer: string): Observable<Lag> {
  return forkJoin([from(topic.cursors(consumer)), boundsOf(topic)]).pipe(
    map(([positions, bounds]) => {
      const partitions = bounds.map(({ start, end }, partition) => {
        const position = positions[partition];
        return { partition, position, end, lag: Math.max(0, end - Math.max(start, position ?? start)) };
      });
      return { total: partitions.reduce((total, { lag }) => total + lag, 0), partitions };
    }),
  );
}
