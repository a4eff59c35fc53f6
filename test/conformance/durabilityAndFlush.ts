import { from, map } from "rxjs";
import { isSluiceError, type Rejection } from "../../src/index.ts";
import { matching, ok, rejects, same } from "./assert.ts";
import { collect, gate, numbersOf, pushNumbers, someBytes, upTo, type Numbered, type Suite } from "./world.ts";

/** §14 to §16: flushing, ending a producer, and whose the data is. @internal */
export function durabilityAndFlush({ test }: Suite): void {
  test("§14 flush() resolves when all that was pushed is stored", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 7, linger: Infinity });
    const futures = pushNumbers(producer, 100);
    await world.within("the flush", producer.flush());

    ok(
      futures.every(({ completed }) => completed),
      "A future is pending although the flush has resolved",
    );
    same((await world.read(topic)).length, 100, "How many events there are");
  });

  test("§14 flush() of a producer with nothing to store resolves", async (world) => {
    const producer = (await world.topic()).producer();

    await world.within("the flush", producer.flush());
    await world.store(producer, 1);
    await world.within("the flush", producer.flush());
  });

  test("§14 flush() waits for events that are still being validated", async (world) => {
    const valid = gate();
    const topic = await world.topic({ validator: () => valid.passed });
    const producer = topic.producer({ batchSize: 100, linger: Infinity });
    pushNumbers(producer, 3);
    const flushed = producer.flush();
    await world.roundTrip();
    ok(!flushed.completed, "The flush has resolved before the events were stored");
    valid.open();
    await world.within("the flush", flushed);

    same((await world.read(topic)).length, 3, "How many events there are");
  });

  test("§14 flush() rejects when any of the events failed, and counts them", async (world) => {
    const topic = await world.topic({
      validator: ({ n }: Numbered) => {
        if (n >= 8) throw new Error("too large");
      },
    });
    const producer = topic.producer();
    pushNumbers(producer, 10);
    const error = await rejects(world.within("the flush", producer.flush()), "ERR_INVALID_METADATA", "The flush");

    ok(isSluiceError(error) && error.details["failed"] === 2, "The error must count what failed");
    same((await world.read(topic)).length, 8, "How many events were stored");
    await world.within("the next flush", producer.flush());
  });

  test("§15 complete() stores what was pushed, then closes the producer", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 100, linger: Infinity });
    const receipts = collect(producer.receipts);
    const futures = pushNumbers(producer, 5, 0, 0);
    producer.complete();
    await world.within("the events to be stored", Promise.all(futures));
    await world.until("the receipts complete", () => receipts.ended);

    same(receipts.values.length, 5, "The receipts");
    same(numbersOf(await world.read(topic)), upTo(5), "The events");
    await rejects(world.within("the refusal", producer.push({ n: 5 })), "ERR_CLOSED", "A push after complete()");
  });

  test("§15 error() stores what was accepted, then tells the error", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 100, linger: Infinity });
    const failed = collect<Rejection<unknown>>(producer.errors);
    const futures = pushNumbers(producer, 5, 0, 0);
    producer.error(new RangeError("the source has failed"));
    await world.within("the events to be stored", Promise.all(futures));
    await world.until("the error is told", () => failed.ended);

    matching(failed.error, RangeError, "What the error stream ended with");
    same(numbersOf(await world.read(topic)), upTo(5), "The events");
  });

  test("§15 a stream that is subscribed by a producer is stored whole", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer();
    const receipts = collect(producer.receipts);
    from(upTo(50))
      .pipe(map((n) => ({ metadata: { n }, data: someBytes(n), partition: 0 })))
      .subscribe(producer);
    await world.until("the receipts complete", () => receipts.ended);

    const events = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    same(numbersOf(events), upTo(50), "The events");
    same(
      events.map((event) => event.data.toUint8Array()),
      upTo(50).map((n) => someBytes(n)),
      "Their data",
    );
  });

  test("§16 data belongs to the caller again once its event is stored", async (world) => {
    const topic = await world.topic();
    const bytes = someBytes(64);
    await world.within("the push", topic.producer().push({ n: 0 }, bytes));
    bytes.fill(0xee);

    const [event] = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    same(event!.data.toUint8Array(), someBytes(64), "The data");
  });

  test("§16 data that a reader got is its own", async (world) => {
    const topic = await world.topic();
    await world.within("the push", topic.producer().push({ n: 0 }, someBytes(64)));
    const [first] = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    for (const segment of first!.data.segments) segment.fill(0xee);

    const [second] = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    same(second!.data.toUint8Array(), someBytes(64), "The data that the next reader got");
  });

  test("§16 a debug switch finds out who changes data too early, and fails that event only", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 100, linger: Infinity, changeDetection: "checksum" });
    const bytes = someBytes(64);
    const honest = producer.push({ n: 0 }, someBytes(64), { partition: 0 });
    const changed = producer.push({ n: 1 }, bytes, { partition: 0 });
    bytes[10]! ^= 1;
    await rejects(world.within("the flush", producer.flush()), "ERR_DATA_CHANGED", "The flush");

    await rejects(world.within("the rejection", changed), "ERR_DATA_CHANGED", "The event whose data was changed");
    await world.within("the other event", honest);
    same(numbersOf(await world.read(topic)), [0], "The events that were stored");
  });
}
