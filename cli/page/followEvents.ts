import {
  defer,
  EMPTY,
  from,
  map,
  mergeMap,
  repeat,
  type Observable,
  takeWhile,
  catchError,
  timer,
  switchMap,
} from "rxjs";
import type { DataSelector, Driver, StreamEvent } from "sluice";
import { acceptAll, roundRobin } from "sluice";
import { consume } from "sluice/operators";
import { imageType } from "./imageType.ts";

/** An event as the page shows it. */
export interface ShownEvent {
  readonly topic: string;
  readonly partition: number;
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly metadata: unknown;
  /** How many bytes of data it has. */
  readonly size: number;
  /** Those that were brought. */
  readonly data: Uint8Array;
  /** What kind of image they are, when they are one. */
  readonly image: string | undefined;
}

/** Data up to this size is brought whole, so that images can be shown; of what is larger only the beginning is. */
const wholeData = 512 * 1024;

/** How many of the newest events of each partition are shown to begin with. */
const newest = 20;

/** How many events the page may be behind before it leaves some out. */
const maxBehind = 2000;

const dataSelector: DataSelector = (_metadata, descriptor) =>
  descriptor.size <= wholeData ? descriptor : descriptor.makeSubView(0, 256);

/**
 * The newest events of a topic, as they come. It consumes as any program would, under a name of its own, and acknowledges nothing.
 * When events come faster than they can be shown, it goes on with the newest.
 *
 * @param driver - The connection.
 * @param topic - The name of the topic.
 * @param name - The consumer's name.
 * @param endOf - Where a partition ends now, as far as is known.
 */
export function followEvents(
  driver: Driver,
  topic: string,
  name: string,
  endOf: (partition: number) => number,
): Observable<ShownEvent> {
  // The other components of the topic may be modules, which a page has not.
  return defer(() => from(driver.openTopic(topic, { validator: acceptAll(), partitionSelector: roundRobin() }))).pipe(
    mergeMap((opened) =>
      defer(() =>
        consume(opened, name, {
          startFrom: { last: newest },
          dataSelector,
          batchSize: 64,
          maxBytes: 8 * 1024 * 1024,
          undecodable: "skip",
        }).pipe(takeWhile((event) => endOf(event.partition) - event.id < maxBehind)),
      ).pipe(repeat()),
    ),
    map(shown),
    // The topic may be gone for good, or only the connection for long.
    catchError(() => timer(2000).pipe(switchMap(() => EMPTY))),
  );
}

function shown(event: StreamEvent): ShownEvent {
  const { topic, partition, id, timestamp, metadata, descriptor } = event;
  const data = event.data.toUint8Array();
  const image = data.length === descriptor.size ? imageType(data) : undefined;
  return { topic, partition, id, timestamp, metadata, size: descriptor.size, data, image };
}
