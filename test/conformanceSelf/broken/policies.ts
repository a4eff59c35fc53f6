import {
  Future,
  type Consumer,
  type ConsumerOptions,
  type Driver,
  type Producer,
  type ProducerOptions,
  type StreamEvent,
  type Topic,
  type TopicOptions,
} from "../../../src/index.ts";
import { overlay, type Fault, type Faults } from "./fault.ts";

/**
 * Faults above the backend, for promises that the library keeps there: a driver that changes what it is told, or forgets
 * part of it. They show that the suite would notice if the library did the same.
 */
export const policies: Faults = {
  "does not validate": [6, () => topics((options) => ({ ...options, validator: undefined }))],
  "selects the partition by itself": [4, () => topics((options) => ({ ...options, partitionSelector: undefined }))],
  "ignores the requested partition": [
    7,
    () => pushing((producer) => (metadata, data) => producer.push(metadata, data)),
  ],
  "wraps the requested partition round": [
    7,
    () =>
      pushing(
        (producer, { partitions }) =>
          (metadata, data, options) =>
            producer.push(metadata, data, { partition: wrapped(options?.partition, partitions) }),
      ),
  ],
  "sends a batch with the event after the last": [
    10,
    () =>
      producing((options) => ({
        ...options,
        batchSize: typeof options.batchSize === "number" ? options.batchSize + 1 : options.batchSize,
      })),
  ],
  "sends every event at once": [10, () => producing((options) => ({ ...options, batchSize: 1 }))],
  "never lingers to an end": [10, () => producing((options) => ({ ...options, linger: Infinity }))],
  "ignores the bytes of a batch": [10, () => producing((options) => ({ ...options, maxBatchBytes: Infinity }))],
  "waits for a batch to fill that should be adaptive": [
    11,
    () =>
      producing((options) => ({ ...options, batchSize: options.batchSize === "adaptive" ? 100 : options.batchSize })),
  ],
  "takes whatever it is pushed": [12, () => producing((options) => ({ ...options, overflow: "buffer" }))],
  "is always ready": [12, () => producerLike(() => ({ isReady: true, ready: Promise.resolve() }))],
  "is strict about no order": [13, () => producing((options) => ({ ...options, ordering: "loose" }))],
  "is strict where it should be loose": [13, () => producing((options) => ({ ...options, ordering: "strict" }))],
  "flushes in name only": [14, () => producerLike(() => ({ flush: () => Future.resolved(undefined) }))],
  "does not tell a flush what failed": [
    14,
    () => producerLike((real) => ({ flush: () => future(real.flush().catch(() => undefined)) })),
  ],
  "hides the errors of futures that nobody kept": [
    8,
    () => producerLike((real) => ({ flush: () => future(real.flush().catch(() => undefined)) })),
  ],
  "does not complete": [15, () => producerLike(() => ({ complete: () => undefined, error: () => undefined }))],
  "detects no change of data": [16, () => producing((options) => ({ ...options, changeDetection: "off" }))],
  "acknowledges what it delivers": [
    20,
    () => consuming((options) => ({ ...options, demand: "delivered" }), acknowledging),
  ],
  "asks no data selector": [22, () => consuming((options) => ({ ...options, dataSelector: undefined }))],
  "brings all data": [22, () => consuming((options) => ({ ...options, dataSelector: (_, descriptor) => descriptor }))],
  "asks no data allocator": [23, () => consuming((options) => ({ ...options, dataAllocator: undefined }))],
  "fetches without a bound of batches": [
    25,
    () => consuming((options) => ({ ...options, maxBatches: 1000, batchSize: "adaptive" })),
  ],
  "fetches without a bound of bytes": [25, () => consuming((options) => ({ ...options, maxBytes: 1e9 }))],
  "does not wait for acknowledgements": [25, () => consuming((options) => ({ ...options, demand: "delivered" }))],
  "tests a pull by waiting": [26, () => consumerLike((real) => ({ pull: () => neverTimingOut(real.pull()) }))],
  "loses the event of a pull that has run out": [
    26,
    () => consumerLike((real) => ({ pull: () => holdingOn(real.pull()) })),
  ],
  "tells every end as one": [
    26,
    () => consuming((options) => ({ ...options, until: options.until === undefined ? undefined : "end" })),
  ],
  "does not end": [27, () => consuming((options) => ({ ...options, until: undefined }))],
  "starts at the beginning whatever it is told": [
    18,
    () => consuming((options) => ({ ...options, startFrom: "earliest" })),
  ],
  "ends with the first event that cannot be decoded": [
    28,
    () => consuming((options) => ({ ...options, undecodable: "fail" })),
  ],
  "leaves out what cannot be decoded": [28, () => consuming((options) => ({ ...options, undecodable: "skip" }))],
  "throws nothing": [
    31,
    () =>
      pushing(
        (producer) =>
          (...args) =>
            quietly(() => producer.push(...args)),
      ),
  ],
  "makes a name right": [
    32,
    () => ({
      driver: (real) => ({
        createTopic: ((name: string, options?: TopicOptions<never>) =>
          real.createTopic(name.replaceAll(/[^\w.-]/g, "_") || "_", options)) as unknown as Driver["createTopic"],
      }),
    }),
  ],
  "closes a producer without storing": [33, () => producerLike(() => ({ close: async () => undefined }))],
  "closes a consumer in name only": [33, () => consumerLike(() => ({ close: async () => undefined }))],
};

