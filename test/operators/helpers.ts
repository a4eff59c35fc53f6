import type { ExecutionContext, TestFn } from "ava";
import { AsyncSubject, ignoreElements, NEVER, Observable, of, take, timer, type ObservableInput } from "rxjs";
import { TestScheduler, type RunHelpers } from "rxjs/testing";
import { memoryBackend } from "../../backends/memory/index.ts";
import type { BackendPartition, BackendTopic, Lease } from "../../src/model/backend.ts";
import type { StoredBatch } from "../../src/model/batch.ts";
import type { TopicComponents } from "../../src/model/component.ts";
import { EventData } from "../../src/model/data.ts";
import { EventDraft } from "../../src/model/draft.ts";
import { StreamEvent, type EventSource } from "../../src/model/event.ts";
import { Future } from "../../src/model/future.ts";
import { packBatch } from "../../src/model/packBatch.ts";
import { roundRobin } from "../../src/model/partitionSelectors/roundRobin.ts";
import { json } from "../../src/model/serializers/json.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { acceptAll } from "../../src/model/validators/acceptAll.ts";

/** Runs a marble test: virtual time, and diagrams that are compared with AVA's `deepEqual`. */
export function marbles(t: ExecutionContext, run: (helpers: RunHelpers) => void): void {
  new TestScheduler((actual, expected) => t.deepEqual(actual, expected)).run(run);
}

/** Runs something in virtual time to its end, and returns what it returns. */
export function inVirtualTime<T>(work: () => T): () => T {
  let result: T | undefined;
  new TestScheduler(() => undefined).run(({ flush }) => {
    result = work();
    flush();
  });
  return () => result as T;
}

/** A promise that virtual time moves, as it cannot move real ones. */
export class Later<T> implements PromiseLike<T> {
  readonly #outcome = new AsyncSubject<T>();

  constructor(source: Observable<T>) {
    source.subscribe(this.#outcome);
  }

  then<A = T, B = never>(
    onResolved?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return new Later<A | B>(
      new Observable((subscriber) => {
        const settle = <V>(
          callback: ((value: V) => A | B | PromiseLike<A | B>) | null | undefined,
          value: V,
          none: () => void,
        ) => {
          if (callback === undefined || callback === null) return none();
          let answer: A | B | PromiseLike<A | B>;
          try {
            answer = callback(value);
          } catch (error) {
            return subscriber.error(error);
          }
          if (answer instanceof Later) return void (answer as Later<A | B>).#outcome.subscribe(subscriber);
          subscriber.next(answer as A | B);
          subscriber.complete();
        };
        this.#outcome.subscribe({
          next: (value) =>
            settle(onResolved, value, () => {
              subscriber.next(value as unknown as A);
              subscriber.complete();
            }),
          error: (error: unknown) => settle(onRejected, error, () => subscriber.error(error)),
        });
      }),
    );
  }
}

/** A value that is promised for so many milliseconds of virtual time from now. */
export function later<T>(milliseconds: number, value: () => T): PromiseLike<T> {
  return new Later(
    new Observable<T>((subscriber) =>
      timer(milliseconds).subscribe(() => {
        try {
          subscriber.next(value());
          subscriber.complete();
        } catch (error) {
          subscriber.error(error);
        }
      }),
    ),
  );
}

/** Throws; for callbacks that throw. */
export function boom(): never {
  throw new Error("boom");
}

/** A draft, serialized as its own text where a payload is asked for. */
export function draftOf<M>(
  metadata: M,
  options: { data?: Uint8Array; requested?: number; payload?: string } = {},
): EventDraft<M> {
  const draft = new EventDraft(metadata, EventData.from(options.data), options.requested);
  draft.payload = options.payload;
  return draft;
}

/** The cases that every operator has to pass, whatever it does. */
export interface StandardCases<T, R> {
  /** The operator. */
  readonly operator: () => (source: Observable<T>) => Observable<R>;
  /** A value that it accepts. */
  readonly value: () => T;
  /** Whether it emits a value when it gets one, and not later. */
  readonly isSynchronous?: boolean;
}

/** Registers the tests of never, empty, error, early unsubscribe and a source that emits while it is subscribed to. */
export function standardCases<T, R>(
  test: TestFn,
  name: string,
  { operator, value, isSynchronous = true }: StandardCases<T, R>,
): void {
  test(`${name} never ends when its source does not`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<T>("-");
      expectObservable(source.pipe(operator())).toBe("-");
      expectSubscriptions(source.subscriptions).toBe("^");
    });
  });

  test(`${name} completes when its source is empty`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<T>("--|");
      expectObservable(source.pipe(operator())).toBe("--|");
      expectSubscriptions(source.subscriptions).toBe("^-!");
    });
  });

  test(`${name} fails with the error of its source`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<T>("--#");
      expectObservable(source.pipe(operator())).toBe("--#");
      expectSubscriptions(source.subscriptions).toBe("^-!");
    });
  });

  test(`${name} unsubscribes from its source when it is unsubscribed from`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-v-v-v-|", { v: value() });
      const subs = "       ^---!   ";
      const unsub = "      ----!   ";
      expectObservable(source.pipe(operator(), ignoreElements()), unsub).toBe("-");
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  if (!isSynchronous) return;
  test(`${name} stops a source that emits while it is being subscribed to`, (t) => {
    let emitted = 0;
    const endless = new Observable<T>((subscriber) => {
      while (!subscriber.closed && emitted < 1000) {
        emitted++;
        subscriber.next(value());
      }
    });
    endless.pipe(operator(), take(1)).subscribe();
    t.is(emitted, 1);
  });
}

