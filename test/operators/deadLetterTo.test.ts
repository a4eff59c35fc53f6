import test from "ava";
import { map, of, throwError } from "rxjs";
import { deadLetterTo, type DeadLetterMetadata } from "../../operators/deadLetterTo.ts";
import { processEvents } from "../../operators/processEvents.ts";
import type { EventBatch } from "../../src/model/batch.ts";
import { EventData } from "../../src/model/data.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";
import { fromFunction } from "../../src/model/validators/fromFunction.ts";
import { boom, eventLog, fakeEvent, fakePartition, fakeTopic, marbles } from "./helpers.ts";

const letterOf = (error: unknown, size = 0) => {
  const fetch = () => of([EventData.from(new Uint8Array(size).fill(7))]);
  return { event: fakeEvent<string>(5, eventLog(), { partition: 2, metadata: "m", size, fetch }), error };
};

/** A dead-letter topic, and what was stored in it. */
function topicAndBatches(batches: EventBatch[]) {
  const append = (batch: EventBatch) => (batches.push(batch), of({ firstId: 3 }));
  return fakeTopic<DeadLetterMetadata<string>>({ partitions: [fakePartition({ append })] });
}

const stored = (error: unknown) => {
  const batches: EventBatch[] = [];
  deadLetterTo(topicAndBatches(batches))(letterOf(error)).subscribe();
  return JSON.parse(new TextDecoder().decode(batches[0]!.metadata)) as DeadLetterMetadata<string>;
};

test("deadLetterTo() stores an event with its data, where it came from and why, and emits the receipt", (t) => {
  const batches: EventBatch[] = [];
  deadLetterTo(topicAndBatches(batches))(letterOf(new Error("bad"), 4)).subscribe(({ id }) => t.is(id, 3));
  t.deepEqual([...batches[0]!.data[0]!], [7, 7, 7, 7]);
  t.deepEqual(stored(new Error("bad")), {
    metadata: "m",
    origin: { topic: "t", partition: 2, id: 5, timestamp: 0 },
    error: { name: "Error", message: "bad" },
  });
  t.plan(3);
});

test("deadLetterTo() tells the code of an error that has one, and bears what is no error", (t) => {
  t.deepEqual(stored(new SluiceError("ERR_TIMEOUT", "late")).error, {
    name: "SluiceError",
    message: "late",
    code: "ERR_TIMEOUT",
  });
  t.deepEqual(stored(Object.assign(new Error("gone"), { code: "ENOENT" })).error, {
    name: "Error",
    message: "gone",
    code: "ENOENT",
  });
  t.deepEqual(stored("oops").error, { name: "Error", message: "oops" });
});

test("deadLetterTo() does nothing before it is subscribed to, and stops when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const append = cold<never>("----|");
    const store = deadLetterTo(
      fakeTopic<DeadLetterMetadata<string>>({ partitions: [fakePartition({ append: () => append })] }),
    );
    store(letterOf(new Error("bad")));
    expectObservable(store(letterOf(new Error("bad"))), "--!").toBe("---");
    expectSubscriptions(append.subscriptions).toBe("^-!");
  });
});

test("deadLetterTo() fails when the data cannot be fetched, the metadata not be read, or the letter not be stored", (t) => {
  const store = deadLetterTo(topicAndBatches([]));
  const unfetchable = {
    event: fakeEvent<string>(0, eventLog(), { size: 1, fetch: () => throwError(() => "lost") }),
    error: 1,
  };
  store(unfetchable).subscribe({ error: (error: unknown) => t.is(error, "lost") });
  const unreadable = letterOf(1);
  Object.defineProperty(unreadable.event, "metadata", { get: boom });
  store(unreadable).subscribe({ error: (error: Error) => t.is(error.message, "boom") });
  const refusing = fakeTopic<DeadLetterMetadata<string>>({ components: { validator: fromFunction(boom) } });
  deadLetterTo(refusing)(letterOf(1)).subscribe({
    error: (error: unknown) => t.true(isSluiceError(error, "ERR_INVALID_METADATA")),
  });
  t.plan(3);
});

test("deadLetterTo() lets processEvents() acknowledge once the letter is stored", (t) => {
  marbles(t, ({ cold, expectObservable, flush }) => {
    const log = eventLog();
    const topic = fakeTopic<DeadLetterMetadata<number>>({
      partitions: [fakePartition({ append: () => cold("---r|", { r: { firstId: 0 } }) })],
    });
    const handled = cold("-a|", { a: fakeEvent(0, log) }).pipe(
      processEvents<number>(boom, { deadLetter: deadLetterTo(topic) }),
      map(() => log.acknowledged.join()),
    );
    expectObservable(handled).toBe("----(x|)", { x: "0:0" });
    flush();
  });
});
