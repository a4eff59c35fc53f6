import { defer, from, tap, type ObservableInput } from "rxjs";
import type { BackendPartition, BackendTopic, EventBatch, StoredBatch, TopicHandle } from "sluice";

/** What has passed between the operators and the backend. */
export class Meter {
  /** The number of events in each batch that was stored. */
  readonly batches: number[] = [];
  /** Milliseconds that each batch took to be stored. */
  readonly waits: number[] = [];
  /** Bytes that were stored. */
  readonly stored = { metadata: 0, data: 0 };
  /** Bytes that were brought to the consumer. */
  readonly moved = { metadata: 0, data: 0 };
  /** Events stored in each partition. */
  readonly partitions: number[];

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => 0);
  }
}

/**
 * The topic, with a meter between the operators and its backend. A backend is a small interface, so whatever is to be
 * measured, delayed or broken on purpose can be put in front of it like this.
 */
export function metered<M, I>(topic: TopicHandle<M, I>, meter: Meter): TopicHandle<M, I> {
  const { name, components, backend } = topic;
  return { name, components, backend: meteredTopic(backend, meter) };
}

function meteredTopic(topic: BackendTopic, meter: Meter): BackendTopic {
  const partitions = topic.partitions.map((partition) => meteredPartition(partition, meter));
  return {
    name: topic.name,
    partitions,
    get config() {
      return topic.config;
    },
    addPartitions: (count) => topic.addPartitions(count),
    seal: () => topic.seal(),
    join: (consumer, options) => topic.join(consumer, options),
    cursors: (consumer) => topic.cursors(consumer),
  };
}

function meteredPartition(partition: BackendPartition, meter: Meter): BackendPartition {
  return {
    index: partition.index,
    append: (batch) =>
      timed(
        () => partition.append(batch),
        (wait) => countStored(meter, partition.index, batch, wait),
      ),
    read: (position, limits) => from(partition.read(position, limits)).pipe(tap((batch) => countRead(meter, batch))),
    fetch: (reads) =>
      from(partition.fetch(reads)).pipe(tap((answers) => (meter.moved.data += bytesOf(answers.flat())))),
    bounds: () => partition.bounds(),
    find: (time) => partition.find(time),
  };
}

/** Calls back with the time that an answer took, when it comes. */
function timed<T>(call: () => ObservableInput<T>, took: (milliseconds: number) => void): ObservableInput<T> {
  return defer(() => {
    const start = performance.now();
    return from(call()).pipe(tap(() => took(performance.now() - start)));
  });
}

function countStored(meter: Meter, partition: number, batch: EventBatch, wait: number): void {
  meter.batches.push(batch.count);
  meter.waits.push(wait);
  meter.stored.metadata += batch.metadata.length;
  meter.stored.data += bytesOf(batch.data);
  meter.partitions[partition]! += batch.count;
}

function countRead(meter: Meter, batch: StoredBatch): void {
  meter.moved.metadata += batch.metadataEnds[batch.count - 1] ?? 0;
}

function bytesOf(segments: readonly Uint8Array[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}
