import { concatMap, firstValueFrom, from } from "rxjs";
import { json, type ConsumerStatus } from "../../src/index.ts";
import { consume, processEvents } from "../../operators/index.ts";
import { between, ok, same } from "./assert.ts";
import { spyOn } from "./spyOn.ts";
import { batchOf, collect, gate, numbersOf, someBytes, upTo, type Suite } from "./world.ts";

/** §25: how far a consumer fetches ahead. @internal */
export function flowControl({ test }: Suite): void {
  test("§25 pull() fetches no further than maxBatches", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 200);
    let selected = 0;
    const consumer = topic.consumer("app", { batchSize: 10, maxBatches: 2, dataSelector: () => (selected++, null) });
    for (const n of upTo(60)) {
      same((await world.within("a pull", consumer.pull())).metadata.n, n, "The pulled event");
      if (n % 20 === 0) await world.roundTrip();
      between(selected, n + 1, n + 30, `The events that were fetched after ${n + 1} pulls`);
    }
  });

  test("§25 for await fetches no further than maxBatches", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 200);
    let selected = 0;
    let n = 0;
    for await (const event of topic.consumer("app", {
      batchSize: 10,
      maxBatches: 2,
      dataSelector: () => (selected++, null),
    })) {
      same(event.metadata.n, n++, "The event");
      if (n % 20 === 1) await world.roundTrip();
      between(selected, n, n + 30, `The events that were fetched after ${n} of them`);
      if (n === 60) break;
    }
  });

  test("§25 processEvents() fetches no further than maxBatches", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 200);
    const gates = upTo(200).map(() => gate());
    const { topic: watched, seen } = spyOn(topic);
    const handled = collect(
      consume(watched, "app", { batchSize: 10, maxBatches: 2 }).pipe(
        processEvents((event) => gates[event.metadata.n]!.passed, { concurrency: 2 }),
      ),
    );
    await world.roundTrip();
    between(seen.read, 1, 20, "The events that were read while the first is being handled");
    for (const each of gates) each.open();
    await world.until("all events are handled", () => handled.values.length === 200);

    same(seen.read, 200, "The events that were read");
    handled.stop();
  });

  test('§25 under demand: "acknowledged" an event counts until it is acknowledged', async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 100);
    const states: ConsumerStatus["state"][] = [];
    const consumer = topic.consumer("app", {
      batchSize: 10,
      maxBatches: 2,
      demand: "acknowledged",
      status: { next: ({ state }) => states.push(state) },
    });
    const read = collect(consumer);
    await world.until("the consumer says that it waits", () => states.at(-1) === "waiting");
    await world.roundTrip();
    const first = read.values.length;
    between(first, 1, 20, "The events that came before any was acknowledged");
    read.values.at(-1)!.acknowledge();
    await world.until("there is room for more", () => read.values.length > first);
    await world.until("the consumer waits again", () => states.at(-1) === "waiting");

    between(read.values.length - first, 1, 20, "The events that came after those were acknowledged");
    same(numbersOf(read.values), upTo(read.values.length), "The events");
    read.stop();
  });

  test('§25 under demand: "acknowledged" a slow concatMap gets everything, and memory stays bounded', async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 100);
    const { topic: watched, seen } = spyOn(topic);
    let done = 0;
    const handled$ = consume(watched, "app", {
      batchSize: 5,
      maxBatches: 2,
      demand: "acknowledged",
      until: "end",
    }).pipe(
      concatMap(async (event) => {
        await Promise.resolve();
        between(seen.read, done, done + 15, "The events that were read");
        done++;
        await event.acknowledge();
        return event;
      }),
    );

    same(numbersOf(await world.all(handled$, "the handled events")), upTo(100), "The events");
  });

  test("§25 a consumer that waits long for acknowledgements warns", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 10);
    const warnings: string[] = [];
    const options = {
      batchSize: 2,
      maxBatches: 1,
      demand: "acknowledged",
      warnAfter: 1,
      warn: (message: string) => void warnings.push(message),
    } as const;
    const read = collect(topic.consumer("app", options));
    await world.until("a warning comes", () => warnings.length > 0);

    ok(warnings[0]!.includes('"app"'), `The warning must name the consumer: ${warnings[0]}`);
    read.stop();
  });

  test("§25 maxBytes bounds the data that is fetched and not yet delivered", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer();
    for (const n of upTo(50)) producer.push({ n }, someBytes(1000, n));
    await world.within("the events to be stored", producer.flush());
    let fetched = 0;
    const consumer = topic.consumer("app", {
      maxBytes: 5000,
      dataSelector: (_, descriptor) => descriptor,
      dataAllocator: (_, { size }) => ((fetched += size), new Uint8Array(size)),
    });
    for (const n of upTo(50)) {
      const event = await world.within("a pull", consumer.pull());
      same(event.data.size, 1000, "The size of the data");
      between(fetched - 1000 * n, 1000, 7000, `The bytes that were fetched and not delivered after ${n} events`);
    }
  });

  test("§25 one event that is larger than maxBytes is still delivered", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.within("the push", topic.producer().push({ n: 0 }, someBytes(100_000)));
    const consumer = topic.consumer("app", { maxBytes: 100, dataSelector: (_, descriptor) => descriptor });

    same((await world.within("a pull", consumer.pull())).data.size, 100_000, "The size of the data");
  });

  test("§25 a read of the backend brings no more than it was allowed, and at least one event", async (world) => {
    const topic = await world.topic<string>({ partitions: 1, serializer: json() });
    const partition = topic.backend.partitions[0]!;
    await world.within(
      "the batch",
      firstValueFrom(from(partition.append(batchOf(upTo(20).map(() => "x".repeat(98)))))),
    );
    const start = (await topic.describe()).partitions[0]!.start;
    const read = (maxEvents: number, maxBytes: number) =>
      world.within("a read", firstValueFrom(from(partition.read(start, { maxEvents, maxBytes }))));

    between((await read(7, 1e6)).count, 1, 7, "A read of at most 7 events");
    between((await read(100, 450)).count, 1, 4, "A read of at most 450 bytes");
    const single = await read(100, 10);
    same([single.count, single.metadata.length], [1, 100], "A read of fewer bytes than an event has");
  });

  test("§25 a read that is cut short by bytes is followed by what was cut", async (world) => {
    const topic = await world.topic<string>({ partitions: 1, serializer: json() });
    const partition = topic.backend.partitions[0]!;
    // A large event among small ones, and a small batch behind, which must not take the place of what was cut.
    const texts = ["a", "b".repeat(500), "c", "d"];
    for (const part of [texts.slice(0, 3), texts.slice(3)]) {
      await world.within("a batch", firstValueFrom(from(partition.append(batchOf(part)))));
    }
    const { start, end } = (await topic.describe()).partitions[0]!;
    for (const maxBytes of [1, 10, 505, 1000]) {
      const read: string[] = [];
      for (let position = start; position < end;) {
        const limits = { maxEvents: 100, maxBytes };
        const batch = await world.within("a read", firstValueFrom(from(partition.read(position, limits))));
        ok(batch.next > position, `A read must get on: ${batch.next} behind ${position}`);
        for (let i = 0; i < batch.count; i++) {
          const bytes = batch.metadata.subarray(i === 0 ? 0 : batch.metadataEnds[i - 1], batch.metadataEnds[i]);
          read.push(JSON.parse(new TextDecoder().decode(bytes)) as string);
        }
        position = batch.next;
      }
      same(read, texts, `The events in reads of at most ${maxBytes} bytes`);
    }
  });

  test("§25 reads from every position bring the events from there on", async (world) => {
    const topic = await world.topic<number>({ partitions: 1, serializer: json() });
    const partition = topic.backend.partitions[0]!;
    const appended = upTo(4).map((i) => batchOf(upTo(5, 5 * i), { data: upTo(5, 5 * i).map((n) => someBytes(n)) }));
    for (const batch of appended) await world.within("a batch", firstValueFrom(from(partition.append(batch))));
    const { start, end } = (await topic.describe()).partitions[0]!;
    for (const maxEvents of [1, 3, 1000]) {
      const numbers: number[] = [];
      const sizes: number[] = [];
      for (let position = start; position < end;) {
        const batch = await world.within(
          "a read",
          firstValueFrom(from(partition.read(position, { maxEvents, maxBytes: 1e6 }))),
        );
        ok(batch.next > position, `A read must get on: ${batch.next} behind ${position}`);
        for (let i = 0; i < batch.count; i++) {
          const bytes = batch.metadata.subarray(i === 0 ? 0 : batch.metadataEnds[i - 1], batch.metadataEnds[i]);
          numbers.push(Number(new TextDecoder().decode(bytes)));
          sizes.push((batch.dataEnds?.[i] ?? 0) - (i === 0 ? 0 : (batch.dataEnds?.[i - 1] ?? 0)));
        }
        position = batch.next;
      }
      same(numbers, upTo(20), `The events in reads of at most ${maxEvents}`);
      same(sizes, upTo(20), "The sizes of their data");
    }
  });
}
