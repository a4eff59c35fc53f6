import { asapScheduler, bufferCount, concatMap, from, lastValueFrom, map, mergeAll, observeOn, of } from "rxjs";
import { connect, schema, type Topic, type TopicOptions } from "sluice";
import { produce } from "sluice/operators";
import { readings, readingSchema, type Reading } from "./events.ts";
import { compare, secondsOf, type Figure } from "./harness.ts";

const batchSize = 1024;

interface Batch {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/** Events a second through a producer, and through a producer and a consumer that acknowledges each event. */
export async function benchThroughput(count = 300_000): Promise<Figure[]> {
  const events = readings(count);
  const rate = async (work: () => unknown) => count / (await secondsOf(work));
  const produced = await compare(
    "Produce, 128-byte JSON metadata, memory backend",
    [
      { name: "(a) hand-written loop: encode, batches of 1,024", run: () => rate(() => encodeAll(events)) },
      { name: "(b) plain RxJS: map, bufferCount, concatMap", run: () => rate(() => encodeWithRxJS(events)) },
      {
        name: "Sluice, push with futures",
        run: () => rate(() => withTopic({}, (topic) => pushAll(topic, events))),
        aim: "0.7 of (a), not behind (b)",
      },
      {
        name: "Sluice, produce() from an iterable",
        run: () => rate(() => withTopic({}, (topic) => produceAll(topic, events))),
      },
      {
        name: "Sluice, push, with a JSON Schema validated",
        run: () =>
          rate(() =>
            withTopic({ validator: schema<Reading, Reading>(readingSchema as never) }, (topic) =>
              pushAll(topic, events),
            ),
          ),
      },
    ],
    { unit: "events/s", baseline: "(a) hand-written loop: encode, batches of 1,024" },
  );
  const endToEnd = await compare(
    "Produce, consume, acknowledge, 128-byte JSON metadata, memory backend",
    [
      { name: "(a) hand-written loop: encode, decode", run: () => rate(() => decodeAll(encodeAll(events))) },
      {
        name: "(b) plain RxJS: encode, decode",
        run: () => rate(async () => decodeWithRxJS(await encodeWithRxJS(events))),
      },
      {
        name: "Sluice, push, then consume and acknowledge each",
        run: () =>
          rate(() =>
            withTopic({}, async (topic) => {
              await pushAll(topic, events);
              await consumeAll(topic, count);
            }),
          ),
        aim: "0.7 of (a), not behind (b)",
      },
    ],
    { unit: "events/s", baseline: "(a) hand-written loop: encode, decode" },
  );
  return [...produced, ...endToEnd];
}

async function withTopic(
  options: TopicOptions<Reading>,
  work: (topic: Topic<Reading>) => Promise<void>,
): Promise<void> {
  const driver = await connect("memory:");
  await work(await driver.createTopic<Reading>("bench", options));
  await driver.close();
}

async function pushAll(topic: Topic<Reading>, events: readonly Reading[]): Promise<void> {
  const producer = topic.producer();
  for (const event of events) {
    producer.push(event);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
}

async function produceAll(topic: Topic<Reading>, events: readonly Reading[]): Promise<void> {
  await lastValueFrom(produce(topic)(inputs(events)));
}

function* inputs(events: readonly Reading[]): Generator<{ metadata: Reading }> {
  for (const metadata of events) yield { metadata };
}

function consumeAll(topic: Topic<Reading>, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    let sum = 0;
    topic.consumer("bench", { until: "end" }).subscribe({
      next: (event) => {
        sum += event.metadata.energy;
        seen++;
        event.acknowledge();
      },
      error: reject,
      complete: () => (seen === count && sum > 0 ? resolve() : reject(new Error(`${seen} of ${count} events came`))),
    });
  });
}

/** What is compared with: nothing but the work that cannot be avoided, with the same one encoding a batch. */
function encodeAll(events: readonly Reading[]): Batch[] {
  const encoder = new TextEncoder();
  const batches: Batch[] = [];
  for (let start = 0; start < events.length; start += batchSize) {
    const size = Math.min(batchSize, events.length - start);
    const ends = new Uint32Array(size);
    let text = "";
    for (let i = 0; i < size; i++) ends[i] = (text += JSON.stringify(events[start + i])).length;
    batches.push({ bytes: encoder.encode(text), ends });
  }
  return batches;
}

function decodeAll(batches: readonly Batch[]): number {
  const decoder = new TextDecoder();
  let sum = 0;
  for (const { bytes, ends } of batches) {
    const text = decoder.decode(bytes);
    let start = 0;
    for (const end of ends) {
      sum += (JSON.parse(text.slice(start, end)) as Reading).energy;
      start = end;
    }
  }
  return sum;
}

async function encodeWithRxJS(events: readonly Reading[]): Promise<Batch[]> {
  const batches: Batch[] = [];
  const encoder = new TextEncoder();
  await lastValueFrom(
    from(events).pipe(
      map((event) => JSON.stringify(event)),
      bufferCount(batchSize),
      concatMap((texts) => {
        let length = 0;
        const ends = Uint32Array.from(texts, (text) => (length += text.length));
        batches.push({ bytes: encoder.encode(texts.join("")), ends });
        return of(undefined).pipe(observeOn(asapScheduler));
      }),
    ),
  );
  return batches;
}

async function decodeWithRxJS(batches: readonly Batch[]): Promise<number> {
  const decoder = new TextDecoder();
  let sum = 0;
  await lastValueFrom(
    from(batches).pipe(
      concatMap((batch) => of(batch).pipe(observeOn(asapScheduler))),
      map(({ bytes, ends }) => {
        const text = decoder.decode(bytes);
        return Array.from(ends, (end, i) => text.slice(i === 0 ? 0 : ends[i - 1], end));
      }),
      mergeAll(),
      map((text) => (sum += (JSON.parse(text) as Reading).energy)),
    ),
  );
  return sum;
}