function topics(change: (options: TopicOptions<never>) => TopicOptions<never>): Fault {
  return {
    driver: (real) => ({
      createTopic: ((name: string, options: TopicOptions<never> = {}) =>
        real.createTopic(name, change(options))) as unknown as Driver["createTopic"],
    }),
  };
}

function producing(change: (options: ProducerOptions) => ProducerOptions): Fault {
  return { handle: (real) => ({ producer: (options: ProducerOptions = {}) => real.producer(change(options)) }) };
}

function producerLike(
  change: (real: Producer<never>, topic: Topic<never>) => Partial<Record<keyof Producer, unknown>>,
): Fault {
  return {
    handle: (topic) => ({
      producer: (options?: ProducerOptions) => {
        const real = topic.producer(options);
        return overlay(real, change(real, topic));
      },
    }),
  };
}

function pushing(push: (real: Producer<never>, topic: Topic<never>) => Producer<never>["push"]): Fault {
  return producerLike((real, topic) => ({ push: push(real, topic) }));
}

type Options = ConsumerOptions<never>;

function consuming(
  change: (options: Options) => Options,
  then: (consumer: Consumer<never>) => Consumer<never> = (consumer) => consumer,
): Fault {
  return {
    handle: (real) => ({
      consumer: (name: string, options: Options = {}) => then(real.consumer(name, change(options))),
    }),
  };
}

function consumerLike(change: (real: Consumer<never>) => Partial<Record<keyof Consumer, unknown>>): Fault {
  return consuming(
    (options) => options,
    (real) => overlay(real, change(real)),
  );
}

function wrapped(partition: number | undefined, count: number): number | undefined {
  return partition && Math.abs(Math.trunc(partition) || 0) % count;
}

/** A consumer that acknowledges each event before it hands it on. */
function acknowledging(real: Consumer<never>): Consumer<never> {
  const told = (event: StreamEvent<never>) => (event.acknowledge(), event);
  return overlay(real, { pull: () => future(real.pull().then(told)) });
}

function future<T>(promise: Promise<T>): Future<T> {
  const settled = { completed: false };
  promise.then(
    () => (settled.completed = true),
    () => (settled.completed = true),
  );
  return overlay(Future.resolved(undefined) as unknown as Future<T>, {
    get completed() {
      return settled.completed;
    },
    then: promise.then.bind(promise),
    catch: promise.catch.bind(promise),
    wait: () => promise,
  });
}

function neverTimingOut<T>(real: Future<T>): Future<T> {
  return overlay(real, { wait: () => real.wait() });
}

/** A future that keeps its place when a wait for it has run out. */
function holdingOn<T>(real: Future<T>): Future<T> {
  real.catch(() => undefined);
  return real;
}

function quietly(work: () => Future<number>): Future<number> {
  try {
    return work();
  } catch {
    return Future.resolved(0);
  }
}
