import { lastValueFrom, toArray } from "rxjs";
import { isSluiceError, type Driver, type StreamEvent, type Topic } from "../../../src/index.ts";
import type { Happening } from "../../kafka/checkHistory.ts";

/** The metadata of the events of a workload. */
export interface Value {
  readonly value: number;
}

/** Produces numbers until it is told to stop, `burst` of them every few milliseconds, and writes down what became of each. */
export function produceWhile(
  topic: Topic<Value>,
  history: Happening[],
  isOver: () => boolean,
  burst = 20,
): Promise<void> {
  return (async () => {
    const producer = topic.producer({ name: "workload" });
    const settled: Promise<void>[] = [];
    for (let value = 0; !isOver(); value++) {
      const partition = value % topic.partitions;
      settled.push(
        producer.push({ value }, undefined, { partition }).then(
          (id) => void history.push({ kind: "stored", partition, id, value }),
          () => void history.push({ kind: "unknown", value }),
        ),
      );
      if (value % burst === 0) await pause(5);
    }
    await producer.flush().catch(() => undefined);
    await Promise.all(settled);
  })();
}

/** Consumes and acknowledges until it is told to stop; a stream that fails begins again, as a new session. */
export async function consumeWhile(
  topic: Topic<Value>,
  name: string,
  history: Happening[],
  isOver: () => boolean,
): Promise<void> {
  for (let session = 0; !isOver(); session++) {
    const consumer = topic.consumer(name);
    const own = new Map<number, { readonly label: string; readonly id: number }>();
    // What another member reads until a partition comes back is not passed over.
    const watching = consumer.status.subscribe(({ partitions }) => {
      for (const partition of own.keys()) if (!partitions.includes(partition)) own.delete(partition);
    });
    const done = consumer
      .process((event) => {
        // A partition that comes back after it was lost is a session of its own, and may begin earlier.
        const before = own.get(event.partition);
        const label =
          before === undefined || event.id <= before.id ? `${name} ${session} ${history.length}` : before.label;
        own.set(event.partition, { label, id: event.id });
        history.push(polled(event, label));
      })
      .catch(() => undefined);
    while (!isOver()) await pause(20);
    await consumer.close({ deadline: 5000 });
    await done;
    watching.unsubscribe();
  }
}

/** Reads everything, when the faults are over. */
export async function readAll(driver: Driver, name: string, history: Happening[], session: string): Promise<void> {
  const topic = await driver.openTopic<Value>(name);
  const events = await lastValueFrom(topic.consumer(`${name}-${session}`, { until: "end" }).pipe(toArray()));
  for (const event of events) history.push(polled(event, session));
}

function polled(event: StreamEvent<Value>, session: string): Happening {
  return { kind: "polled", session, partition: event.partition, id: event.id, value: event.metadata.value };
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The data of an event that a processor makes: that of every tenth is so large that it goes in chunks. */
export function dataOf(value: number): Uint8Array {
  return new Uint8Array(value % 10 === 0 ? 2500 : 10).fill(value & 0xff);
}

/** How many events were stored. */
export function storedIn(history: readonly Happening[]): number {
  return history.filter(({ kind }) => kind === "stored").length;
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Tries again while the cluster is not ready. */
export async function whenReady<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= 10 || !isSluiceError(error)) throw error;
      await pause(1000);
    }
  }
}
