import { lastValueFrom, timer } from "rxjs";
import { rejects, same, ok } from "./assert.ts";
import { collect, numbersOf, upTo, type Suite } from "./world.ts";

/** §26 and §27: pulling, and the ends of a stream. @internal */
export function ending({ test, can }: Suite): void {
  test("§26 wait(0) tests without waiting", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const future = topic.consumer("app").pull();
    same(await world.within("wait(0)", future.wait(0)), undefined, "wait(0) of a topic without events");
    same(future.completed, false, "Whether the future has completed");
    await world.store(topic.producer(), 1);
    await world.until("the event has come", async () => (await future.wait(0)) !== undefined);

    ok(future.completed, "The future must have completed");
    same((await future.wait(0))?.metadata.n, 0, "wait(0) of a future that has completed");
  });

  test("§26 wait(ms) gives undefined when the time runs out, and the event goes to a later pull", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const consumer = topic.consumer("app");
    const given = consumer.pull();
    same(await world.within("the time-out", given.wait(1)), undefined, "A wait that has run out");
    same(await world.within("the time-out", given.wait(1)), undefined, "A second wait that has run out");
    same(await world.within("the time-out", consumer.pull().wait(1)), undefined, "A wait for another pull");
    await world.store(topic.producer(), 3);

    for (const n of upTo(3)) same((await world.within("a pull", consumer.pull()))?.metadata.n, n, "The pulled event");
  });

  test("§26 waiting again takes a place again, and no event is lost to it", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const consumer = topic.consumer("app");
    const future = consumer.pull();
    for (const _ of upTo(3)) await future.wait(0);
    const waiting = future.wait();
    await world.store(topic.producer(), 3);

    same((await world.within("the wait", waiting))?.metadata.n, 0, "The event of the future");
    for (const n of [1, 2])
      same((await world.within("a pull", consumer.pull()))?.metadata.n, n, "The next pulled event");
  });

  test("§26 wait() with a negative time waits for ever, and so does await", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const consumer = topic.consumer("app");
    const [first, second] = [consumer.pull(), consumer.pull()];
    const both = Promise.all([first.wait(-1), second]);
    await world.roundTrip();
    await world.store(topic.producer(), 2);

    same(
      (await world.within("both pulls", both)).map((event) => event?.metadata.n),
      [0, 1],
      "The pulled events",
    );
  });

  test("§26 an iterator does not take a gap in time for the end", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer();
    const numbers: number[] = [];
    await world.store(producer, 1);
    for await (const event of topic.consumer("app")) {
      numbers.push(event.metadata.n);
      if (event.metadata.n === 3) break;
      void lastValueFrom(timer(20)).then(() => producer.push({ n: numbers.length }));
    }

    same(numbers, upTo(4), "The events");
  });

  test("§26 idle and the end of a snapshot are different outcomes of a pull", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 2);
    for (const [until, code] of [
      ["end", "ERR_END_OF_SNAPSHOT"],
      [{ idle: world.idle }, "ERR_IDLE"],
    ] as const) {
      const consumer = topic.consumer(world.name("app"), { until });
      for (const n of upTo(2)) same((await world.within("a pull", consumer.pull())).metadata.n, n, "The pulled event");
      await rejects(
        world.within("the end", consumer.pull()),
        code,
        `A pull at the end with until ${JSON.stringify(until)}`,
      );
      await rejects(world.within("the end", consumer.pull()), code, "The next pull");
    }
  });

  test('§27 until: "end" completes at the end as it was at subscription', async (world) => {
    const topic = await world.topic({ partitions: 3 });
    const producer = topic.producer();
    await world.store(producer, 9);
    const numbers: number[] = [];
    const reasons: (string | undefined)[] = [];
    const consumer = topic.consumer("app", {
      until: "end",
      batchSize: 1,
      status: { next: ({ reason }) => reasons.push(reason) },
    });
    for await (const event of consumer) {
      numbers.push(event.metadata.n);
      if (numbers.length < 4) await world.store(producer, 3, 9);
    }

    same(
      numbers.sort((a, b) => a - b),
      upTo(9),
      "The events",
    );
    same(reasons.at(-1), "snapshot", "Why the stream has ended");
    same(
      (await world.all((await world.topic()).consumer("app", { until: "end" }), "an empty topic")).length,
      0,
      "The events of an empty topic",
    );
  });

  test('§27 until: "end" completes where retention has dropped what there was', async (world) => {
    const topic = await world.topic({ partitions: 1, retention: { maxBytes: 1 } });
    await world.store(topic.producer(), 5);

    const numbers = numbersOf(await world.read(topic));
    same(numbers, upTo(numbers.length, 5 - numbers.length), "What is left are the last events");
  });

  test("§27 until: idle completes when no event has come for so long", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 3);

    same(
      numbersOf(await world.all(topic.consumer("app", { until: { idle: world.idle } }), "the events")),
      upTo(3),
      "The events",
    );
  });

  test("§27 a handler that takes longer than until.idle is not idle", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 6);
    const handled: number[] = [];
    const consumer = topic.consumer("app", { until: { idle: world.idle }, batchSize: 1, maxBatches: 1 });
    await world.within(
      "the end",
      consumer.process(async (event) => {
        await lastValueFrom(timer(1.5 * world.idle));
        handled.push(event.metadata.n);
      }),
    );

    same(handled, upTo(6), "The events");
  });

  if (!can.seal) {
    test("§27 seal() is refused with ERR_UNSUPPORTED", async (world) => {
      const topic = await world.topic();
      await rejects(world.within("the refusal", topic.seal()), "ERR_UNSUPPORTED", "seal()");
      await world.store(topic.producer(), 1);
    });
    return;
  }

  test("§27 a sealed topic completes its consumers after the last event", async (world) => {
    const topic = await world.topic({ partitions: 3 });
    const producer = topic.producer();
    const early = collect(topic.consumer("early"));
    await world.store(producer, 30);
    await world.within("the seal", topic.seal());
    await world.until("the consumer that was there before ends", () => early.ended);

    same(
      numbersOf(early.values).sort((a, b) => a - b),
      upTo(30),
      "The events of the consumer that was there before",
    );
    const late = await world.all(topic.consumer("late", { batchSize: 4 }), "the sealed topic");
    same(
      numbersOf(late).sort((a, b) => a - b),
      upTo(30),
      "The events of a consumer that came later",
    );
    same(
      (await topic.describe()).partitions.map(({ sealed }) => sealed),
      [true, true, true],
      "Whether the partitions are sealed",
    );
  });

  test("§27 a sealed topic takes no more events", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer();
    await world.store(producer, 1);
    await world.within("the seal", topic.seal());

    await rejects(world.within("the refusal", producer.push({ n: 1 })), "ERR_TOPIC_SEALED", "A push to a sealed topic");
    const elsewhere = await (await world.reopen()).openTopic<{ n: number }>(topic.name);
    await rejects(
      world.within("the refusal", elsewhere.producer().push({ n: 1 })),
      "ERR_TOPIC_SEALED",
      "A push through another connection",
    );
    same(numbersOf(await world.all(topic.consumer("app"), "the sealed topic")), [0], "The events");
  });

  test("§27 a sealed topic that is empty, or acknowledged to its end, completes at once", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    await world.store(topic.producer(), 2, 0, 0);
    await world.within("the seal", topic.seal());
    const events = await world.all(topic.consumer("app"), "the sealed topic");
    await world.within("the acknowledgement", events[1]!.acknowledge());

    same((await world.all(topic.consumer("app"), "the sealed topic")).length, 0, "What is delivered again");
  });

  test("§26 the end of a sealed topic is an outcome of its own", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 2);
    const consumer = topic.consumer("app");
    for (const n of upTo(2)) same((await world.within("a pull", consumer.pull())).metadata.n, n, "The pulled event");
    const waiting = consumer.pull();
    await world.within("the seal", topic.seal());

    await rejects(world.within("the end", waiting), "ERR_END_OF_TOPIC", "A pull at the end of a sealed topic");
  });
}
