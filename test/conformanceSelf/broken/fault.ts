import { from, map, type Observable, type ObservableInput } from "rxjs";
import {
  connect,
  registerBackend,
  type Backend,
  type BackendPartition,
  type BackendTopic,
  type Driver,
  type Lease,
  type OpenTopicOptions,
  type Topic,
  type TopicOptions,
} from "../../../src/index.ts";
import { memoryBackend, memoryCapabilities } from "../../../backends/memory/index.ts";
import type { BackendUnderTest } from "../../conformance/index.ts";

/** What a backend does differently from the memory backend, at one of its levels. What is not named stays as it is. */
export interface Fault {
  readonly backend?: (real: Backend, connection: number) => Partial<Backend>;
  readonly topic?: (real: BackendTopic, connection: number) => Partial<BackendTopic>;
  readonly partition?: (real: BackendPartition, topic: BackendTopic, connection: number) => Partial<BackendPartition>;
  /** For promises that the library keeps above the backend: what the driver does differently. */
  readonly driver?: (real: Driver) => Partial<Driver>;
  /** The same for the topics that it hands out. */
  readonly handle?: (real: Topic<never>) => Partial<Record<keyof Topic, unknown>>;
}

/** Faults by their name, each with the number of a promise that it breaks. */
export type Faults = Readonly<Record<string, readonly [promise: number, fault: () => Fault]>>;

let backends = 0;
registerBackend("faulty", (_url, options) => options["backend"] as Backend);

/** The memory backend with a fault, for the suite. A fault may keep something, so each test gets one of its own. */
export async function faultyBackend(fault: Fault): Promise<BackendUnderTest> {
  const store = `faulty-${backends++}`;
  let connections = 0;
  const open = async () => {
    const driver = await connect("faulty:", { backend: withFault(memoryBackend(store), fault, connections++) });
    return driverWith(driver, fault);
  };
  return { connect: open, reopen: open, destroy: async () => {} };
}

/** The capabilities that a fault declares: those of memory unless it says otherwise. */
export function declaredBy(fault: Fault) {
  return fault.backend?.(memoryBackend(), 0).capabilities ?? memoryCapabilities;
}

function withFault(real: Backend, fault: Fault, connection: number): Backend {
  const topics = new WeakMap<BackendTopic, BackendTopic>();
  const wrap = (topic: BackendTopic) => once(topics, topic, () => topicWith(topic, fault, connection));
  const changed = overlay<Backend>(real, fault.backend?.(real, connection) ?? {});
  const { createTopic, openTopic } = changed;
  const opening: Pick<Backend, "createTopic" | "openTopic"> = {
    createTopic: (name, config) => mapped(createTopic(name, config), wrap),
    openTopic: (name) => mapped(openTopic(name), wrap),
  };
  return overlay(changed, opening);
}

function topicWith(real: BackendTopic, fault: Fault, connection: number): BackendTopic {
  const partitions = new WeakMap<BackendPartition, BackendPartition>();
  const changed = overlay<BackendTopic>(real, fault.topic?.(real, connection) ?? {});
  const wrap = (partition: BackendPartition) =>
    once(partitions, partition, () => overlay(partition, fault.partition?.(partition, real, connection) ?? {}));
  const { join } = changed;
  const wrapped = overlay<BackendTopic>(changed, {
    get partitions() {
      return changed.partitions.map(wrap);
    },
    join: (...call: Parameters<typeof join>) => mapped(join(...call), (leases) => leases.map(ofRealTopics)),
  });
  originals.set(wrapped, real);
  return wrapped;
}

/** The topics of the memory backend behind those that have a fault: it takes no others into a transaction. */
const originals = new WeakMap<BackendTopic, BackendTopic>();

function ofRealTopics(lease: Lease): Lease {
  const { transact } = lease;
  if (transact === undefined) return lease;
  return overlay<Lease>(lease, {
    transact: (...[position, appends]: Parameters<typeof transact>) =>
      transact(
        position,
        appends.map((append) => ({ ...append, topic: originals.get(append.topic) ?? append.topic })),
      ),
  });
}

function driverWith(real: Driver, fault: Fault): Driver {
  const wrap = (topic: Topic): Topic =>
    fault.handle === undefined ? topic : overlay(topic, fault.handle(topic as never));
  const { createTopic, openTopic } = overlay<Driver>(real, fault.driver?.(real) ?? {});
  return overlay<Driver>(real, {
    createTopic: async (name: string, options: TopicOptions) => wrap(await createTopic(name, options)),
    openTopic: async (name: string, options: OpenTopicOptions) => wrap(await openTopic(name, options)),
  });
}

/** An object with some members replaced. The others keep working on the real one, also where they use private fields. */
export function overlay<T extends object>(real: T, replaced: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(real, {
    get(target, key) {
      if (key in replaced) return replaced[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function once<K extends object, V>(known: WeakMap<K, V>, key: K, make: () => V): V {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** An answer of a backend, changed. */
export function mapped<T, R>(answer: ObservableInput<T>, change: (value: T) => R): Observable<R> {
  return from(answer).pipe(map(change));
}