/** A backend's partition of which a test gives the calls that it needs. The others never answer. */
export function fakePartition(calls: Partial<BackendPartition> = {}): BackendPartition {
  return {
    index: 0,
    append: () => NEVER,
    read: () => NEVER,
    fetch: () => NEVER,
    bounds: () => of({ start: 0, end: 0, sealed: false }),
    find: () => of(0),
    ...calls,
  };
}

/** A lease whose acknowledgements are noted. */
export function fakeLease(calls: Partial<Lease> = {}, acknowledged: number[] = []): Lease {
  return {
    partition: 0,
    epoch: 1,
    position: undefined,
    revoked: NEVER,
    acknowledge: (position) => {
      acknowledged.push(position);
      return of(undefined);
    },
    release: () => undefined,
    ...calls,
  };
}

/** What a fake topic is made of. */
export interface FakeTopicOptions<M> {
  readonly partitions?: readonly BackendPartition[];
  readonly join?: () => ObservableInput<readonly Lease[]>;
  readonly components?: Partial<TopicComponents<M>>;
}

/** A topic over partitions of a test's own. */
export function fakeTopic<M = unknown>({
  partitions = [fakePartition()],
  join,
  components,
}: FakeTopicOptions<M> = {}): TopicHandle<M> {
  const specs = { validator: { type: "x" }, partitionSelector: { type: "x" }, serializer: { type: "x" } };
  const backend: BackendTopic = {
    name: "t",
    config: { partitions: partitions.length, components: specs },
    partitions,
    addPartitions: () => NEVER,
    seal: () => NEVER,
    join:
      join ??
      (() =>
        new Observable((subscriber) =>
          subscriber.next(partitions.map(({ index }) => fakeLease({ partition: index }))),
        )),
    cursors: () => NEVER,
  };
  return { name: "t", backend, components: componentsOf(components) };
}

/** A topic of the memory backend, which needs no promise and so lives in virtual time. */
export function memoryTopic<M = unknown>(partitions = 1, components?: Partial<TopicComponents<M>>): TopicHandle<M> {
  const specs = { validator: { type: "x" }, partitionSelector: { type: "x" }, serializer: { type: "x" } };
  let topic: BackendTopic | undefined;
  const created = memoryBackend().createTopic("t", { partitions, components: specs }) as Observable<BackendTopic>;
  created.subscribe((made) => (topic = made));
  return { name: "t", backend: topic!, components: componentsOf(components) };
}

function componentsOf<M>(components: Partial<TopicComponents<M>> = {}): TopicComponents<M> {
  return { validator: acceptAll<M>(), partitionSelector: roundRobin<M>(), serializer: json<M>(), ...components };
}

/** A batch as a backend stores it: the metadata of each event, and how many bytes of data each has. */
export function storedBatch(firstId: number, metadata: readonly unknown[], sizes?: readonly number[]): StoredBatch {
  const texts = metadata.map((each) =>
    each instanceof Uint8Array ? each : new TextEncoder().encode(JSON.stringify(each)),
  );
  const ends = (lengths: readonly number[]) =>
    lengths.map(
      (
        (sum) => (length: number) =>
          (sum += length)
      )(0),
    );
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  const metadataEnds = Uint32Array.from(ends(texts.map(({ length }) => length)));
  texts.forEach((text, i) => bytes.set(text, i === 0 ? 0 : metadataEnds[i - 1]));
  return {
    count: metadata.length,
    firstId,
    next: firstId + metadata.length,
    metadata: bytes,
    metadataEnds,
    timestamps: new Float64Array(metadata.length),
    dataEnds: sizes && Float64Array.from(ends(sizes)),
  };
}

/** What fake events write down. */
export interface EventLog {
  readonly acknowledged: string[];
  held: number;
}

/** An event that writes down what is done with it, as `partition:id`. */
export function fakeEvent<M = number>(
  id: number,
  log: EventLog,
  {
    partition = 0,
    metadata = id as M,
    size = 0,
    fetch,
  }: {
    partition?: number;
    metadata?: M;
    size?: number;
    fetch?: EventSource<M>["fetch"];
  } = {},
): StreamEvent<M> {
  const source: EventSource<M> = {
    topic: "t",
    partition,
    batch: storedBatch(id, [metadata], [size]),
    metadata: () => metadata,
    acknowledge: (acknowledged) => {
      log.acknowledged.push(`${partition}:${acknowledged}`);
      return Future.resolved<void>(undefined);
    },
    transact: () => Future.rejected(new Error("A fake event has no backend")),
    hold: () => {
      let released = false;
      log.held++;
      return () => {
        if (!released) log.held--;
        released = true;
      };
    },
    fetch: fetch ?? (() => NEVER),
  };
  return new StreamEvent(source, 0);
}

/** An empty log. */
export function eventLog(): EventLog {
  return { acknowledged: [], held: 0 };
}

/**
 * Stores events in one partition of a memory topic, as one batch. They are stored at once; the answer, which comes in a
 * real microtask outside of virtual time, is not waited for: it would keep RxJS's asap queue busy for the next test.
 */
export function stock<M>(
  { backend, components }: TopicHandle<M>,
  metadata: readonly M[],
  { partition = 0, size = 0 } = {},
): void {
  const drafts = metadata.map((each) => {
    const payload = components.serializer.serialize(each) as string;
    return draftOf(each, { payload, data: new Uint8Array(size).fill(1) });
  });
  (backend.partitions[partition]!.append(packBatch(drafts)) as Observable<unknown>).subscribe().unsubscribe();
}
