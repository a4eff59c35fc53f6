import { firstValueFrom, from } from "rxjs";
import { json, type Topic, type UndecodableEvent } from "../../src/index.ts";
import { matching, ok, rejects, same, throws } from "./assert.ts";
import { batchOf, collect, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";

/** §18 and §28: where a consumer starts, what it reads, and events that cannot be decoded. @internal */
export function consuming({ test, can }: Suite): void {
  test("§18 a new name starts at the first event", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 5);

    same(numbersOf(await world.read(topic)), upTo(5), "The events");
  });

  test("§18 a name starts after the last event that was acknowledged under it, whatever startFrom says", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 10);
    const [, , third] = await world.take(3, topic.consumer("app"), "events");
    await world.within("the acknowledgement", third!.acknowledge());

    for (const startFrom of ["earliest", "latest", 0, { last: 1 }] as const) {
      const events = await world.all(topic.consumer("app", { until: "end", startFrom }), "the events");
      same(numbersOf(events), upTo(7, 3), `The events with startFrom ${JSON.stringify(startFrom)}`);
    }
  });

  test('§18 startFrom: "latest" starts behind the events that there are', async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer();
    await world.store(producer, 5);
    const consumer = topic.consumer("app", { startFrom: "latest" });
    const read = collect(consumer);
    await world.roundTrip();
    await world.store(producer, 2, 5);
    await world.until("two events come", () => read.values.length >= 2);

    same(numbersOf(read.values), [5, 6], "The events");
  });

  test("§18 startFrom: an id starts at that event", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer({ batchSize: 4 }), 10);

    same(numbersOf(await world.read(topic, { startFrom: ids[6]! })), upTo(4, 6), "The events");
    same(numbersOf(await world.read(topic, { startFrom: ids[9]! + 1 })), [], "The events behind the last one");
  });

  test("§18 startFrom: the last n of each partition", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 10, 0, 0);
    await world.store(producer, 2, 10, 1);

    const numbers = numbersOf(await world.read(topic, { startFrom: { last: 3 } })).sort((a, b) => a - b);
    if (can.contiguousIds) same(numbers, [7, 8, 9, 10, 11], "The last three of each partition");
    else ok(numbers.length <= 6, "With gaps between the ids there may be fewer than three of each partition");
    same(numbersOf(await world.read(topic, { startFrom: { last: 0 } })), [], "The last none");
  });

  if (can.findByTime) {
    test("§18 startFrom: a time starts at the first event that is not older", async (world) => {
      const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
      const append = (numbers: number[]) =>
        firstValueFrom(
          from(
            topic.backend.partitions[0]!.append(
              batchOf(
                numbers.map((n) => ({ n })),
                { timestamps: numbers.map((n) => 1000 * n) },
              ),
            ),
          ),
        );
      await world.within("the first batch", append([1, 2, 3]));
      await world.within("the second batch", append([4, 5]));

      for (const [time, expected] of [
        [0, [1, 2, 3, 4, 5]],
        [2000, [2, 3, 4, 5]],
        [2001, [3, 4, 5]],
        [4000, [4, 5]],
        [5000, [5]],
        [5001, []],
      ] as const) {
        same(numbersOf(await world.read(topic, { startFrom: new Date(time) })), expected, `The events from ${time} on`);
      }
    });

    test("§18 startFrom: the time of an event's push starts at that event", async (world) => {
      const topic = await world.topic({ partitions: 1 });
      const producer = topic.producer();
      await world.store(producer, 3);
      const before = Date.now();
      await world.until("the clock has moved on", () => Date.now() > before);
      await world.store(producer, 3, 3);

      same(numbersOf(await world.read(topic, { startFrom: new Date(before + 1) })), [3, 4, 5], "The events");
    });
  } else {
    test("§18 startFrom: a time is refused with ERR_UNSUPPORTED", async (world) => {
      const topic = await world.topic({ partitions: 1 });
      await world.store(topic.producer(), 1);

      await rejects(world.read(topic, { startFrom: new Date(0) }), "ERR_UNSUPPORTED", "A start by time");
    });
  }

  test("§18 a consumer reads the partitions that it names", async (world) => {
    const topic = await world.topic({ partitions: 4 });
    await world.store(topic.producer(), 40);

    const events = await world.read(topic, { partitions: [1, 3] });
    same(events.length, 20, "How many events were read");
    ok(
      events.every(({ partition }) => partition === 1 || partition === 3),
      "An event of another partition was read",
    );
    const waiting = collect(topic.consumer("app", { partitions: [2] }));
    await world.until("the events come", () => waiting.values.length >= 10);
    await world.roundTrip();
    same(
      waiting.values.map(({ partition }) => partition),
      upTo(10).map(() => 2),
      "The partitions that a consumer which goes on has read",
    );
  });

  test("§18 a waiting consumer gets what is stored later", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer();
    const read = collect(topic.consumer("app"));
    for (const n of upTo(5)) {
      await world.store(producer, 1, n);
      await world.until(`event ${n} comes`, () => read.values.length > n);
    }
    same(numbersOf(read.values), upTo(5), "The events");
  });

  test("§18 names do not share what they have acknowledged", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 3);
    const events = await world.take(3, topic.consumer("one"), "events");
    await world.within("the acknowledgement", events[2]!.acknowledge());

    same(
      numbersOf(await world.all(topic.consumer("two", { until: "end" }), "the events")),
      upTo(3),
      "The events of the other name",
    );
  });

  /** Three events, of which the middle one is no JSON. */
  async function poison(topic: Topic<Numbered>): Promise<void> {
    const batch = batchOf([{ n: 0 }, { n: 1 }, { n: 2 }]);
    const metadata = batch.metadata.slice();
    metadata.fill(0xff, batch.metadataEnds[0], batch.metadataEnds[1]);
    await firstValueFrom(from(topic.backend.partitions[0]!.append({ ...batch, metadata })));
  }

  test('§28 an event that cannot be decoded ends the stream under undecodable: "fail"', async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("the batch", poison(topic));
    const error = await rejects(world.read(topic), "ERR_UNDECODABLE", "The stream");

    ok(error.message.includes("Event 1") || !can.contiguousIds, `The message must name the event: ${error.message}`);
  });

  test('§28 an event that cannot be decoded is left out under undecodable: "skip"', async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("the batch", poison(topic));

    same(numbersOf(await world.read(topic, { undecodable: "skip" })), [0, 2], "The events");
  });

  test('§28 an event that cannot be decoded is a value under undecodable: "deliver"', async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("the batch", poison(topic));
    const events = await world.read(topic, { undecodable: "deliver" });

    same(events.length, 3, "How many events came");
    same([events[0]!.metadata.n, events[2]!.metadata.n], [0, 2], "The others");
    throws(() => events[1]!.metadata, "ERR_UNDECODABLE", "The metadata of the event that cannot be decoded");
  });

  test("§28 an event that cannot be decoded goes to an observer, with its bytes", async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("the batch", poison(topic));
    const told: UndecodableEvent[] = [];

    same(
      numbersOf(await world.read(topic, { undecodable: { next: (event) => told.push(event) } })),
      [0, 2],
      "The events",
    );
    same(
      told.map(({ topic: name, partition, bytes }) => [name, partition, bytes]),
      [[topic.name, 0, new Uint8Array(7).fill(0xff)]],
      "What was told",
    );
    matching(told[0]!.error, "ERR_UNDECODABLE", "The reason");
  });
}
