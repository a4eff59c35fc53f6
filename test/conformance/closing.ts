import { Subject } from "rxjs";
import { consume, produce } from "../../operators/index.ts";
import { matching, ok, rejects, same, throws } from "./assert.ts";
import { spyOn } from "./spyOn.ts";
import { collect, gate, numbersOf, pushNumbers, upTo, type Numbered, type Suite } from "./world.ts";

/** §29 and §33: letting go. @internal */
export function closing({ test, can }: Suite): void {
  test("§29 unsubscribing stops fetching at once and leaves nothing running", async (world) => {
    const topic = await world.topic({ partitions: 3 });
    const producer = topic.producer();
    await world.store(producer, 30);
    const { topic: watched, seen } = spyOn(topic);
    const read = collect(consume(watched, "app", { batchSize: 1 }));
    await world.until("events come", () => read.values.length >= 30);
    read.stop();
    same(seen.openReads, 0, "The reads that are still open");
    const [came, fetched] = [read.values.length, seen.read];
    await world.store(producer, 30, 30);
    await world.roundTrip();

    same(
      [read.values.length, seen.read],
      [came, fetched],
      "The events that were delivered and read after the unsubscription",
    );
  });

  test("§29 unsubscribing in the middle of a batch delivers nothing more", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer({ batchSize: 20 }), 20);

    same(numbersOf(await world.take(7, topic.consumer("app"), "events")), upTo(7), "The events");
  });

  test("§29 an acknowledgement that was given before the unsubscription is stored", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 10);
    const read = collect(topic.consumer("app"));
    await world.until("the events come", () => read.values.length === 10);
    const acknowledged = read.values[4]!.acknowledge();
    read.stop();
    await world.within("the acknowledgement", acknowledged);

    same(
      numbersOf(await world.all(topic.consumer("app", { until: "end" }), "what is left")),
      upTo(5, 5),
      "The events that are delivered again",
    );
  });

  test("§29 unsubscribing from produce() stops it and lets its source clean up", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const source = new Subject<{ metadata: Numbered }>();
    const produced = collect(source.pipe(produce(topic)));
    source.next({ metadata: { n: 0 } });
    await world.until("a receipt comes", () => produced.values.length === 1);
    produced.stop();

    same(source.observed, false, "Whether the source is still observed");
  });

  test("§29 leaving a loop gives the partitions back", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 5);
    for await (const event of topic.consumer("app")) {
      await world.within("the acknowledgement", event.acknowledge());
      if (event.metadata.n === 2) break;
    }

    same(
      numbersOf(await world.all(topic.consumer("app", { until: "end" }), "what is left")),
      [3, 4],
      "The events that are delivered again",
    );
  });

  test("§33 close() of a producer stores what was pushed, and may be called twice", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 100, linger: Infinity });
    const futures = pushNumbers(producer, 5);
    await world.within("the producer to close", Promise.all([producer.close(), producer.close()]));

    ok(
      futures.every(({ completed }) => completed),
      "A future is pending although the producer is closed",
    );
    await rejects(world.within("the refusal", producer.push({ n: 5 })), "ERR_CLOSED", "A push to a closed producer");
    same(numbersOf(await world.read(topic)), upTo(5), "The events");
    await world.within("a third close()", producer.close());
  });

  test("§33 close() of a producer gives up at its deadline, and says so", async (world) => {
    const never = gate();
    const topic = await world.topic({ validator: () => never.passed });
    const producer = topic.producer();
    producer.push({ n: 0 });
    await rejects(
      world.within("the producer to close", producer.close({ deadline: 5 })),
      "ERR_TIMEOUT",
      "close() of a producer that is stuck",
    );
    await rejects(
      world.within("the refusal", producer.push({ n: 1 })),
      "ERR_CLOSED",
      "A push to a producer that has given up",
    );
  });

  test("§33 close() of a consumer completes its streams and may be called twice", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    await world.store(topic.producer(), 4);
    const consumer = topic.consumer("app");
    const read = collect(consumer);
    await world.until("the events come", () => read.values.length === 4);
    const waiting = topic.consumer("other").pull();
    await world.within("the consumer to close", Promise.all([consumer.close(), consumer.close()]));

    ok(read.ended, "The stream of a closed consumer must complete");
    same(read.error, undefined, "What the stream ended with");
    await rejects(world.within("the refusal", consumer.pull()), "ERR_CLOSED", "A pull from a closed consumer");
    await rejects(
      world.within("the refusal", read.values[0]!.acknowledge()),
      "ERR_CLOSED",
      "An acknowledgement after close()",
    );
    await world.within("the pull of another consumer", waiting);
  });

  test("§33 close() of a consumer does not wait for events that nobody has pulled", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 200);
    const consumer = topic.consumer("app", { batchSize: 10 });
    await world.within("a pull", consumer.pull());
    const before = performance.now();
    await world.within("the consumer to close", consumer.close({ deadline: 60_000 }));

    ok(performance.now() - before < 30_000, "close() must not wait for the deadline");
  });

  test("§33 close() may be called from a handler", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 10);
    const consumer = topic.consumer("app");
    const handled: number[] = [];
    let closed: Promise<void> | undefined;
    await world.within(
      "process() to end",
      consumer.process((event) => {
        handled.push(event.metadata.n);
        if (event.metadata.n === 3) closed = consumer.close();
      }),
    );
    await world.within("the consumer to close", closed!);

    const left = numbersOf(await world.all(topic.consumer("app", { until: "end" }), "what is left"));
    same([...handled, ...left], upTo(10), "What was handled and what is left");
  });

  test("§33 close() of a consumer lets what is being handled finish", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const [id] = await world.store(topic.producer(), 1);
    const handling = gate();
    const consumer = topic.consumer("app");
    let started = false;
    const processing = consumer.process(() => ((started = true), handling.passed));
    await world.until("the handler runs", () => started);
    const closed = consumer.close({ deadline: 60_000 });
    await world.roundTrip();
    handling.open();
    await world.within("the consumer to close", closed);
    await world.within("process() to end", processing);

    same((await topic.lag("app")).partitions[0]!.position, id! + 1, "The acknowledged position");
  });

  test("§33 close() of the driver closes all that was made of it, and may be called twice", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 100, linger: Infinity });
    const future = producer.push({ n: 0 });
    const consumer = topic.consumer("app");
    const read = collect(consumer);
    const pulled = topic.consumer("other").pull();
    await world.roundTrip();
    await world.within("the driver to close", Promise.all([world.driver.close(), world.driver.close()]));

    ok(future.completed, "A push must be settled when the driver is closed");
    ok(read.ended, "A stream must have ended when the driver is closed");
    await pulled.then(undefined, () => undefined);
    ok(pulled.completed, "A pull must be settled when the driver is closed");
    throws(() => topic.producer(), "ERR_CLOSED", "A new producer of a closed driver");
    await rejects(world.driver.listTopics(), "ERR_CLOSED", "A call of a closed driver");
    await rejects(world.driver.createTopic("late"), "ERR_CLOSED", "A new topic of a closed driver");
  });

  test("§33 await using closes a driver", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 100, linger: Infinity });
    const future = producer.push({ n: 0 });
    await world.within("the driver to close", world.driver[Symbol.asyncDispose]());

    ok(future.completed, "A push must be settled when the driver is closed");
    await rejects(world.driver.listTopics(), "ERR_CLOSED", "A call of a closed driver");
  });

  test("§33 deleting a topic ends its consumers and producers with ERR_TOPIC_NOT_FOUND", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 2);
    const read = collect(topic.consumer("app"));
    await world.until("the consumer reads", () => read.values.length === 2);
    await world.within("the deletion", world.driver.deleteTopic(topic.name));
    await world.until("the consumer ends", () => read.ended);

    matching(read.error, "ERR_TOPIC_NOT_FOUND", "What the consumer ended with");
    await rejects(world.within("the refusal", producer.push({ n: 2 })), "ERR_TOPIC_NOT_FOUND", "A push");
    await rejects(world.within("the refusal", topic.describe()), "ERR_TOPIC_NOT_FOUND", "describe()");
    same(await world.driver.topicExists(topic.name), false, "Whether the topic exists");
  });

  test("§33 a topic that is made again after a deletion is empty", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 3);
    const events = await world.take(3, topic.consumer("app"), "events");
    await world.within("the acknowledgement", events[2]!.acknowledge());
    await world.within("the deletion", world.driver.deleteTopic(topic.name));
    const again = await world.driver.createTopic<Numbered>(topic.name, { partitions: 1 });

    same((await world.read(again)).length, 0, "The events of the new topic");
    const ids = await world.store(again.producer(), 2);
    if (can.contiguousIds) same(ids, [0, 1], "The ids of the new topic");
    same(
      numbersOf(await world.all(again.consumer("app", { until: "end" }), "the events")),
      [0, 1],
      "What the old name reads",
    );
  });
}
