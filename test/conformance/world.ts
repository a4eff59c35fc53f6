import {
  firstValueFrom,
  from,
  lastValueFrom,
  take as takeFirst,
  timer,
  toArray,
  type ObservableInput,
  type Observable,
} from "rxjs";
import {
  connect,
  packBatch,
  EventDraft,
  type Capabilities,
  type ConsumerOptions,
  type Driver,
  type EventBatch,
  type Future,
  type Producer,
  type ProducerSequence,
  type StreamEvent,
  type Topic,
  type TopicOptions,
} from "../../src/index.ts";

/** A backend that the suite is run on. One is made for each test. */
export interface BackendUnderTest {
  /** What `connect` is given. Either this or `connect` is needed. */
  readonly url?: string;
  /** Connects to it. */
  connect?(): Promise<Driver>;
  /**
   * Connects to the same storage once more, as another process would. @default `connect(url)` again; without a URL topics are
   * opened again through the first driver, which sees less
   */
  reopen?(): Promise<Driver>;
  /** Removes all that it has stored. The drivers are closed by then. */
  destroy(): Promise<void>;
}

/** The topics of a test that does not say otherwise. */
export type TopicShape = Pick<TopicOptions, "partitions" | "serializer">;

/** The metadata of most events of the suite. @internal */
export interface Numbered {
  readonly n: number;
}

/** What the suite knows about the backend. @internal */
export interface Settings {
  readonly can: Capabilities;
  readonly shape: TopicShape;
  /** Milliseconds after which a condition that has not come true fails its test. */
  readonly deadline: number;
  /** Milliseconds in which the backend surely brings an event that is there. */
  readonly idle: number;
  /** The length of the longest name of a topic. */
  readonly longestName: number;
}

/** Registers the tests of one group of promises. @internal */
export interface Suite extends Settings {
  test(title: string, body: (world: World) => Promise<void>): void;
}

/** What one test has: a backend of its own, and ways to wait that fail with a message. @internal */
export class World {
  readonly driver: Driver;
  readonly can: Capabilities;
  /** Milliseconds in which the backend surely brings an event that is there. */
  readonly idle: number;
  readonly #backend: BackendUnderTest;
  readonly #settings: Settings;
  readonly #drivers: Driver[] = [];
  #names = 0;

  constructor(backend: BackendUnderTest, driver: Driver, settings: Settings) {
    this.#backend = backend;
    this.driver = driver;
    this.can = settings.can;
    this.idle = settings.idle;
    this.#settings = settings;
    this.#drivers.push(driver);
  }

  /** Connects to a backend for one test. */
  static async open(backend: BackendUnderTest, settings: Settings): Promise<World> {
    return new World(backend, await connectTo(backend), settings);
  }

