import { concat, from, map, NEVER, take } from "rxjs";
import { produce } from "../../operators/index.ts";
import { between, matching, ok, rejects, same } from "./assert.ts";
import { spyOn } from "./spyOn.ts";
import { collect, numbersOf, pushNumbers, someBytes, upTo, type Numbered, type Suite } from "./world.ts";

/** §10 to §12: when a batch goes, how large it is, and what holds a producer back. @internal */
export function batching({ test }: Suite): void {
  test("§10 the Nth event sends the batch, without a further push", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 4, linger: Infinity });

    await world.within("a full batch", Promise.all(pushNumbers(producer, 4, 0, 0)));
    await world.within("a second full batch", Promise.all(pushNumbers(producer, 4, 4, 0)));
    same(numbersOf(await world.read(topic)), upTo(8), "The events");
  });

  test("§10 a batch that is not full waits for flush()", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 4, linger: Infinity });
    const futures = pushNumbers(producer, 3, 0, 0);
    await world.roundTrip();

    same(
      futures.map(({ completed }) => completed),
      [false, false, false],
      "Which events are stored before the flush",
    );
    await world.within("the flush", producer.flush());
    same(
      futures.map(({ completed }) => completed),
      [true, true, true],
      "Which events are stored after the flush",
    );
  });

  test("§10 a batch of N events is one batch", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const { topic: watched, seen } = spyOn(topic);
    await world.all(
      from(upTo(10)).pipe(
        map((n) => ({ metadata: { n } })),
        produce(watched, { batchSize: 4, linger: Infinity }),
      ),
      "the receipts",
    );

    same(seen.appends, [4, 4, 2], "The batches");
  });

  test("§10 enough bytes send a batch that is not full", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 1000, maxBatchBytes: 100, linger: Infinity });
    const small = producer.push({ n: 0 }, someBytes(10), { partition: 0 });
    const large = producer.push({ n: 1 }, someBytes(200), { partition: 0 });

    await world.within("the small event", small);
    await world.within("an event that is larger than a batch", large);
  });

  test("§10 time sends a batch that is not full", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 1000, linger: 1 });

    await world.within("a batch that has lingered", producer.push({ n: 0 }));
  });

  test("§10 a batch may be larger than 1024 events", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const { topic: watched, seen } = spyOn(topic);
    const receipts$ = from(upTo(5000)).pipe(
      map((n) => ({ metadata: { n } })),
      produce(watched, { batchSize: 5000, linger: Infinity }),
    );
    same((await world.all(receipts$, "the receipts")).length, 5000, "The receipts");

    same(seen.appends, [5000], "The batches");
    same(numbersOf(await world.read(topic)), upTo(5000), "The events");
  });

  test("§11 an adaptive batch goes at once when nothing is in flight", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: "adaptive", linger: Infinity });

    for (const n of upTo(5)) await world.within("a single event", producer.push({ n }));
  });

  test("§11 what gathers while a batch is in flight makes the next one", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const { topic: watched, seen } = spyOn(topic);
    const inputs$ = from(upTo(1000)).pipe(map((n) => ({ metadata: { n } })));
    await world.all(
      concat(inputs$, NEVER).pipe(produce(watched, { batchSize: "adaptive" }), take(1000)),
      "the receipts",
    );

    same(seen.maxInFlight, 1, "The batches in flight at once, of which none is full");
    same(numbersOf(await world.read(topic)), upTo(1000), "The events");
  });

  test("§11 an adaptive batch is bounded by count, and goes when it is full", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const { topic: watched, seen } = spyOn(topic);
    const inputs$ = from(upTo(1000)).pipe(map((n) => ({ metadata: { n } })));
    const producing$ = inputs$.pipe(produce(watched, { batchSize: "adaptive", maxBatchEvents: 100 }));
    await world.all(producing$, "the receipts");

    between(seen.maxInFlight, 1, 2, "The batches in flight at once");
    same(
      seen.appends.reduce((sum, count) => sum + count),
      1000,
      "The events in all batches",
    );
    between(Math.max(...seen.appends), 2, 100, "The largest batch");
    same(numbersOf(await world.read(topic)), upTo(1000), "The events");
  });

  test("§11 an adaptive batch is bounded by bytes", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const { topic: watched, seen } = spyOn(topic);
    const inputs = upTo(40).map((n) => ({ metadata: { n }, data: someBytes(100, n) }));
    await world.all(from(inputs).pipe(produce(watched, { maxBatchBytes: 1000 })), "the receipts");

    between(Math.max(...seen.appends), 1, 10, "The largest batch");
    same(numbersOf(await world.read(topic)), upTo(40), "The events");
  });

  test("§12 one batch at a time and one pusher do not stall", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 8, maxBatches: 1, linger: Infinity });

    await world.within("full batches", Promise.all(pushNumbers(producer, 800, 0, 0)));
    const rest = pushNumbers(producer, 5, 800, 0);
    await world.within("the flush", producer.flush());
    await world.within("the rest", Promise.all(rest));
    same(numbersOf(await world.read(topic)), upTo(805), "The events");
  });

  test("§12 many pushers stall under no combination of batch size and batches", async (world) => {
    for (const batchSize of [1, 3, 16, "adaptive"] as const) {
      for (const maxBatches of [1, 2, 4]) {
        const topic = await world.topic();
        const producer = topic.producer({ batchSize, maxBatches, linger: 1 });
        const pusher = async (first: number) => {
          for (const n of upTo(10, first)) {
            await producer.ready;
            await producer.push({ n });
          }
        };
        await world.within(
          `5 pushers with batches of ${batchSize}, ${maxBatches} at once`,
          Promise.all(upTo(5).map((i) => pusher(10 * i))),
        );
        const numbers = numbersOf(await world.read(topic)).sort((a, b) => a - b);
        same(numbers, upTo(50), `The events with batches of ${batchSize}, ${maxBatches} at once`);
      }
    }
  });

  test("§12 no more batches are in flight than maxBatches says", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    for (const maxBatches of [1, 2, 5]) {
      const { topic: watched, seen } = spyOn(topic);
      await world.all(
        from(upTo(200)).pipe(
          map((n) => ({ metadata: { n } })),
          produce(watched, { batchSize: 4, maxBatches }),
        ),
        "the receipts",
      );
      between(seen.maxInFlight, 1, maxBatches, "The batches in flight");
    }
  });

  test("§12 a producer at its bound is not ready, and becomes ready again", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 10, maxBatches: 1, linger: Infinity });
    let pushed = 0;
    while (producer.isReady && pushed < 100_000) producer.push({ n: pushed++ });

    ok(!producer.isReady, "100,000 events were taken without back-pressure");
    ok(producer.bufferedBytes > 0, "Bytes that wait must be counted");
    await world.within("room", producer.ready);
    ok(producer.isReady, "The producer must be ready when 'ready' has resolved");
    await world.within("the flush", producer.flush());
    same(producer.bufferedBytes, 0, "The bytes that wait when all is stored");
  });

  test("§12 an async iterable is pulled no faster than the backend stores", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    let pulled = 0;
    let stored = 0;
    let ahead = 0;
    async function* source() {
      while (pulled < 2000) {
        ahead = Math.max(ahead, ++pulled - stored);
        yield { metadata: { n: pulled } };
      }
    }
    await world.all(
      produce<Numbered>(topic, { batchSize: 10, maxBatches: 2, concurrency: 4 })(source()).pipe(map(() => stored++)),
      "the receipts",
    );

    same(stored, 2000, "The receipts");
    between(ahead, 1, 100, "How many events were pulled and not yet stored");
  });

  test('§12 an Observable that is too fast fails under overflow: "fail", after what was accepted is stored', async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const produced = collect(
      from(upTo(2000)).pipe(
        map((n) => ({ metadata: { n } })),
        produce(topic, { maxBufferedBytes: 20_000 }),
      ),
    );
    await world.until("produce() ends", () => produced.ended);

    matching(produced.error, "ERR_OVERFLOW", "produce()");
    const numbers = numbersOf(await world.read(topic));
    between(numbers.length, 1, 1999, "How many events were stored");
    same(numbers, upTo(produced.values.length), "The events that were stored");
  });

  test('§12 an Observable that is too fast loses events under overflow: "drop", and each is told', async (world) => {
    const topic = await world.topic({ partitions: 1 });
    let dropped = 0;
    const rejected = { next: () => void dropped++ };
    const options = { maxBufferedBytes: 20_000, overflow: "drop", rejected } as const;
    const receipts = await world.all(
      from(upTo(2000)).pipe(
        map((n) => ({ metadata: { n } })),
        produce(topic, options),
      ),
      "the receipts",
    );

    same(receipts.length + dropped, 2000, "The events that were stored or dropped");
    between(dropped, 1, 1999, "The events that were dropped");
  });

  test('§12 an Observable that is too fast is kept whole under overflow: "buffer"', async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const options = { maxBufferedBytes: 20_000, overflow: "buffer" } as const;
    await world.all(
      from(upTo(2000)).pipe(
        map((n) => ({ metadata: { n } })),
        produce(topic, options),
      ),
      "the receipts",
    );

    same(numbersOf(await world.read(topic)), upTo(2000), "The events");
  });

  test("§12 a push beyond maxBufferedBytes fails its own future", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ maxBufferedBytes: 10_000, batchSize: 1000, linger: Infinity });
    const first = producer.push({ n: 0 }, someBytes(5000));
    const second = producer.push({ n: 1 }, someBytes(5000));

    await rejects(world.within("the refusal", second), "ERR_OVERFLOW", "A push that finds no room");
    await rejects(world.within("the flush", producer.flush()), "ERR_OVERFLOW", "The flush after it");
    await world.within("the first event", first);
    same(numbersOf(await world.read(topic)), [0], "The events");
  });
}
