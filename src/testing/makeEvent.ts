import { asyncScheduler, defer, of, type Observable } from "rxjs";
import type { DataSelector } from "../model/consumeOptions.ts";
import type { StoredBatch } from "../model/batch.ts";
import { checkInteger } from "../model/check.ts";
import { EventData, type DataInput } from "../model/data.ts";
import { DataDescriptor } from "../model/descriptor.ts";
import { StreamEvent, type EventSource } from "../model/event.ts";
import { checkName } from "../model/names.ts";
import { copyInto, selectBytes } from "../model/selectBytes.ts";
import { EventLog } from "./eventLog.ts";

/** An event to be made by {@link makeEvent}. */
export interface TestEventOptions<M = unknown> {
  /** What it says. */
  readonly metadata: M;
  /** Its id. @default 0 */
  readonly id?: number | undefined;
  /** The number of its partition. @default 0 */
  readonly partition?: number | undefined;
  /** The name of its topic. @default "topic" */
  readonly topic?: string | undefined;
  /** The bytes that are stored with it. @default none */
  readonly data?: DataInput | null | undefined;
  /** When it was pushed, in milliseconds since 1970. @default now, in RxJS time */
  readonly timestamp?: number | undefined;
  /** Which of its data is brought with it, as by a consumer's selector; a synchronous one. @default all of it */
  readonly dataSelector?: DataSelector<M> | undefined;
  /** Where it is noted what is done with the event; one log for several events. @default a log of its own */
  readonly log?: EventLog | undefined;
}

/**
 * An event that a test made. It can do all that an event of a consumer can, and what is done with it is noted in its log.
 *
 * @typeParam M - The metadata.
 *
 * @example
 * ```ts
 * import { makeEvent, type TestEvent } from "sluice/testing";
 *
 * const event: TestEvent<string> = makeEvent({ metadata: "made" });
 * const release = event.hold();
 * console.log(event.log.held); // 1
 * release();
 * ```
 */
export class TestEvent<M = unknown> extends StreamEvent<M> {
  /** What was done with it, and with the other events of the log. */
  readonly log: EventLog;

  /** @internal */
  constructor(source: EventSource<M>, log: EventLog) {
    super(source, 0);
    this.log = log;
  }
}

/**
 * Makes an event without a topic, to test what handles events. It counts as delivered: it can be acknowledged, held and
 * asked for its data.
 *
 * @param options - What the event is.
 * @returns The event, with its `log`.
 * @throws TypeError or RangeError when an option is wrong, and with what the data selector throws.
 *
 * @example
 * ```ts
 * import { makeEvent } from "sluice/testing";
 *
 * const event = makeEvent({ id: 5, metadata: { energy: 42 }, data: new Uint8Array([1, 2, 3]) });
 * await event.acknowledge();
 * console.log(event.data.size, event.log.acknowledged); // 3 [ [ 0, 5 ] ]
 * const part = await event.fetchData(event.descriptor.makeSubView(1, 1));
 * console.log(part.toUint8Array()); // Uint8Array(1) [ 2 ]
 * ```
 */
export function makeEvent<M>(options: TestEventOptions<M>): TestEvent<M> {
  const {
    metadata,
    id = 0,
    partition = 0,
    topic = "topic",
    timestamp = asyncScheduler.now(),
    log = new EventLog(),
  } = options;
  checkName("topic", topic);
  checkInteger("id", id, 0);
  checkInteger("partition", partition, 0);
  const data = EventData.from(options.data);
  const event = new TestEvent<M>(
    {
      topic,
      partition,
      batch: batchOf(id, timestamp, data.size),
      metadata: () => metadata,
      acknowledge: (last) => log.acknowledge(partition, last),
      transact: (last, appends) => log.transact(partition, last, appends),
      hold: () => log.hold(),
      fetch: (descriptors, targets) => fetchFrom(data, log, descriptors, targets),
    },
    log,
  );
  log.delivered(partition, id);
  select(event, data, options.dataSelector);
  return event;
}

function batchOf(id: number, timestamp: number, size: number): StoredBatch {
  return {
    count: 1,
    firstId: id,
    next: id + 1,
    metadata: new Uint8Array(0),
    metadataEnds: Uint32Array.of(0),
    timestamps: Float64Array.of(timestamp),
    dataEnds: size === 0 ? undefined : Float64Array.of(size),
  };
}

function select<M>(
  event: TestEvent<M>,
  data: EventData,
  selector: DataSelector<M> = (_metadata, descriptor) => descriptor,
): void {
  const selection = selector(event.metadata, event.descriptor);
  if (selection === null || selection === undefined) return;
  if (!(selection instanceof DataDescriptor))
    throw new TypeError("'dataSelector' must return a DataDescriptor or null, and no promise");
  event.selection = selection;
  event.data = EventData.from(selectBytes(data.segments, selection.ranges()));
}

function fetchFrom(
  data: EventData,
  log: EventLog,
  descriptors: readonly DataDescriptor[],
  targets: readonly EventData[] | undefined,
): Observable<readonly EventData[]> {
  return defer(() => {
    log.fetched.push(...descriptors);
    const answers = descriptors.map((descriptor, index) => {
      const parts = selectBytes(data.segments, descriptor.ranges());
      const target = targets?.[index];
      if (target === undefined) return EventData.from(parts);
      copyInto(parts, target.segments);
      return target;
    });
    return of(answers);
  });
}