  /** A second driver on the same storage. */
  async reopen(): Promise<Driver> {
    const { reopen, url } = this.#backend;
    if (reopen === undefined && url === undefined) return this.driver;
    const driver = await this.within(
      "a second connection",
      reopen === undefined ? connect(url!) : reopen.call(this.#backend),
    );
    this.#drivers.push(driver);
    return driver;
  }

  /** A topic with a name of its own, in the shape that the suite was told. */
  topic<M = Numbered>(options: TopicOptions<M> = {}): Promise<Topic<M>> {
    return this.within(
      "a new topic",
      this.driver.createTopic<M>(this.name("topic"), { ...this.#settings.shape, ...options } as TopicOptions<M>),
    );
  }

  /** A name that no other call has given. */
  name(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  /** Waits for an answer; fails with a message when it takes too long. */
  async within<T>(what: string, work: ObservableInput<T>, deadline = this.#settings.deadline): Promise<T> {
    let late: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`Waited ${deadline} ms in vain for ${what}`)), deadline);
    });
    try {
      return await Promise.race([firstValueFrom(from(work), { defaultValue: undefined as T }), tooLate]);
    } finally {
      clearTimeout(late);
    }
  }

  /** Waits until a condition is true. */
  async until(what: string, isTrue: () => boolean | PromiseLike<boolean>): Promise<void> {
    const end = performance.now() + this.#settings.deadline;
    while (!(await isTrue())) {
      if (performance.now() > end) throw new Error(`Waited ${this.#settings.deadline} ms in vain until ${what}`);
      await lastValueFrom(timer(1));
    }
  }

  /** The first values of a stream. */
  take<T>(count: number, source: Observable<T>, what: string): Promise<T[]> {
    return this.within(`${count} of ${what}`, lastValueFrom(source.pipe(takeFirst(count), toArray())));
  }

  /** All values of a stream that completes. */
  all<T>(source: Observable<T>, what: string): Promise<T[]> {
    return this.within(`the end of ${what}`, lastValueFrom(source.pipe(toArray())));
  }

  /** All events that a topic has now, as a consumer of a name of its own sees them. */
  read<M>(topic: Topic<M>, options: ConsumerOptions<M> = {}): Promise<StreamEvent<M>[]> {
    const consumer = topic.consumer(this.name("reader"), { until: "end", ...options });
    return this.all(consumer, `the events of "${topic.name}"`);
  }

  /** Pushes `{ n }` for each number from `start` on, and waits until all are stored. Returns their ids. */
  store(producer: Producer<Numbered>, count: number, start = 0, partition?: number): Promise<number[]> {
    const futures = pushNumbers(producer, count, start, partition);
    void producer.flush();
    return this.within(`${count} events to be stored`, Promise.all(futures));
  }

  /** Goes to the backend and back, so that whatever was on its way before has arrived. */
  async roundTrip(): Promise<void> {
    const topic = await this.topic();
    await this.store(topic.producer(), 1);
    await this.read(topic);
    await lastValueFrom(timer(0));
  }

  /** Closes every driver and removes what was stored. A driver that does not close is left behind: §33 has tests of its own. */
  async destroy(): Promise<void> {
    const closed = this.#drivers.map((driver) => this.within("a driver to close", driver.close({ deadline: 0 })));
    await Promise.allSettled(closed);
    await this.#backend.destroy();
  }
}

function connectTo({ connect: open, url }: BackendUnderTest): Promise<Driver> {
  if (open !== undefined) return open();
  if (url === undefined) throw new TypeError("A backend under test needs 'url' or 'connect'");
  return connect(url);
}

/** Pushes `{ n }` for each number from `start` on. @internal */
export function pushNumbers(
  producer: Producer<Numbered>,
  count: number,
  start = 0,
  partition?: number,
): Future<number>[] {
  return upTo(count, start).map((n) => producer.push({ n }, undefined, { partition }));
}

/** The numbers from `start` on. @internal */
export function upTo(count: number, start = 0): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

/** The numbers of events. @internal */
export function numbersOf(events: readonly StreamEvent<Numbered>[]): number[] {
  return events.map((event) => event.metadata.n);
}

/** Bytes that differ from their neighbours. @internal */
export function someBytes(size: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 0xff);
}

/** A batch as a producer would send it: one event for each piece of metadata, as JSON. @internal */
export function batchOf(
  metadata: readonly unknown[],
  options: { timestamps?: readonly number[]; data?: readonly Uint8Array[]; producer?: ProducerSequence } = {},
): EventBatch {
  const drafts = metadata.map((each) => new EventDraft(each));
  for (const draft of drafts) draft.payload = JSON.stringify(draft.metadata);
  const batch = packBatch(drafts, options.producer);
  const { timestamps = metadata.map(() => 1), data } = options;
  let end = 0;
  return {
    ...batch,
    timestamps: Float64Array.from(timestamps),
    data: data ?? [],
    dataEnds: data && Float64Array.from(data, (bytes) => (end += bytes.length)),
  };
}

/** Subscribes, and keeps what comes. @internal */
export function collect<T>(source: Observable<T>): {
  readonly values: T[];
  error: unknown;
  ended: boolean;
  stop(): void;
} {
  const collected = {
    values: [] as T[],
    error: undefined as unknown,
    ended: false,
    stop: () => subscription.unsubscribe(),
  };
  const subscription = source.subscribe({
    next: (value) => collected.values.push(value),
    error: (error: unknown) => {
      collected.error = error;
      collected.ended = true;
    },
    complete: () => (collected.ended = true),
  });
  return collected;
}

/** A promise and what settles it. @internal */
export function gate<T = void>(): { readonly passed: Promise<T>; open(value: T): void } {
  let open!: (value: T) => void;
  const passed = new Promise<T>((resolve) => (open = resolve));
  return { passed, open };
}
